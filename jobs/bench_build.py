"""`python -m jobs.bench_build CORPUS`: what a build costs beside its engine, and how much memory its processes take.

Runs `pagemill build` as its users do, watches the processes that it starts, and reads the receipts. Appends a dated section.
Overhead is what the workers' time holds besides engine time: cleaning, judging, encoding, committing, and waiting for pages.
Memory is proportional set size (PSS), so a library that many processes share counts once; the object store, which all of them
map, is a row of its own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, INCOMPLETE, run_command
from jobs.process_memory import peaks_of, watch
from pipeline.builds.commit import read_receipts
from pipeline.config import StoreConfig
from pipeline.receipts import ShardReceipt
from pipeline.store import open_store

BUILD_ID = "bench"
SAMPLE_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Where the workers' time went, as fractions of the time from each worker's first shard to its last."""

    num_pages: int
    num_workers: int
    workers_s: float
    engine_fraction: float
    judge_fraction: float
    other_fraction: float
    """Rendering that the engine had to wait for, encoding, committing, hand-over."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_build",
        description="Overhead and peak memory of a whole build.",
        epilog="example:\n  python -m jobs.bench_build ~/papers --set engine.workers=2 --title '200 papers, two workers'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("corpus", type=Path, help="a folder of documents, or one document")
    parser.add_argument("--config", type=Path, default=Path("configs/local.yaml"))
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--title", default="a build")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/build.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        settings = [part for setting in arguments.set for part in ("--set", setting)]
        argv = [
            sys.executable,
            "-m",
            "jobs.pagemill",
            "build",
            str(arguments.config),
            "--output",
            folder,
            "--build-id",
            BUILD_ID,
            *settings,
        ]
        started_s = time.monotonic()
        build = subprocess.Popen([*argv, "--input", str(arguments.corpus)], stdout=subprocess.DEVNULL)
        samples = [sample.own_bytes for sample in watch(build, every_s=SAMPLE_EVERY_S)]
        elapsed_s = time.monotonic() - started_s
        if build.returncode != 0:
            return INCOMPLETE
        receipts = list(read_receipts(open_store(StoreConfig(uri=folder)), BUILD_ID).values())
        lines = report(arguments, shares_of(receipts), peaks_of(samples), peaks_of(samples[: len(samples) // 2]), elapsed_s)
    print(append_section(arguments.out, arguments.title, lines))
    return DONE


def shares_of(receipts: Sequence[ShardReceipt]) -> Shares:
    """A worker's time runs from the start of its first shard to the end of its last; its shards overlap."""
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for receipt in receipts:
        spans[receipt.worker].append((receipt.finished_at - timedelta(seconds=receipt.times.total_s), receipt.finished_at))
    workers_s = sum((max(end for _, end in span) - min(start for start, _ in span)).total_seconds() for span in spans.values())
    engine = sum(receipt.times.engine_busy_s for receipt in receipts) / workers_s
    judge = sum(receipt.times.judge_s for receipt in receipts) / workers_s
    return Shares(
        num_pages=sum(receipt.num_rows for receipt in receipts),
        num_workers=len(spans),
        workers_s=workers_s,
        engine_fraction=engine,
        judge_fraction=judge,
        other_fraction=1.0 - engine - judge,
    )


def report(
    arguments: argparse.Namespace, shares: Shares, peaks: dict[str, int], half_way: dict[str, int], elapsed_s: float
) -> list[str]:
    rows = [f"| {role} | {peaks[role] / 1e6:.0f} | {half_way.get(role, 0) / 1e6:.0f} |" for role in sorted(peaks)]
    return [
        *machine_lines(),
        f"* pagemill {version('pagemill')}, ray {version('ray')}, settings: {' '.join(arguments.set) or 'none'}",
        "",
        f"{shares.num_pages} pages, {shares.num_workers} workers, {elapsed_s:.0f} s from start to published. The workers' "
        f"{shares.workers_s:.0f} s: engine {shares.engine_fraction:.1%}, cleaning, measuring and judging "
        f"{shares.judge_fraction:.1%}, everything else (waiting for pages, encoding, committing) {shares.other_fraction:.1%}.",
        "",
        "| process (the largest of its kind) | peak PSS, MB | peak in the first half, MB |",
        "|---|---|---|",
        *rows,
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
