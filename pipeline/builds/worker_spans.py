"""What a journal says of workers: who was open from when to when, how busy its engine was, and how it ended.

In: the lines of a journal, in any order. Out: one WorkerSpan for each worker that opened its engine; a place that lost its
worker before that held a node for a time that nobody measured, and is none. Pure. Sorts the lines, and holds them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pipeline.builds.journal_lines import DriverEnded, JournalLine, ShardDone
from pipeline.events import ShardGiven, ShardReturned, WorkerFigures, WorkerLost, WorkerOpened


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSpan:
    """One worker of one driver. It has held its CPUs and its GPU for `alive_s`."""

    driver: str
    worker: str
    """host/pid."""
    engine: str
    """Name and version, one line."""
    opened_at: datetime
    """UTC; its process had begun `opening_s` before."""
    opening_s: float
    last_seen_at: datetime
    """UTC. Of one that left, when its driver let it go; else its last sign of life, which its end may follow by 15 s."""
    engine_busy_s: float
    """In which its engine held at least one page; as of its last figures, which are a minute old at most."""
    num_pages_read: int
    ended: Literal["left", "lost", "unheard"]
    """`unheard`: the journal of its driver has no end, because that was killed or is still at work."""
    reason: str
    """One line; "" unless it was lost."""

    @property
    def alive_s(self) -> float:
        """From the start of its process to its last sign of life."""
        return self.opening_s + (self.last_seen_at - self.opened_at).total_seconds()


def worker_spans(lines: Iterable[JournalLine]) -> tuple[WorkerSpan, ...]:
    """By driver, then by the time at which they opened."""
    told = sorted(lines, key=lambda line: (line.driver, line.at, _rank(line)))
    open_spans: dict[tuple[str, str], WorkerSpan] = {}
    ended: list[WorkerSpan] = []
    for line in told:
        if isinstance(line.event, DriverEnded):
            left = [place for place in open_spans if place[0] == line.driver]
            ended += [replace(open_spans.pop(place), ended="left", last_seen_at=line.at) for place in left]
            continue
        place = (line.driver, _worker_of(line))
        if isinstance(line.event, WorkerOpened):
            ended += [open_spans.pop(place)] if place in open_spans else []
            open_spans[place] = _opened(line, line.event)
        elif place in open_spans and isinstance(line.event, WorkerLost):
            ended.append(replace(open_spans.pop(place), ended="lost", reason=line.event.reason))
        elif place in open_spans:
            open_spans[place] = _seen(open_spans[place], line)
    return tuple(sorted([*ended, *open_spans.values()], key=lambda span: (span.driver, span.opened_at, span.worker)))


def _rank(line: JournalLine) -> int:
    """Among lines of one millisecond: a worker opens before all else and is lost after all else, but for its driver's end."""
    match line.event:
        case WorkerOpened():
            return 0
        case WorkerLost():
            return 2
        case DriverEnded():
            return 3
        case _:
            return 1


def _worker_of(line: JournalLine) -> str:
    """ "" for a line that is about no worker."""
    match line.event:
        case WorkerOpened() | WorkerLost() | WorkerFigures() | ShardGiven() | ShardDone() | ShardReturned():
            return line.event.worker
        case _:
            return ""


def _opened(line: JournalLine, event: WorkerOpened) -> WorkerSpan:
    return WorkerSpan(
        driver=line.driver,
        worker=event.worker,
        engine=event.engine,
        opened_at=line.at,
        opening_s=event.seconds,
        last_seen_at=line.at,
        engine_busy_s=0.0,
        num_pages_read=0,
        ended="unheard",
        reason="",
    )


def _seen(span: WorkerSpan, line: JournalLine) -> WorkerSpan:
    match line.event:
        case WorkerFigures(engine_busy_s=busy_s, num_pages_read=num_pages):
            return replace(span, last_seen_at=line.at, engine_busy_s=busy_s, num_pages_read=num_pages)
        case ShardReturned():  # the driver's word of it
            return span
        case _:
            return replace(span, last_seen_at=line.at)
