"""The journal of a build: what each driver saw, kept in the dataset beside the build, for whoever asks later.

In: BuildEvents, as they come. Out: `_builds/<id>/events/<driver>-<nnnn>.jsonl`, each chunk put once, every minute and at the
end; and back, line by line. Two drivers write beside each other. Evidence of pages never depends on it: a store that refuses
a chunk is asked again with the next one, the build goes on, and `trouble` says so at the end; what is too much to hold is
given up, and a line in the journal counts it (infra/decisions/0016). A driver that is killed loses its last minute.

Costs a put a minute. Holds CHUNK_BYTES, and at most HELD_BYTES that a store has refused. Knows no Ray.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.journal_lines import (
    DriverBegan,
    DriverEnded,
    JournalEvent,
    JournalLine,
    LinesLost,
    decode_lines,
    done_of,
    encode_line,
)
from pipeline.errors import StoreError
from pipeline.events import BuildEvent, Pulse, WorkerLost
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.receipts import ShardReceipt

PUT_EVERY_S = 60.0
FIGURES_EVERY_S = 60.0
"""Of one worker: 160 workers for 8 hours are 77,000 lines of 258 bytes, 20 MB."""
CHUNK_BYTES = 1_000_000
HELD_BYTES = 8_000_000
PARALLEL_GETS = 16
Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chunk:
    key: str
    data: bytes
    num_lines: int


def utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """Open while a driver reads; `hear` is its listener, and leaving the `with` puts what is left, whatever ended it."""

    def __init__(self, store: ObjectStore, build_id: str, began: DriverBegan, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._build_id = build_id
        self._clock = clock
        self._attempt_id = uuid4().hex
        self.driver = f"{clock():%Y%m%dT%H%M%SZ}-{self._attempt_id[:12]}"
        self._lines: list[bytes] = []
        self._num_bytes = 0
        self._num_chunks = 0
        self._refused: deque[_Chunk] = deque()
        self._num_lines_lost = 0
        self._figures: dict[str, JournalLine] = {}
        self._figures_told_s: dict[str, float] = {}
        self._put_s = time.monotonic()
        self.trouble = ""
        """What the store last said against a chunk that is not put; "" when all of them are."""
        self._write(self._line(began))

    def __enter__(self) -> "Journal":
        """Puts the beginning, so that a driver that is killed at once has left its name."""
        self._put_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._write_figures(list(self._figures))
        self._write(self._line(_end_of(error)))
        self._put_all()

    def hear(self, event: BuildEvent) -> None:
        """Takes down what happened; about once a minute, puts it."""
        match event:
            case Pulse():
                self._hear_figures(event)
            case ShardReceipt():
                self._write(self._line(done_of(event)))
            case WorkerLost():
                self._write_figures([event.worker])
                self._write(self._line(event))
            case _:
                self._write(self._line(event))
        if self._num_bytes >= CHUNK_BYTES or time.monotonic() - self._put_s >= PUT_EVERY_S:
            self._put_all()

    def _hear_figures(self, pulse: Pulse) -> None:
        """The newest of each worker are held, and written when a minute has gone, or when the worker or the driver goes."""
        now_s = time.monotonic()
        for figures in pulse.workers:
            self._figures[figures.worker] = self._line(figures)
        for worker in list(self._figures):
            if now_s - self._figures_told_s.setdefault(worker, now_s) >= FIGURES_EVERY_S:
                self._write_figures([worker])
                self._figures_told_s[worker] = now_s

    def _write_figures(self, workers: list[str]) -> None:
        for worker in workers:
            if line := self._figures.pop(worker, None):
                self._write(line)

    def _line(self, event: JournalEvent) -> JournalLine:
        return JournalLine(at=self._clock(), build_id=self._build_id, driver=self.driver, event=event)

    def _write(self, line: JournalLine) -> None:
        data = encode_line(line)
        self._lines.append(data)
        self._num_bytes += len(data)

    def _put_all(self) -> None:
        """A chunk keeps its key and its bytes from its first put on, so that a put whose reply was lost is known again."""
        self._put_s = time.monotonic()
        self._refused.append(self._chunk())
        try:
            while self._refused:
                chunk = self._refused[0]
                self._store.put_once(chunk.key, chunk.data, attempt_id=self._attempt_id)
                self._refused.popleft()
            self.trouble = ""
        except StoreError as error:
            self.trouble = str(error)
            self._give_up_the_oldest()

    def _chunk(self) -> _Chunk:
        self._num_chunks += 1
        key = layout.journal_key(self._build_id, self.driver, self._num_chunks)
        chunk = _Chunk(key=key, data=b"".join(self._lines), num_lines=len(self._lines))
        self._lines, self._num_bytes = [], 0
        return chunk

    def _give_up_the_oldest(self) -> None:
        while sum(len(chunk.data) for chunk in self._refused) > HELD_BYTES:
            self._num_lines_lost += self._refused.popleft().num_lines
            self._write(self._line(LinesLost(num_lines=self._num_lines_lost, reason=self.trouble)))


def read_journal(store: ObjectStore, build_id: str, *, about: str = "") -> Iterator[JournalLine]:
    """Every line of a build, one driver after another, each in the order in which it wrote; with `about` an id, those that name
    it. None of a build that was read before there were journals. Raises StoreError, VerifyError."""
    listed = (info.key for info in store.list(layout.journal_prefix(build_id)))
    keys = sorted(filter(layout.JOURNAL_KEY.fullmatch, listed), key=layout.place_in_journal)
    for key, data in zip(keys, map_in_order(store.get, keys, num_threads=PARALLEL_GETS), strict=True):
        yield from decode_lines(data, key, about=about.encode())


def _end_of(error: BaseException | None) -> DriverEnded:
    match error:
        case None:
            return DriverEnded(outcome="done", reason="")
        case KeyboardInterrupt() | SystemExit() | GeneratorExit():
            return DriverEnded(outcome="stopped", reason=type(error).__name__)
        case _:
            said = str(error).splitlines()
            return DriverEnded(outcome="failed", reason=f"{type(error).__name__}: {said[0][:300] if said else ''}")
