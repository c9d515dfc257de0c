"""run_shards(): the queue of shards over workers that come, go and die.

In: the shards still to do. Out: one receipt for each (or for the two halves, or the quarantine, that replace it), in the
order in which they finish, and a Pulse every second. No state lives only here: what is lost with the driver is found again
in the store. Any RayError from a worker means that the worker is lost, whatever its name (measured: OSError at once,
ActorUnavailableError after 1-4 s, ActorDiedError after 15 s): its shards go back to the queue and the worker is made again.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import ray
from ray.actor import ActorHandle

from pipeline.builds.commit import quarantine_document, split_shard
from pipeline.builds.plan import bisect
from pipeline.builds.schedule import FIRST_BACKOFF_S, MAX_ATTEMPTS, MAX_BACKOFF_S, SHARDS_PER_WORKER, ShardQueue
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


def run_shards(
    shards: Sequence[Shard], config: BuildConfig, *, stamp: BuildStamp, store: ObjectStore
) -> Iterator[ShardReceipt | Pulse]:
    """Reads every shard exactly once. Raises EngineError, StoreError or SourceError when it cannot go on at all."""
    queue = ShardQueue(shards, workers=config.engine.workers)
    seats = [_Seat(config, stamp) for _ in range(min(config.engine.workers, max(1, len(shards))))]
    store_troubles: dict[str, int] = {}
    try:
        while len(queue) or any(seat.in_work for seat in seats):
            for seat in seats:
                seat.fill(queue)
            for seat, ref in _ready(seats):
                yield from _settle(seat, ref, queue, store, stamp, store_troubles)
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

    def __init__(self, config: BuildConfig, stamp: BuildStamp) -> None:
        self._config = config
        self._stamp = stamp
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
            self._actor = _new_actor(self._config, self._stamp)
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


def _new_actor(config: BuildConfig, stamp: BuildStamp) -> ActorHandle[Worker]:
    """Half a CPU stays free beside each worker: room for its four rendering tasks (render_tasks.RENDER_CPUS)."""
    make = ray.remote(max_concurrency=SHARDS_PER_WORKER, concurrency_groups={"watch": 1})  # type: ignore[call-overload]  # stubs
    actor_class = make(Worker).options(
        num_cpus=config.engine.cpus - 0.5,
        num_gpus=config.engine.gpus,
        runtime_env={"env_vars": engine_environment(config.engine)},
    )
    return cast(ActorHandle[Worker], actor_class.remote(config, stamp))


def _ready(seats: list[_Seat]) -> list[tuple[_Seat, Ref]]:
    owners = {ref: seat for seat in seats for ref in seat.refs}
    if not owners:
        time.sleep(PULSE_S)
        return []
    ready, _ = ray.wait(list(owners), num_returns=1, timeout=PULSE_S)
    return [(owners[ref], ref) for ref in ready]


def _settle(
    seat: _Seat, ref: Ref, queue: ShardQueue, store: ObjectStore, stamp: BuildStamp, store_troubles: dict[str, int]
) -> Iterator[ShardReceipt]:
    """What a finished call means: an open engine, a receipt, trouble with a store, or a lost worker."""
    try:
        answer = ray.get(ref)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if ref not in seat.in_work and isinstance(cause, PagemillError) and not isinstance(cause, EngineDead):
            raise cause from error
        if ref in seat.in_work and isinstance(cause, StoreError | SourceError):
            shard = seat.finished(ref)
            store_troubles[shard.shard_id] = store_troubles.get(shard.shard_id, 0) + 1
            if store_troubles[shard.shard_id] >= MAX_ATTEMPTS:
                raise cause from error
            queue.add(shard)
            return
        reason = _one_line(cause or error)
        for shard in seat.lose():
            yield from _replace(shard, queue, store, stamp, reason)
        return
    if ref in seat.in_work:
        yield from _committed(seat.finished(ref), answer, queue)
        return
    seat.opened()


def _replace(shard: Shard, queue: ShardQueue, store: ObjectStore, stamp: BuildStamp, reason: str) -> Iterator[ShardReceipt]:
    """A shard whose worker was lost: back in the queue, in two halves, or in quarantine."""
    verdict = queue.lost(shard)
    if verdict.action == "split":
        yield from _committed(shard, split_shard(store, stamp, shard, worker="supervisor"), queue)
    elif verdict.action == "quarantine":
        receipt = quarantine_document(store, stamp, shard, error=reason, attempts=verdict.attempts, worker="supervisor")
        yield from _committed(shard, receipt, queue)


def _committed(shard: Shard, receipt: ShardReceipt, queue: ShardQueue) -> Iterator[ShardReceipt]:
    """Whoever committed first has won; when that was a split, the halves are still to do."""
    if receipt.split_into:
        for half in bisect(shard):
            queue.add(half)
    yield receipt


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"worker lost: {type(error).__name__}: {lines[0][:300] if lines else ''}"
