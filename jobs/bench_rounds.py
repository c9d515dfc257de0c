"""Competitors in turn over the same pages: one process each, one at a time, so that a noisy machine treats all alike.

In: names of competitors and pages. Out: a `Measurement` for each competitor, chunk of pages and look, and for each page an
Agreement. Rendering, loading and scoring lie outside the timed part; CPU time counts all threads of the competitor's process.
Linux only: peak memory is read from /proc, because a child's `ru_maxrss` starts at its parent's size.
"""

import multiprocessing
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeVar

from jobs.bench_pages import BenchPage, Look, Picture, on_page, picture
from jobs.bench_readers import COMPETITORS, Reading
from pipeline.errors import EngineError
from pipeline.quality.scoring import Agreement, BoxedText, compare_boxed, without_order
from pipeline.records import PageImage

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
NUM_WARM_UP_PAGES = 2
Kind = TypeVar("Kind")


class Timed(NamedTuple):
    """A competitor's answer to one chunk."""

    readings: list[Reading]
    cpu_s: float
    wall_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One competitor, one chunk of pages, one look."""

    competitor: str
    look: Look
    round_index: int
    """Equal for all competitors that read the same chunk: ratios are taken within a round."""
    cpu_s: float
    wall_s: float
    peak_rss_bytes: int
    pages: tuple[tuple[str, str, Agreement], ...]
    """Key, language and agreement of each page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningReader:
    """A competitor in its process."""

    name: str
    version: str
    connection: Connection

    def read(self, images: Sequence[PageImage], num_warm_up: int) -> Timed:
        """Raises EngineError when the process is gone."""
        self.connection.send((list(images), num_warm_up))
        return _received(self.connection, self.name, Timed)


@contextmanager
def running_reader(name: str) -> Iterator[RunningReader]:
    """Starts a competitor in a fresh process with one thread, and ends it. Raises EngineError when it does not open."""
    os.environ.update(ONE_THREAD)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(name, there), daemon=True)
    process.start()
    there.close()
    try:
        yield RunningReader(name=name, version=_received(here, name, str), connection=here)
    finally:
        here.close()
        process.join(timeout=10)
        process.kill()


@contextmanager
def running_readers(names: Sequence[str]) -> Iterator[list[RunningReader]]:
    """All competitors at once; only one of them works at any time."""
    with ExitStack() as stack:
        yield [stack.enter_context(running_reader(name)) for name in names]


def measure(
    readers: Sequence[RunningReader], pages: Sequence[BenchPage], looks: Sequence[Look], chunk: int
) -> Iterator[Measurement]:
    """Reads all pages with all competitors; the order of the competitors turns by one with each round. Raises EngineError."""
    parts = [pages[start : start + chunk] for start in range(0, len(pages), chunk)]
    rounds = [(look, part) for part in parts for look in looks]
    for round_index, (look, part) in enumerate(rounds):
        yield from _measure_round(in_turn(readers, round_index), part, look, round_index)


def in_turn(competitors: Sequence[Kind], round_index: int) -> list[Kind]:
    """The competitors from another one on in each round, so that none always follows the same one."""
    turn = round_index % len(competitors)
    return [*competitors[turn:], *competitors[:turn]]


def _measure_round(
    readers: Sequence[RunningReader], pages: Sequence[BenchPage], look: Look, round_index: int
) -> Iterator[Measurement]:
    wanted = {(COMPETITORS[reader.name].dpi, COMPETITORS[reader.name].channels) for reader in readers}
    num_warm_up = NUM_WARM_UP_PAGES if round_index == 0 else 0
    rendered: dict[tuple[float, str], list[Picture]] = {
        (dpi, channels): [picture(page, dpi=dpi, channels=channels, look=look) for page in pages]
        for dpi, channels in sorted(wanted)
    }
    for reader in readers:
        competitor = COMPETITORS[reader.name]
        pictures = rendered[competitor.dpi, competitor.channels]
        timed = reader.read([seen.image for seen in pictures], num_warm_up)
        scored = zip(pages, pictures, timed.readings, strict=True)
        yield Measurement(
            competitor=reader.name,
            look=look,
            round_index=round_index,
            cpu_s=timed.cpu_s,
            wall_s=timed.wall_s,
            peak_rss_bytes=timed.peak_rss_bytes,
            pages=tuple((page.key, page.document.language, score(page, seen, read)) for page, seen, read in scored),
        )


def score(page: BenchPage, seen: Picture, reading: Reading) -> Agreement:
    """One page against its text layer, both as printed, line by line."""
    facts = seen.image.facts
    lines: list[BoxedText] = [on_page(line, seen.skew_degrees, facts.width_pt, facts.height_pt) for line in reading.lines]
    agreement = compare_boxed(lines, page.words)
    return agreement if page.is_running_text else without_order(agreement)


def _received(connection: Connection, name: str, kind: type[Kind]) -> Kind:
    try:
        answer = connection.recv()
    except EOFError as error:
        raise EngineError(f"competitor {name} ended before it answered; its own message stands above") from error
    if not isinstance(answer, kind):
        raise EngineError(f"competitor {name} answered {type(answer).__name__} where {kind.__name__} was due")
    return answer


def _serve(name: str, connection: Connection) -> None:
    """A competitor's process: opens, says its version, then reads chunks until the pipe closes."""
    import cv2

    cv2.setNumThreads(1)
    reader = COMPETITORS[name].open()
    connection.send(reader.version)
    while True:
        try:
            images, num_warm_up = connection.recv()
        except EOFError:
            return
        if num_warm_up:
            reader.read(images[:num_warm_up])
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        readings = reader.read(images)
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        connection.send(Timed(readings, cpu_s, wall_s, _peak_rss_bytes()))


def _peak_rss_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) * 1024 if match else 0
