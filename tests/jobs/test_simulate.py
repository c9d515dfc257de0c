"""What the simulated build promises of the scheduling code that it runs over."""

from dataclasses import replace

import pytest

from jobs.simulate import Simulation, Times, simulate
from jobs.simulated_corpus import Mixture, SimulatedCorpus, corpus_of
from pipeline.builds.listing import listing_of
from pipeline.builds.plan import plan_shards
from pipeline.config import PlanConfig

CORPUS = corpus_of(Mixture(num_documents=6000), seed=7)
PLAN = PlanConfig(shard_bytes=16_000_000)
GPU = Times(pages_per_s=2.4, pages_in_flight=16)


def test_the_same_seed_gives_the_same_build() -> None:
    times = replace(GPU, hours_between_losses=0.2)
    assert simulate(CORPUS, times, num_workers=6, seed=1, plan=PLAN) == simulate(
        CORPUS, times, num_workers=6, seed=1, plan=PLAN
    )


@pytest.mark.parametrize("num_workers", [1, 2, 4, 8])
def test_few_workers_are_kept_busy_nineteen_parts_in_twenty(num_workers: int) -> None:
    outcome = simulate(CORPUS, GPU, num_workers=num_workers, seed=1, plan=PLAN)
    assert outcome.efficiency_once_open >= 0.95
    assert outcome.efficiency_once_open <= 1.0


def test_small_shards_for_the_end_shorten_the_tail() -> None:
    """The same simulation over shards of one size, as one worker would plan them."""
    tapered = simulate(CORPUS, GPU, num_workers=16, seed=1, plan=PLAN)
    even = Simulation(plan_shards(listing_of(CORPUS.documents), config=PLAN), CORPUS, GPU, num_workers=16, seed=1).run()
    assert tapered.tail_s < even.tail_s / 2
    assert tapered.efficiency > even.efficiency


def test_a_build_that_loses_workers_still_commits_every_page_once() -> None:
    outcome = simulate(CORPUS, replace(GPU, hours_between_losses=0.1), num_workers=8, seed=3, plan=PLAN)
    calm = simulate(CORPUS, GPU, num_workers=8, seed=3, plan=PLAN)
    assert outcome.num_lost > 10
    assert outcome.busy_s == pytest.approx(calm.busy_s, rel=0.05)  # a shard that was split draws its speed anew
    assert outcome.wall_s > calm.wall_s


def test_a_giant_is_begun_first_and_its_own_length_is_the_least_the_build_takes() -> None:
    corpus = with_a_giant(CORPUS, num_pages=20_000)
    times = replace(GPU, shard_sigma=0.0)
    outcome = simulate(corpus, times, num_workers=32, seed=1, plan=PLAN)
    alone_s = 20_000 / times.pages_per_s
    assert outcome.wall_s >= times.start_s + alone_s
    assert outcome.wall_s <= times.start_s + 1.2 * alone_s


def with_a_giant(corpus: SimulatedCorpus, *, num_pages: int) -> SimulatedCorpus:
    giant = replace(corpus.documents[100], uri="s3://corpus/giant.pdf", size_bytes=2_000_000_000)
    return SimulatedCorpus(documents=(*corpus.documents, giant), num_pages={**corpus.num_pages, giant.uri: num_pages})
