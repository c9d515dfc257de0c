"""`python -m jobs.simulate`: a build by hundreds of workers, simulated over the code that schedules a real one.

Shards are cut by `plan_shards`, handed out, retried and split by `ShardQueue`; time alone is made up. A worker's engine reads
`pages_per_s` however many shards feed it, evenly; a shard has a head before its first page, a last page that takes long, and a
commit, in which it asks nothing of the engine. Efficiency is the engine time of committed pages over workers times wall time;
the tail runs from the first worker that has nothing left to do to the end. Deterministic by seed.
"""

import argparse
import heapq
import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, run_command
from jobs.simulated_corpus import Mixture, SimulatedCorpus, corpus_of
from pipeline.builds.listing import listing_of
from pipeline.builds.plan import bisect, plan_shards
from pipeline.builds.schedule import FIRST_BACKOFF_S, MAX_BACKOFF_S, ShardQueue
from pipeline.config import PlanConfig
from pipeline.receipts import Shard


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """What a simulated build is timed by."""

    pages_per_s: float
    """Of one engine."""
    shard_sigma: float = 0.15
    """Spread of the time a page takes from shard to shard, of the logarithm."""
    head_s: float = 2.0
    """Fetching and rendering before the first page of a shard reaches the engine."""
    pages_in_flight: int = 64
    """That the engine reads at once at full speed, so one page takes pages_in_flight / pages_per_s on the mean (Little), and
    the last page of a shard is waited for that long, exponentially distributed: 27 s at 2.4 pages/s, 6 s at 10."""
    longest_page_s: float = 90.0
    """No page is waited for longer: 8,192 tokens, the most that an engine may give, at 90 a second."""
    commit_s: float = 3.0
    """Judging, encoding and putting; exponential."""
    start_s: float = 60.0
    """From asking for a worker to its open engine."""
    hours_between_losses: float = math.inf
    """Of one worker; exponential."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A finished build."""

    num_workers: int
    num_shards: int
    num_pages: int
    wall_s: float
    busy_s: float
    """Engine time of the pages that were committed."""
    start_s: float
    tail_s: float
    """From the first worker with nothing to do to the end."""
    num_lost: int
    """Workers lost on the way."""

    @property
    def efficiency(self) -> float:
        """Start-up included."""
        return self.busy_s / (self.num_workers * self.wall_s)

    @property
    def efficiency_once_open(self) -> float:
        """Counted from the open engines on."""
        return self.busy_s / (self.num_workers * (self.wall_s - self.start_s))


@dataclass(kw_only=True, slots=True, eq=False)
class _Work:
    """A shard on a worker."""

    shard: Shard
    begins_s: float
    """When its first page reaches the engine."""
    engine_s: float
    """What it still asks of an engine that reads for it alone."""
    after_s: float
    """From its last page's turn to the end of its commit."""
    done_s: float = math.inf


@dataclass(kw_only=True, slots=True, eq=False)
class _Worker:
    """An engine, or the wait for one."""

    opens_s: float
    dies_s: float
    now_s: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S
    idle_since_s: float = math.inf
    works: list[_Work] = field(default_factory=list)

    def fed(self) -> list[_Work]:
        return [work for work in self.works if work.engine_s > 0.0 and work.begins_s <= self.now_s]

    def next_s(self) -> float:
        """When something happens here, if nothing comes from outside before."""
        fed = self.fed()
        begins_s = [work.begins_s for work in self.works if work.begins_s > self.now_s]
        ends_s = [self.now_s + work.engine_s * len(fed) for work in fed]
        return min([self.dies_s, *begins_s, *ends_s, *(work.done_s for work in self.works)])

    def advance(self, to_s: float) -> None:
        """Lets the engine read until then, evenly for the shards that feed it."""
        while self.now_s < to_s:
            fed = self.fed()
            until_s = min([to_s, *(at_s for at_s in [self.next_s()] if at_s > self.now_s)])
            for work in fed:
                work.engine_s -= (until_s - self.now_s) / len(fed)
                if work.engine_s < 1e-6:
                    work.engine_s, work.done_s = 0.0, until_s + work.after_s
            self.now_s = until_s


class Simulation:
    """One build, from the first worker asked for to the last commit."""

    def __init__(self, shards: Sequence[Shard], corpus: SimulatedCorpus, times: Times, *, num_workers: int, seed: int) -> None:
        self._times = times
        self._num_pages = corpus.num_pages
        self._chance = random.Random(seed)
        self._queue = ShardQueue(shards, workers=num_workers)
        self._workers = [_Worker(opens_s=times.start_s, dies_s=self._death_after(times.start_s)) for _ in range(num_workers)]
        self._agenda = [(worker.opens_s, number) for number, worker in enumerate(self._workers)]
        self._busy_s = 0.0
        self._end_s = 0.0
        self._num_committed = 0
        self._num_lost = 0

    def run(self) -> Outcome:
        while len(self._queue) or any(worker.works for worker in self._workers):
            at_s, number = heapq.heappop(self._agenda)
            worker = self._workers[number]
            worker.advance(at_s)
            self._commit(worker, at_s)
            if at_s >= worker.dies_s:
                self._lose(worker, at_s)
            if at_s >= worker.opens_s:
                self._fill(worker, at_s)
            if worker.works or at_s < worker.opens_s:
                heapq.heappush(self._agenda, (worker.next_s() if worker.works else worker.opens_s, number))
        return Outcome(
            num_workers=len(self._workers),
            num_shards=self._num_committed,
            num_pages=sum(self._num_pages.values()),
            wall_s=self._end_s,
            busy_s=self._busy_s,
            start_s=self._times.start_s,
            tail_s=max(0.0, self._end_s - min(worker.idle_since_s for worker in self._workers)),
            num_lost=self._num_lost,
        )

    def _commit(self, worker: _Worker, at_s: float) -> None:
        for work in [work for work in worker.works if work.done_s <= at_s]:
            worker.works.remove(work)
            worker.backoff_s = FIRST_BACKOFF_S
            self._busy_s += self._engine_s(work.shard)
            self._num_committed += 1
            self._end_s = at_s

    def _fill(self, worker: _Worker, at_s: float) -> None:
        while shard := self._queue.take(in_work=[work.shard for work in worker.works]):
            worker.works.append(self._work_on(shard, at_s))
        worker.now_s = at_s
        worker.idle_since_s = math.inf if worker.works else min(worker.idle_since_s, at_s)

    def _lose(self, worker: _Worker, at_s: float) -> None:
        """As the supervisor does: its shards go back, and another worker is asked for after a pause."""
        self._num_lost += 1
        for work in worker.works:
            if self._queue.lost(work.shard).action == "split":
                for half in bisect(work.shard):
                    self._queue.add(half)
        worker.works = []
        worker.opens_s = at_s + worker.backoff_s + self._times.start_s
        worker.dies_s = self._death_after(worker.opens_s)
        worker.backoff_s = min(2 * worker.backoff_s, MAX_BACKOFF_S)
        for number, other in enumerate(self._workers):
            heapq.heappush(self._agenda, (max(at_s, other.opens_s), number))

    def _work_on(self, shard: Shard, at_s: float) -> _Work:
        times = self._times
        last_page_s = min(times.longest_page_s, self._chance.expovariate(times.pages_per_s / times.pages_in_flight))
        commit_s = self._chance.expovariate(1 / times.commit_s)
        begins_s = at_s + times.head_s
        return _Work(shard=shard, begins_s=begins_s, engine_s=self._engine_s(shard), after_s=last_page_s + commit_s)

    def _engine_s(self, shard: Shard) -> float:
        """The same each time it is read."""
        speed = random.Random(shard.shard_id).lognormvariate(0.0, self._times.shard_sigma)
        return speed * sum(self._num_pages[document.uri] for document in shard.documents) / self._times.pages_per_s

    def _death_after(self, opens_s: float) -> float:
        hours = self._times.hours_between_losses
        return math.inf if math.isinf(hours) else opens_s + self._chance.expovariate(1 / (3600 * hours))


DEFAULT_PLAN = PlanConfig()


def simulate(corpus: SimulatedCorpus, times: Times, *, num_workers: int, seed: int, plan: PlanConfig = DEFAULT_PLAN) -> Outcome:
    """Plans the corpus and builds it."""
    shards = plan_shards(listing_of(corpus.documents), config=plan, workers=num_workers)
    return Simulation(shards, corpus, times, num_workers=num_workers, seed=seed).run()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.simulate",
        description="Efficiency and tail of a build by many workers, simulated.",
        epilog="example:\n  python -m jobs.simulate --workers 8 160 --giants 8 --hours-between-losses 4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--giants", type=int, default=0, help="documents of 4,000 pages among them")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 40, 160])
    parser.add_argument("--pages-per-s", type=float, nargs="+", default=[2.4, 5.0, 10.0], help="of one worker")
    parser.add_argument("--hours-between-losses", type=float, default=math.inf, help="of one worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/scale.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    corpus = corpus_of(Mixture(num_documents=arguments.documents, num_giants=arguments.giants), arguments.seed)
    longest = max(corpus.num_pages.values())
    rows = [
        "| workers | pages/s each | shards | workers lost | wall min | longest document | tail s | efficiency | once open |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for num_workers in arguments.workers:
        for pages_per_s in arguments.pages_per_s:
            times = Times(pages_per_s=pages_per_s, hours_between_losses=arguments.hours_between_losses)
            outcome = simulate(corpus, times, num_workers=num_workers, seed=arguments.seed)
            rows.append(_row_of(outcome, pages_per_s, longest))
            print(rows[-1], file=sys.stderr, flush=True)
    title = (
        f"simulated, {arguments.documents:,} documents of {sum(corpus.num_pages.values()):,} pages, "
        f"{arguments.giants} giants, a worker lost every {arguments.hours_between_losses:g} h"
    )
    print(append_section(arguments.out, title, [*machine_lines(), f"* seed {arguments.seed}, {times}", "", *rows, ""]))
    return DONE


def _row_of(outcome: Outcome, pages_per_s: float, longest_pages: int) -> str:
    return (
        f"| {outcome.num_workers} | {pages_per_s:g} | {outcome.num_shards:,} | {outcome.num_lost} | {outcome.wall_s / 60:.1f} "
        f"| {longest_pages / pages_per_s / 60:.1f} | {outcome.tail_s:.0f} | {outcome.efficiency:.1%} "
        f"| {outcome.efficiency_once_open:.1%} |"
    )


if __name__ == "__main__":
    sys.exit(main())
