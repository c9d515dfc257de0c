"""What a build is going to take: formulas, ranges, and what they rest on."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.builds.commit import commit_shard, read_receipts
from pipeline.builds.cost import WorkerTime
from pipeline.builds.experience import (
    TYPICAL_BYTES_PER_PAGE,
    Experience,
    Pace,
    ShardSample,
    pace_of,
    read_experience,
    samples_of,
)
from pipeline.builds.forecast import Range, Work, forecast, work_of
from pipeline.builds.plan import shard_of
from pipeline.config import DeepseekOcrConfig, PpocrConfig, PricesConfig
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import document, pages_file

NOTHING = Experience(samples=(), pace=None, paced=(), basis="typical")
PRICES = PricesConfig(currency="EUR", gpu_hour=3.60, cpu_hour=0.18)
PACE = Pace(busy_s_per_page=0.5, working_fraction=0.8, opening_s=60.0, tail_s=20.0)


def sample(num_pages: int = 100, *, size_bytes: int = 1_000_000, engine_s: float = 50.0) -> ShardSample:
    return ShardSample(size_bytes=size_bytes, num_pages=num_pages, engine_s=engine_s, file_bytes=3_000 * num_pages)


def experience(samples: Sequence[ShardSample], pace: Pace | None = PACE) -> Experience:
    return Experience(samples=samples, pace=pace, paced=samples, basis="these")


def work(num_bytes: int = 100_000_000, *, num_documents: int = 1_000, num_shards: int = 100, largest: int = 1_000_000) -> Work:
    return Work(num_documents=num_documents, num_bytes=num_bytes, num_shards=num_shards, largest_bytes=largest)


def is_inside(each: Range) -> bool:
    return each.low <= each.middle <= each.high


def test_a_forecast_is_what_its_formulas_say() -> None:
    """By hand: 100 MB at 10 kB a page are 10,000 pages; at 0.5 s on 4 workers that work 0.8 of their time 1,562.5 s, and 80 s
    once; 4 workers for 1,642.5 s are 1.825 h of a GPU at 3.60 and two CPUs at 0.18, which is 7.227."""
    expected = forecast(work(), experience([sample()] * 50), engine=DeepseekOcrConfig(workers=4), prices=PRICES)
    assert expected.num_pages.middle == pytest.approx(10_000)
    assert expected.reading_s.middle == pytest.approx(1_642.5)
    assert expected.gpu_hours.middle == pytest.approx(1.825)
    assert expected.cpu_hours.middle == pytest.approx(3.65)
    assert expected.cost is not None
    assert expected.cost.middle == pytest.approx(7.227)
    assert expected.file_bytes.middle == pytest.approx(30_000_000)


def test_a_longest_document_bounds_the_time_whatever_the_number_of_workers() -> None:
    """A document of 10 MB has 1,000 pages: 500 s on its one worker, 625 with what it waits."""
    expected = forecast(
        work(largest=10_000_000), experience([sample()] * 50), engine=DeepseekOcrConfig(workers=64), prices=None
    )
    assert expected.reading_s.middle == pytest.approx(80 + 625)


def test_workers_without_a_shard_are_not_paid() -> None:
    expected = forecast(work(num_shards=3), experience([sample()] * 50), engine=DeepseekOcrConfig(workers=160), prices=None)
    assert expected.num_workers == 3
    assert expected.gpu_hours.middle == pytest.approx(3 * expected.reading_s.middle / 3600)


def test_nothing_to_read_takes_nothing() -> None:
    expected = forecast(work_of([]), experience([sample()]), engine=DeepseekOcrConfig(), prices=PRICES)
    assert expected.cost is not None
    assert {expected.num_pages.high, expected.reading_s.high, expected.cost.high, expected.file_bytes.high} == {0.0}


def test_before_anything_is_read_typical_figures_stand_in_and_the_range_is_wide() -> None:
    expected = forecast(work(10 * TYPICAL_BYTES_PER_PAGE, num_documents=1), NOTHING, engine=PpocrConfig(), prices=None)
    assert expected.num_pages.middle == 10
    assert expected.num_pages.high > 5 * expected.num_pages.low
    assert expected.cost is None


def test_every_document_has_at_least_one_page() -> None:
    expected = forecast(work(3, num_documents=2, largest=2), NOTHING, engine=PpocrConfig(), prices=None)
    assert (expected.num_pages.low, expected.num_pages.middle) == (2, 2)


def test_many_shards_alike_narrow_the_range_and_unlike_ones_widen_it() -> None:
    def width(samples: Sequence[ShardSample]) -> float:
        expected = forecast(work(), experience(samples), engine=PpocrConfig(), prices=None).num_pages
        return expected.high / expected.low

    alike, unlike = sample(), [sample(20), sample(180)]
    assert width([alike] * 200) < width([alike] * 10) < width([alike])
    assert width([alike] * 200) < width(unlike * 100)


SAMPLES = st.lists(
    st.builds(
        lambda pages, size, engine_s: sample(pages, size_bytes=size, engine_s=engine_s),
        st.integers(0, 1000),
        st.integers(1, 10**8),
        st.floats(0.0, 1e4),
    ),
    min_size=1,
    max_size=8,
)


@given(samples=SAMPLES, num_bytes=st.integers(1, 10**12), more=st.integers(0, 10**12), workers=st.integers(1, 200))
def test_more_bytes_never_take_less_and_the_middle_is_inside_its_range(
    samples: list[ShardSample], num_bytes: int, more: int, workers: int
) -> None:
    engine = DeepseekOcrConfig(workers=workers)
    few, many = (
        forecast(work(size, num_documents=1, largest=1), experience([sample(), *samples]), engine=engine, prices=PRICES)
        for size in (num_bytes, num_bytes + more)
    )
    assert few.cost is not None
    assert many.cost is not None
    for less, same_or_more in ((few.num_pages, many.num_pages), (few.reading_s, many.reading_s), (few.cost, many.cost)):
        assert is_inside(less)
        assert is_inside(same_or_more)
        for each in ("low", "middle", "high"):
            assert getattr(same_or_more, each) >= getattr(less, each) * (1 - 1e-9)


def test_the_same_input_gives_the_same_forecast() -> None:
    first, second = (
        forecast(work(), experience([sample(90), sample(110)]), engine=PpocrConfig(), prices=None) for _ in range(2)
    )
    assert first == second


def test_pace_divides_the_time_of_all_workers() -> None:
    time = WorkerTime(held_s=1000.0, opening_s=100.0, busy_s=700.0, waiting_s=150.0, tail_s=50.0)
    pace = pace_of(time, 2, [sample(1400)])
    assert pace == Pace(busy_s_per_page=0.5, working_fraction=700 / 850, opening_s=50.0, tail_s=25.0)


def test_an_engine_that_reports_no_seconds_has_no_pace() -> None:
    assert pace_of(WorkerTime(held_s=5.0, waiting_s=5.0), 1, [sample()]) is None


def test_speed_is_learned_from_builds_of_the_same_recipe_and_pages_from_all() -> None:
    store = MemoryStore()
    one = finished_build(store, CORPUS[:4], "one")
    publish(store, config("one"))
    later = read_experience(store, config("two"))
    assert list(later.samples) == list(samples_of(one, list(read_receipts(store, "one").values())))
    assert later.pace is not None
    assert "(one)" in later.basis
    other = read_experience(store, config("two", render={"dpi": 300}))
    assert (other.samples, other.pace) == (later.samples, None)
    assert "no build of this recipe" in other.basis


def test_a_build_in_work_learns_from_its_own_shards() -> None:
    store = MemoryStore()
    plan = planned_build(store)
    assert read_experience(store, config()).pace is None
    shard = plan.shards[0]
    commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    assert [each.size_bytes for each in read_experience(store, config()).samples] == [shard.size_bytes]


def test_work_counts_documents_bytes_shards_and_the_longest() -> None:
    shards = [shard_of([document("a", size_bytes=5), document("b", size_bytes=7)]), shard_of([document("c", size_bytes=3)])]
    assert work_of(shards) == Work(num_documents=3, num_bytes=15, num_shards=2, largest_bytes=7)
