"""run_shards(): the queue of shards over workers that come, go and die.

In: the shards still to do. Out: events (see `pipeline.events`), among them one receipt for each shard (or for the two halves,
or the quarantine, that replace it), in the order in which they finish, and a Pulse every second. No state lives only here:
what is lost with the driver is found again in the store. Any RayError from a worker means that the worker is lost, whatever
its name (measured: OSError at once, ActorUnavailableError after 1-4 s, ActorDiedError after 15 s): its shards go back to the
queue and the worker is made again.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

import ray

from pipeline.builds.schedule import ShardQueue
from pipeline.builds.settle import Settlement
from pipeline.cluster.seats import Ref, Seat
from pipeline.config import BuildConfig
from pipeline.errors import EngineDead, PagemillError, SourceError, StoreError
from pipeline.events import BuildEvent, Pulse, ShardReturned
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard
from pipeline.tables.footer import BuildStamp

PULSE_S = 1.0


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
) -> Iterator[BuildEvent]:
    """Reads every shard exactly once, but for documents whose id (sha256) is `known`. Once `is_draining` says so, no more are
    handed out, and it ends with those in work: whoever asked sees by the receipts what is missing. Raises EngineError,
    StoreError or SourceError when it cannot go on at all."""
    queue = ShardQueue(shards, workers=config.engine.workers)
    known_ref = ray.put(known)
    attempts: Counter[str] = Counter()
    seats = [Seat(config, stamp, known_ref, attempts) for _ in range(min(config.engine.workers, max(1, len(shards))))]
    settlement = Settlement(queue, store, stamp, name="supervisor")
    try:
        while (len(queue) and not is_draining()) or any(seat.in_work for seat in seats):
            if not is_draining():
                for seat in seats:
                    yield from seat.fill(queue)
            for seat, ref in _ready(seats):
                yield from _settle(seat, ref, settlement, attempts)
            yield _pulse(seats, queue)
    finally:
        for seat in seats:
            seat.close()


def _pulse(seats: Sequence[Seat], queue: ShardQueue) -> Pulse:
    return Pulse(
        workers=tuple(figures for seat in seats if (figures := seat.figures()) is not None),
        num_workers=sum(seat.is_open for seat in seats),
        num_pages_read=sum(seat.num_pages_read for seat in seats),
        num_shards_in_work=sum(len(seat.in_work) for seat in seats),
        num_shards_waiting=len(queue),
        num_workers_lost=sum(seat.num_lost for seat in seats),
    )


def _ready(seats: Sequence[Seat]) -> list[tuple[Seat, Ref]]:
    owners = {ref: seat for seat in seats for ref in seat.refs}
    if not owners:
        time.sleep(PULSE_S)
        return []
    ready, _ = ray.wait(list(owners), num_returns=1, timeout=PULSE_S)
    return [(owners[ref], ref) for ref in ready]


def _settle(seat: Seat, ref: Ref, settlement: Settlement, attempts: Counter[str]) -> Iterator[BuildEvent]:
    """What a finished call means: an open engine, a receipt, trouble with a store, or a lost worker."""
    try:
        answer = ray.get(ref)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if ref not in seat.in_work and isinstance(cause, PagemillError) and not isinstance(cause, EngineDead):
            raise cause from error
        if ref in seat.in_work and isinstance(cause, StoreError | SourceError):
            shard = seat.finished(ref)
            settlement.refused(shard, cause)
            yield _returned(shard, seat.worker, f"{type(cause).__name__}: {_one_line(cause)}", attempts)
            return
        yield from _lost(
            seat, f"worker lost: {type(cause or error).__name__}: {_one_line(cause or error)}", settlement, attempts
        )
        return
    if ref in seat.in_work:
        yield settlement.committed(seat.finished(ref), answer)
        return
    seat.opened(answer)
    yield answer


def _lost(seat: Seat, reason: str, settlement: Settlement, attempts: Counter[str]) -> Iterator[BuildEvent]:
    event, orphans = seat.lose(reason)
    yield event
    for shard in orphans:
        receipt = settlement.lost(shard, reason)
        yield receipt or _returned(shard, event.worker, reason, attempts)


def _returned(shard: Shard, worker: str, reason: str, attempts: Counter[str]) -> ShardReturned:
    return ShardReturned(shard_id=shard.shard_id, worker=worker, reason=reason, attempt=attempts[shard.shard_id])


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else ""
