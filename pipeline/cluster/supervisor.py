"""run_shards(): the queue of shards over workers that come, go and die.

In: the shards still to do. Out: one receipt for each (or for the two halves, or the quarantine, that replace it), in the
order in which they finish, and a Pulse every second. No state lives only here: what is lost with the driver is found again
in the store. Any RayError from a worker means that the worker is lost, whatever its name (measured: OSError at once,
ActorUnavailableError after 1-4 s, ActorDiedError after 15 s): its shards go back to the queue and the worker is made again.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import ray
from ray.actor import ActorHandle

from pipeline.builds.schedule import FIRST_BACKOFF_S, MAX_BACKOFF_S, SHARDS_PER_WORKER, ShardQueue
from pipeline.builds.settle import Settlement
from pipeline.cluster.worker import Worker
from pipeline.config import BuildConfig
from pipeline.engines import engine_environment
from pipeline.errors import EngineDead, PagemillError, SourceError, StoreError
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard, ShardReceipt
from pipeline.tables.footer import BuildStamp

Ref = ray.ObjectRef[Any]
PULSE_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """Sign of life between receipts."""

    num_pages_read: int
    """Pages answered by engines since this call began, those of unfinished shards included."""
    num_workers: int
    """Workers whose engine is open."""
    num_shards_waiting: int
    num_workers_lost: int


def never() -> bool:
    """Nobody asks it to drain."""
    return False


def run_shards(
    shards: Sequence[Shard],
    config: BuildConfig,
    *,
    stamp: BuildStamp,
    store: ObjectStore,
    known: Collection[str],
    is_draining: Callable[[], bool] = never,
) -> Iterator[ShardReceipt | Pulse]:
    """Reads every shard exactly once, but for documents whose id (sha256) is `known`. Once `is_draining` says so, no more are
    handed out, and it ends with those in work: whoever asked sees by the receipts what is missing. Raises EngineError,
    StoreError or SourceError when it cannot go on at all."""
    queue = ShardQueue(shards, workers=config.engine.workers)
    known_ref = ray.put(known)
    seats = [_Seat(config, stamp, known_ref) for _ in range(min(config.engine.workers, max(1, len(shards))))]
    settlement = Settlement(queue, store, stamp, name="supervisor")
    try:
        while (len(queue) and not is_draining()) or any(seat.in_work for seat in seats):
            if not is_draining():
                for seat in seats:
                    seat.fill(queue)
            for seat, ref in _ready(seats):
                yield from _settle(seat, ref, settlement)
            yield Pulse(
                num_pages_read=sum(seat.num_pages_read() for seat in seats),
                num_workers=sum(seat.is_open for seat in seats),
                num_shards_waiting=len(queue),
                num_workers_lost=sum(seat.num_lost for seat in seats),
            )
    finally:
        for seat in seats:
            seat.close()


class _Seat:
    """A place for one worker: the actor that sits there now, what it works on, and when to seat another."""

    def __init__(self, config: BuildConfig, stamp: BuildStamp, known_ref: Ref) -> None:
        self._config = config
        self._stamp = stamp
        self._known_ref = known_ref
        self._actor: ActorHandle[Worker] | None = None
        self._opening: Ref | None = None
        self._seat_again_at_s = 0.0
        self._backoff_s = FIRST_BACKOFF_S
        self._num_pages_before = 0
        self._num_pages_now = 0
        self._pages_ref: Ref | None = None
        self.in_work: dict[Ref, Shard] = {}
        self.is_open = False
        self.num_lost = 0

    @property
    def refs(self) -> list[Ref]:
        return [self._opening] if self._opening else list(self.in_work)

    def fill(self, queue: ShardQueue) -> None:
        """Seats a worker when there is none, and hands it shards."""
        if self._actor is None and len(queue) and time.monotonic() >= self._seat_again_at_s:
            self._actor = _new_actor(self._config, self._stamp, self._known_ref)
            self._opening = self._actor.open.remote()
        while self.is_open and self._actor and (shard := queue.take(in_work=self.in_work.values())):
            self.in_work[self._actor.build.remote(shard)] = shard

    def opened(self) -> None:
        self._opening = None
        self.is_open = True

    def finished(self, ref: Ref) -> Shard:
        self._backoff_s = FIRST_BACKOFF_S
        return self.in_work.pop(ref)

    def lose(self) -> list[Shard]:
        """Gives the worker up; returns the shards that it held."""
        orphans = list(self.in_work.values())
        self.close()
        self.num_lost += 1
        self._seat_again_at_s = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)
        return orphans

    def close(self) -> None:
        if self._actor is not None:
            ray.kill(self._actor)
        self._actor = self._opening = self._pages_ref = None
        self._num_pages_before += self._num_pages_now
        self._num_pages_now = 0
        self.in_work = {}
        self.is_open = False

    def num_pages_read(self) -> int:
        """The newest answer of the worker; never waits for it."""
        if self._pages_ref is not None and ray.wait([self._pages_ref], timeout=0)[0]:
            try:
                self._num_pages_now = ray.get(self._pages_ref)
            except ray.exceptions.RayError:
                self._num_pages_now = 0
            self._pages_ref = None
        if self._pages_ref is None and self._actor is not None and self.is_open:
            self._pages_ref = self._actor.num_pages_read.remote()
        return self._num_pages_before + self._num_pages_now


def _new_actor(config: BuildConfig, stamp: BuildStamp, known_ref: Ref) -> ActorHandle[Worker]:
    """The known ids lie in the object store: one copy a node, mapped by its workers. Half a CPU
    stays free beside each worker: room for its four rendering tasks (render_tasks.RENDER_CPUS)."""
    make = ray.remote(max_concurrency=SHARDS_PER_WORKER, concurrency_groups={"watch": 1})  # type: ignore[call-overload]  # stubs
    actor_class = make(Worker).options(
        num_cpus=config.engine.cpus - 0.5,
        num_gpus=config.engine.gpus,
        runtime_env={"env_vars": engine_environment(config.engine)},
    )
    return cast(ActorHandle[Worker], actor_class.remote(config, stamp, known_ref))


def _ready(seats: list[_Seat]) -> list[tuple[_Seat, Ref]]:
    owners = {ref: seat for seat in seats for ref in seat.refs}
    if not owners:
        time.sleep(PULSE_S)
        return []
    ready, _ = ray.wait(list(owners), num_returns=1, timeout=PULSE_S)
    return [(owners[ref], ref) for ref in ready]


def _settle(seat: _Seat, ref: Ref, settlement: Settlement) -> Iterator[ShardReceipt]:
    """What a finished call means: an open engine, a receipt, trouble with a store, or a lost worker."""
    try:
        answer = ray.get(ref)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if ref not in seat.in_work and isinstance(cause, PagemillError) and not isinstance(cause, EngineDead):
            raise cause from error
        if ref in seat.in_work and isinstance(cause, StoreError | SourceError):
            settlement.refused(seat.finished(ref), cause)
            return
        reason = _one_line(cause or error)
        for shard in seat.lose():
            if receipt := settlement.lost(shard, reason):
                yield receipt
        return
    if ref in seat.in_work:
        yield settlement.committed(seat.finished(ref), answer)
        return
    seat.opened()


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"worker lost: {type(error).__name__}: {lines[0][:300] if lines else ''}"
