"""What happens while shards are read, as values: whoever reads them yields these, and whoever watches matches on them.

    ShardGiven -> ShardReceipt                       written (or split, or in quarantine: see receipts)
              `-> ShardReturned -> ShardGiven ...    its worker was lost, or a store refused it
    WorkerOpened ... WorkerLost                      the engine is open; the worker is gone
    Pulse                                            every second: what each worker has done so far

In: nothing. Out: frozen values that hold no time: the driver yields them within a second, so the listener's clock is theirs.
Knows no Ray and no terminal. Costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.receipts import ShardReceipt


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOpened:
    """A worker's engine is open."""

    worker: str
    """host/pid."""
    engine: str
    """Name and version, one line."""
    seconds: float
    """From the start of the worker's process to the open engine; waiting for a node is not in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLost:
    """A worker is gone, and another will be made in its place."""

    worker: str
    """"" when it was lost before it had said its name."""
    reason: str
    """One line."""
    shard_ids: tuple[str, ...]
    """What it was reading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardGiven:
    """A shard was handed to a worker."""

    shard_id: str
    worker: str
    num_documents: int
    size_bytes: int
    """Of its documents."""
    attempt: int
    """1 the first time that this driver hands it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardReturned:
    """A shard is back in the queue."""

    shard_id: str
    worker: str
    reason: str
    """One line."""
    attempt: int
    """The one that ended so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerFigures:
    """What one worker has done since its process began."""

    worker: str
    """host/pid."""
    alive_s: float
    """It has held its CPUs and its GPU for so long."""
    engine_busy_s: float
    """In which its engine held at least one page."""
    num_pages_read: int
    """Answered by the engine, those of unfinished shards included."""
    num_pages_in_engine: int
    """Asked for and not answered yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """Sign of life between receipts."""

    num_pages_read: int
    """Since the driver began, those of lost workers and of unfinished shards included."""
    num_workers: int
    """Workers whose engine is open."""
    workers: tuple[WorkerFigures, ...]
    """Of those that have told theirs, a second or so old."""
    num_shards_in_work: int
    num_shards_waiting: int
    num_workers_lost: int


BuildEvent = ShardReceipt | ShardGiven | ShardReturned | WorkerOpened | WorkerLost | Pulse
Listener = Callable[[BuildEvent], None]
"""Hears every event of a build, in order, in the driver's thread: it returns at once."""
