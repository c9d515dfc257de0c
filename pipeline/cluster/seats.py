"""A place for one worker: the actor that sits there now, what it works on, and when to seat another.

In: shards from the queue. Out: events, and references to answers that are still to come. Knows nothing of retries: it says
what was lost, and the supervisor decides. A worker takes its GPU with it when it goes; the place stays.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import ray
from ray.actor import ActorHandle

from pipeline.builds.schedule import FIRST_BACKOFF_S, MAX_BACKOFF_S, SHARDS_PER_WORKER, ShardQueue
from pipeline.cluster.worker import Worker
from pipeline.config import BuildConfig
from pipeline.engines import engine_environment
from pipeline.events import ShardGiven, WorkerFigures, WorkerLost, WorkerOpened
from pipeline.receipts import Shard
from pipeline.tables.footer import BuildStamp

Ref = ray.ObjectRef[Any]


class Seat:
    """Open while shards are read; `close` ends its worker."""

    def __init__(self, config: BuildConfig, stamp: BuildStamp, known_ref: Ref, attempts: Counter[str]) -> None:
        """`attempts`, shared by all seats, counts by shard id how often it was handed out."""
        self._config = config
        self._stamp = stamp
        self._known_ref = known_ref
        self._attempts = attempts
        self._actor: ActorHandle[Worker] | None = None
        self._opening: Ref | None = None
        self._seat_again_at_s = 0.0
        self._backoff_s = FIRST_BACKOFF_S
        self._num_pages_before = 0
        self._figures: WorkerFigures | None = None
        self._figures_ref: Ref | None = None
        self.in_work: dict[Ref, Shard] = {}
        self.worker = ""
        self.num_lost = 0

    @property
    def refs(self) -> list[Ref]:
        return [self._opening] if self._opening else list(self.in_work)

    @property
    def is_open(self) -> bool:
        return bool(self.worker)

    def fill(self, queue: ShardQueue) -> Iterator[ShardGiven]:
        """Seats a worker when there is none, and hands it shards."""
        if self._actor is None and len(queue) and time.monotonic() >= self._seat_again_at_s:
            self._actor = _new_actor(self._config, self._stamp, self._known_ref)
            self._opening = self._actor.open.remote()
        while self.is_open and self._actor and (shard := queue.take(in_work=self.in_work.values())):
            self.in_work[_begin(self._actor, shard)] = shard
            self._attempts[shard.shard_id] += 1
            yield ShardGiven(
                shard_id=shard.shard_id,
                worker=self.worker,
                num_documents=len(shard.documents),
                size_bytes=shard.size_bytes,
                attempt=self._attempts[shard.shard_id],
            )

    def opened(self, event: WorkerOpened) -> None:
        self._opening = None
        self.worker = event.worker

    def finished(self, ref: Ref) -> Shard:
        self._backoff_s = FIRST_BACKOFF_S
        return self.in_work.pop(ref)

    def lose(self, reason: str) -> tuple[WorkerLost, list[Shard]]:
        """Gives the worker up; returns the shards that it held too."""
        orphans = list(self.in_work.values())
        event = WorkerLost(worker=self.worker, reason=reason, shard_ids=tuple(shard.shard_id for shard in orphans))
        self.close()
        self.num_lost += 1
        self._seat_again_at_s = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)
        return event, orphans

    def close(self) -> None:
        if self._actor is not None:
            ray.kill(self._actor)
        self._actor = self._opening = self._figures_ref = None
        self._num_pages_before = self.num_pages_read
        self._figures = None
        self.in_work = {}
        self.worker = ""

    @property
    def num_pages_read(self) -> int:
        """By all workers that sat here."""
        return self._num_pages_before + (self._figures.num_pages_read if self._figures else 0)

    def figures(self) -> WorkerFigures | None:
        """The newest answer of the worker, None before its first; never waits for it."""
        if self._figures_ref is not None and ray.wait([self._figures_ref], timeout=0)[0]:
            with suppress(ray.exceptions.RayError):  # the worker is gone, as its shards' refs will say
                self._figures = ray.get(self._figures_ref)
            self._figures_ref = None
        if self._figures_ref is None and self._actor is not None and self.is_open:
            self._figures_ref = self._actor.figures.remote()
        return self._figures


def _begin(actor: ActorHandle[Worker], shard: Shard) -> Ref:
    return actor.build.remote(shard)


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
