"""`pagemill build` without Ray: the real plan, queue, settlement, flow, commit and publish, in simulated processes.

In: a place for the build and a process. Out: a published build, or the error that ended the run. Workers read two shards at
once, as they do on a cluster; what a worker's loss means is decided by the same code as there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import uuid4

from jobs.drills.corpus import Shelf
from jobs.drills.process import FaultyStore, Process
from jobs.drills.stage import Actor, Killed, Stage
from jobs.drills.watch import Watch
from jobs.drills.weather import WORKER_KILL_RATE, Weather, draw
from pipeline.builds.begin import begin_build
from pipeline.builds.commit import commit_shard, open_shards, read_receipts
from pipeline.builds.schedule import ShardQueue
from pipeline.builds.settle import Settlement
from pipeline.config import BuildConfig
from pipeline.engines import open_engine
from pipeline.errors import SourceError, StoreError
from pipeline.flow import build_shard
from pipeline.interfaces import ObjectStore, Source
from pipeline.publishing.publish import publish
from pipeline.receipts import Shard, ShardReceipt
from pipeline.records import DocumentRef, PageText, RenderEvent
from pipeline.rendering import render_documents
from pipeline.sources import list_documents
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts
from pipeline.tables.pages import encode_pages

NUM_WORKERS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where and under what weather a build happens; shared by all its processes."""

    store: ObjectStore
    config: BuildConfig
    documents: Mapping[str, bytes]
    poison: str | None
    weather: Weather
    stage: Stage
    watch: Watch
    workers: list["Worker"] = field(default_factory=list)
    """Every one there ever was."""


class Worker:
    """An actor of Ray's, seen from its driver: what it works on, what it has answered, and whether it is thought lost."""

    def __init__(self, place: Place, name: str, stamp: BuildStamp, losses: Counter[str], *, is_clear: bool) -> None:
        self.process = Process(
            name,
            place.weather,
            kill_kind="worker_killed",
            kill_rate=WORKER_KILL_RATE,
            is_clear=is_clear,
            can_die=self._can_be_lost,
        )
        self._losses = losses
        self.in_work: list[Shard] = []
        self.answers: list[tuple[Shard, ShardReceipt | StoreError | SourceError]] = []
        self._place = place
        self._stamp = stamp
        self._store = FaultyStore(place.store, self.process, place.watch)
        self._is_given_up = False
        place.workers.append(self)

    @property
    def is_lost(self) -> bool:
        return self.process.is_dead or self._is_given_up

    def take(self, shard: Shard) -> None:
        self.in_work.append(shard)
        name = f"{self.process.name}/{shard.shard_id[:6]}"
        self.process.actors.append(self._place.stage.enter(name, lambda actor: self._read(shard)))

    def _read(self, shard: Shard) -> None:
        try:
            self.answers.append((shard, self._commit(shard)))
        except (StoreError, SourceError) as error:
            self.answers.append((shard, error))
        except Killed:
            self.process.kill()
            raise

    def _commit(self, shard: Shard) -> ShardReceipt:
        config = self._place.config
        result = build_shard(
            shard,
            source=Shelf(self._place.documents, self._fetch),
            render=partial(_render, config=config),
            engine=open_engine(config.engine),
            config=config,
            on_page=_ignore,
        )
        facts = ShardFacts(
            shard_id=shard.shard_id,
            worker=self.process.name,
            times=result.times,
            started_at=result.finished_at - timedelta(seconds=result.times.total_s),
            finished_at=result.finished_at,
        )
        documents = ShardDocuments(opened=result.documents, failed=result.failures, known=result.known)
        pages_file = encode_pages(result.records, PagesHead(stamp=self._stamp, shard=facts, documents=documents))
        return commit_shard(self._store, self._stamp.build_id, shard.shard_id, pages_file, attempt_id=uuid4().hex)

    def _fetch(self, name: str) -> None:
        if name == self._place.poison:
            self.process.struck["poison"] += 1
            self.process.kill()
            raise Killed(self.process.name)
        self.process.fetch(name)
        if self._can_be_lost() and self.process.meets("zombie", WORKER_KILL_RATE, name):
            self._is_given_up = True

    def _can_be_lost(self) -> bool:
        """Three lost workers put a document that is alone in its shard into quarantine, as they should: chance may take one
        on purpose and one for its neighbour."""
        return all(len(shard.documents) > 1 or self._losses[shard.shard_id] == 0 for shard in self.in_work)


def drive(place: Place, actor: Actor, process: Process, *, is_clear: bool) -> None:
    """One run of the command. Raises what a run of the command may raise."""
    store = FaultyStore(place.store, process, place.watch)
    source = Shelf(place.documents, lambda name: None)
    plan = begin_build(store, place.config, partial(list_documents, source), code_version="drill")
    if not plan.shards:
        return
    todo = open_shards(plan, read_receipts(store, plan.build_id))
    queue = ShardQueue(todo)
    settlement = Settlement(queue, store, plan.stamp, name=process.name)
    losses: Counter[str] = Counter()
    new_worker = partial(_new_worker, place, process.name, plan.stamp, losses, is_clear=is_clear)
    workers = [new_worker(seat) for seat in range(NUM_WORKERS)]
    try:
        while len(queue) or any(worker.in_work for worker in workers):
            for worker in workers:
                while shard := queue.take(in_work=worker.in_work):
                    worker.take(shard)
            actor.wait(lambda: any(worker.is_lost or worker.answers for worker in workers))
            for seat, worker in enumerate(workers):
                losses.update(_settle(worker, settlement))
                if worker.is_lost:
                    workers[seat] = new_worker(seat)
    finally:
        _leave(place, workers, process.name)
    publish(store, place.config, code_version="drill")


def _new_worker(place: Place, driver: str, stamp: BuildStamp, losses: Counter[str], seat: int, *, is_clear: bool) -> Worker:
    return Worker(place, f"{driver}/worker {seat}.{len(place.workers)}", stamp, losses, is_clear=is_clear)


def _settle(worker: Worker, settlement: Settlement) -> list[str]:
    """What became of what the worker had; returns the shards that were lost with it."""
    while worker.answers:
        shard, answer = worker.answers.pop(0)
        worker.in_work.remove(shard)
        if isinstance(answer, ShardReceipt):
            settlement.committed(shard, answer)
        else:
            settlement.refused(shard, answer)
    if not worker.is_lost:
        return []
    orphans, worker.in_work = worker.in_work, []
    for shard in orphans:
        settlement.lost(shard, "drill: worker lost")
    return [shard.shard_id for shard in orphans]


def _leave(place: Place, workers: Sequence[Worker], driver: str) -> None:
    """The workers of a driver that ends are killed, now or (zombies) when they are done."""
    for worker in workers:
        if "zombie" not in place.weather.kinds or draw(place.weather.seed, "orphan", worker.process.name) < 0.5:
            worker.process.kill()


def _render(documents: Iterable[DocumentRef], source: Source, *, config: BuildConfig) -> Iterator[RenderEvent]:
    return render_documents(documents, source, config=config.render, known=())


def _ignore(page: PageText) -> None:
    """Nobody watches the pages of a drill go by."""
