"""`python -m jobs.bench_workers`: how busy real workers keep engines that take a GPU's time, from one worker to sixteen.

Everything is real but the engine: `pagemill`'s driver, Ray's actors, rendering and commits; the `scripted` engine waits as a
GPU would read, many pages at once with a long tail. Efficiency is the engine time of all pages over workers times wall time.
Appends a dated section to infra/benchmarks/scale.md.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.bench_memory import draw_corpus
from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, code_version, run_command
from pipeline.builds.begin import begin_build
from pipeline.cluster import connect, disconnect, run_shards
from pipeline.cluster.start import BASE_BYTES
from pipeline.config import BuildConfig, parse_config
from pipeline.events import Pulse
from pipeline.receipts import ShardReceipt
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store

PAGES_PER_DOCUMENT = 40
"""A rendering task costs 15 ms and each page 7: so few documents that rendering is not what is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One build."""

    num_workers: int
    num_shards: int
    num_pages: int
    start_s: float
    """Until every worker's engine is open."""
    wall_s: float
    """From the start to the last receipt."""
    busy_s: float
    """Engine time of all pages, over the pages an engine reads at once."""
    tail_s: float
    """From the first worker's last receipt to the end."""
    page_wait_fraction: float
    """Share of the shards' time in which they waited for rendered pages."""
    closing_s: float
    """Mean from a shard's last page to its receipt's time: judging."""

    @property
    def efficiency(self) -> float:
        return self.busy_s / (self.num_workers * self.wall_s)

    @property
    def efficiency_once_open(self) -> float:
        return self.busy_s / (self.num_workers * (self.wall_s - self.start_s))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_workers",
        description="Efficiency of 1 to 16 real workers whose engine takes a GPU's time.",
        epilog="example:\n  python -m jobs.bench_workers --workers 1 2 4 8 16 --pages 400",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--pages", type=int, default=400, help="for each worker")
    parser.add_argument("--shard-documents", type=int, default=1, help="of forty pages each")
    parser.add_argument("--pages-per-s", type=float, default=2.4, help="of one engine")
    parser.add_argument("--in-flight", type=int, default=8, help="pages that an engine reads at once")
    parser.add_argument("--sigma", type=float, default=0.7, help="spread of a page's seconds, of the logarithm")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/scale.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    machine = machine_lines()
    rows = [
        "| workers | shards | pages | start s | wall s | tail s | waiting for pages | judging, s | efficiency | once open |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    connect("local", num_cpus=max(arguments.workers), object_store_bytes=BASE_BYTES)
    try:
        for num_workers in arguments.workers:
            with tempfile.TemporaryDirectory(prefix="pm", dir="/tmp") as folder:
                draw_corpus(
                    Path(folder) / "corpus", [PAGES_PER_DOCUMENT] * (arguments.pages * num_workers // PAGES_PER_DOCUMENT)
                )
                rows.append(row_of(measured(config_of(arguments, Path(folder), num_workers))))
            print(rows[-1], file=sys.stderr, flush=True)
    finally:
        disconnect()
    title = f"real workers, {arguments.pages_per_s:g} pages/s each, {arguments.in_flight} in flight, spread {arguments.sigma:g}"
    print(append_section(arguments.out, title, [*machine, "", *rows, ""]))
    return DONE


def config_of(arguments: argparse.Namespace, folder: Path, num_workers: int) -> BuildConfig:
    return parse_config(
        {
            "input": {"uri": str(folder / "corpus")},
            "output": {"uri": str(folder / "out")},
            "engine": {
                "name": "scripted",
                "workers": num_workers,
                "seconds_per_page": arguments.in_flight / arguments.pages_per_s,
                "pages_in_flight": arguments.in_flight,
                "seconds_sigma": arguments.sigma,
            },
            "plan": {"shard_documents": arguments.shard_documents},
            "render": {"dpi": 20, "window_pages": 16},
        }
    )


def measured(config: BuildConfig) -> Measured:
    """Plans and builds; publishing is no engine's time and is left out."""
    store = open_store(config.output)
    source = open_source(config.input)
    plan = begin_build(store, config, lambda: list_documents(source), code_version=code_version())
    receipts: list[ShardReceipt] = []
    finished_s: dict[str, float] = {}
    started_s = open_s = time.monotonic()
    num_open = 0
    for event in run_shards(plan.shards, config, stamp=plan.stamp, store=store, known=()):
        if isinstance(event, Pulse) and event.num_workers > num_open:
            num_open, open_s = event.num_workers, time.monotonic()
        if isinstance(event, ShardReceipt):
            receipts.append(event)
            finished_s[event.worker] = time.monotonic()
    ended_s = max(finished_s.values())
    return Measured(
        num_workers=config.engine.workers,
        num_shards=len(receipts),
        num_pages=sum(receipt.num_rows for receipt in receipts),
        start_s=open_s - started_s,
        wall_s=ended_s - started_s,
        busy_s=sum(receipt.times.engine_busy_s for receipt in receipts) / in_flight_of(config),
        tail_s=ended_s - min(finished_s.values()),
        page_wait_fraction=sum(each.times.render_wait_s for each in receipts) / sum(each.times.total_s for each in receipts),
        closing_s=sum(each.times.judge_s for each in receipts) / len(receipts),
    )


def in_flight_of(config: BuildConfig) -> int:
    assert config.engine.name == "scripted"
    return config.engine.pages_in_flight


def row_of(build: Measured) -> str:
    cells = (
        f"{build.num_workers}",
        f"{build.num_shards}",
        f"{build.num_pages:,}",
        f"{build.start_s:.1f}",
        f"{build.wall_s:.1f}",
        f"{build.tail_s:.1f}",
        f"{build.page_wait_fraction:.1%}",
        f"{build.closing_s:.2f}",
        f"{build.efficiency:.1%}",
        f"{build.efficiency_once_open:.1%}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
