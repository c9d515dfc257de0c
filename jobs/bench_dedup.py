"""`python -m jobs.bench_dedup million|planted|beside`: time, memory, recall and precision of finding duplicates.

`million` searches documents that exist as signatures only (`jobs/synthetic_signatures.py`), tasks in processes of their own;
`planted` and `beside` read texts twice with errors (`jobs/bench_near.py`), `beside` in turns with datatrove's MinHash stages.
Appends a dated section to infra/benchmarks/dedup.md.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from jobs.bench_near import beside, ours, planted, texts_in
from jobs.bench_scale import measured, status_bytes
from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, run_command
from jobs.synthetic_signatures import COPIED, EXCERPT, NEW, READ_AGAIN, Planted, plant, put_signed
from pipeline.config import DedupConfig, OutputConfig
from pipeline.dedup.find import Duplicates, find_duplicates
from pipeline.dedup.resolve import KEPT
from pipeline.store import open_store

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_dedup",
        description="Time, memory, recall and precision of finding duplicates.",
        epilog="example:\n  python -m jobs.bench_dedup million --documents 1000000 --workers 2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=sorted(RUNS))
    parser.add_argument("--documents", type=int, default=1_000_000, help="(million)")
    parser.add_argument("--workers", type=int, default=2, help="(million) processes for tasks")
    parser.add_argument("--texts", type=Path, help="(planted, beside) folder of *.txt, pages divided by form feeds")
    parser.add_argument("--peer", type=Path, help="(beside) a Python that has datatrove, spacy, tokenizers and xxhash<4")
    parser.add_argument("--rounds", type=int, default=3, help="(beside)")
    parser.add_argument("--pages", type=Path, help="(ours) rows of id and text")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/dedup.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, lambda arguments: RUNS[arguments.what](arguments), argv)


@dataclass(kw_only=True, slots=True)
class Processes:
    """A Spread over processes, and what they took."""

    pool: ProcessPoolExecutor
    peak_bytes: int = 0
    cpu_s: float = 0.0
    num_tasks: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        waiting = iter(items)
        running = deque(self.pool.submit(_watched, function, item) for item in islice(waiting, AHEAD * 2))
        while running:
            result, cpu_s, peak_bytes = running.popleft().result()
            running.extend(self.pool.submit(_watched, function, item) for item in islice(waiting, 1))
            self.peak_bytes, self.cpu_s = max(self.peak_bytes, peak_bytes), self.cpu_s + cpu_s
            self.seconds[function.__name__] = self.seconds.get(function.__name__, 0.0) + cpu_s
            self.num_tasks += 1
            yield result


def _watched(function: Callable[[Item], Result], item: Item) -> tuple[Result, float, int]:
    cpu_s = time.process_time()
    result = function(item)
    return result, time.process_time() - cpu_s, status_bytes("VmHWM")


def million(arguments: argparse.Namespace) -> int:
    """Two searches: one that makes the index, and one that finds it there."""
    lines = [*machine_lines(), ""]
    truth = plant(arguments.documents)
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        store = open_store(OutputConfig(uri=folder))
        build = put_signed(store, truth)
        print("signatures are there", file=sys.stderr, flush=True)
        lines += [
            f"{arguments.documents:,} documents in {len(build.files):,} files, tasks in {arguments.workers} processes.",
            "",
            "| search | wall s | driver CPU s | tasks CPU s | tasks | driver peak RSS MB | of it grown MB | largest task MB |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name in ("makes the index", "finds the index"):
            found: list[Duplicates] = []
            with ProcessPoolExecutor(arguments.workers, multiprocessing.get_context("spawn")) as pool:
                processes = Processes(pool=pool)

                def search(processes: Processes = processes, found: list[Duplicates] = found) -> None:
                    found.append(
                        find_duplicates(
                            [build],
                            store=store,
                            admitted=np.ones(arguments.documents, np.bool_),
                            priority=np.arange(arguments.documents),
                            config=DedupConfig(),
                            spread=processes,
                        )
                    )

                cost = measured(name, arguments.documents, search)
            by_function = ", ".join(f"{task} {seconds:.1f}" for task, seconds in processes.seconds.items())
            lines.append(
                f"| {name} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} | {processes.cpu_s:.1f} ({by_function}) "
                f"| {processes.num_tasks} | {cost.peak_bytes / 1e6:.0f} | {cost.grown_bytes / 1e6:.0f} "
                f"| {processes.peak_bytes / 1e6:.0f} |"
            )
        index_bytes = sum(info.size_bytes for info in store.list(build.index_prefix))
    lines += ["", f"Index: {index_bytes / arguments.documents:.0f} bytes a document.", "", *_recall(truth, found[0])]
    print(append_section(arguments.out, f"{arguments.documents:,} synthetic documents", lines))
    return DONE


def _recall(truth: Planted, duplicates: Duplicates) -> list[str]:
    lines = ["| planted | documents | found | recall |", "|---|---|---|---|"]
    is_right = duplicates.canonical == truth.origin_N
    for name, fate in (("second reading", READ_AGAIN), ("same text", COPIED), ("first pages", EXCERPT)):
        of_fate = truth.fate_N == fate
        found = int(np.count_nonzero(is_right & of_fate & (duplicates.kind != KEPT)))
        lines.append(f"| {name} | {int(of_fate.sum()):,} | {found:,} | {found / max(int(of_fate.sum()), 1):.4f} |")
    rejected = int(np.count_nonzero(duplicates.kind != KEPT))
    wrong = int(np.count_nonzero((duplicates.kind != KEPT) & ~is_right))
    unplanted = int(np.count_nonzero((duplicates.kind != KEPT) & (truth.fate_N == NEW)))
    return [
        *lines,
        "",
        f"Of {rejected:,} rejected, {wrong} name another document than the planted one, {unplanted} were not planted at all.",
    ]


def near(arguments: argparse.Namespace) -> int:
    title, lines = planted(texts_in(arguments.texts))
    print(append_section(arguments.out, title, [*machine_lines(), "", *lines]))
    return DONE


def peer(arguments: argparse.Namespace) -> int:
    lines = machine_lines()
    title, more = beside(texts_in(arguments.texts), arguments.peer, arguments.rounds)
    print(append_section(arguments.out, title, [*lines, *more]))
    return DONE


def ours_alone(arguments: argparse.Namespace) -> int:
    print(ours(arguments.pages))
    return DONE


RUNS: dict[str, Callable[[argparse.Namespace], int]] = {
    "million": million,
    "planted": near,
    "beside": peer,
    "ours": ours_alone,
}

if __name__ == "__main__":
    raise SystemExit(main())
