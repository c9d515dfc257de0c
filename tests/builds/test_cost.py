"""What a build has cost: seconds of workers, divided and added up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.builds.cost import NO_TIME, TokenCount, WorkerTime, build_cost, time_at_work, worker_times
from pipeline.builds.plan import shard_of
from pipeline.builds.receipt import receipt_of
from pipeline.builds.worker_spans import WorkerSpan
from pipeline.config import DeepseekOcrConfig, PpocrConfig, PricesConfig
from pipeline.receipts import ShardReceipt
from tests.tables.samples import NOON, document, pages_file

PRICES = PricesConfig(currency="EUR", gpu_hour=3.60, cpu_hour=0.18)
GPU = DeepseekOcrConfig()
ONE = receipt_of(pages_file(shard_of([document("a.pdf")])), "key")


Ended = Literal["left", "lost", "unheard"]


def span(
    worker: str = "a",
    *,
    began_s: float = 0.0,
    opening_s: float = 100.0,
    alive_s: float = 1000.0,
    busy_s: float = 700.0,
    ended: Ended = "left",
) -> WorkerSpan:
    """Seconds count from noon."""
    return WorkerSpan(
        driver="d",
        worker=worker,
        engine="e 1",
        opened_at=NOON + timedelta(seconds=began_s + opening_s),
        opening_s=opening_s,
        last_seen_at=NOON + timedelta(seconds=began_s + alive_s),
        engine_busy_s=busy_s,
        num_pages_read=100,
        ended=ended,
        reason="node gone" if ended == "lost" else "",
    )


def receipt(worker: str = "a", *, start_s: float = 100.0, end_s: float = 950.0, busy_s: float = 0.0) -> ShardReceipt:
    return replace(
        ONE,
        worker=worker,
        finished_at=NOON + timedelta(seconds=end_s),
        times=replace(ONE.times, total_s=end_s - start_s, engine_busy_s=busy_s),
    )


def parts(time: WorkerTime) -> tuple[float, ...]:
    return time.opening_s, time.busy_s, time.waiting_s, time.tail_s


def test_the_worked_example_of_the_docstring_holds() -> None:
    cost = build_cost([span()], [receipt()], engine=GPU, prices=PRICES)
    assert parts(cost.time) == (100.0, 700.0, 150.0, 50.0)
    assert cost.total == pytest.approx(1000 / 3600 * (3.60 + 2 * 0.18))
    assert (cost.gpu_hours(3600.0), cost.cpu_hours(3600.0)) == (1.0, 2.0)


def test_two_workers_cost_what_each_costs_and_a_million_pages_what_the_pages_say() -> None:
    """By hand: 1,000 s and 500 s of 1 GPU at 3.60 and 2 CPUs at 0.18 are 1.10 and 0.55, and 1.65 buys 40 pages."""
    receipts = [replace(receipt("a"), num_rows=30, num_kept=20), replace(receipt("b", end_s=450.0), num_rows=10, num_kept=10)]
    cost = build_cost([span("a"), span("b", alive_s=500.0, busy_s=300.0)], receipts, engine=GPU, prices=PRICES)
    assert cost.total == pytest.approx(1.65)
    assert cost.per(1e6, cost.num_pages) == pytest.approx(41_250.0)
    assert cost.per(1e6, cost.num_pages_kept) == pytest.approx(55_000.0)


def test_what_a_lost_worker_held_is_paid_and_what_it_did_since_its_last_receipt_is_lost() -> None:
    cost = build_cost([span(ended="lost")], [receipt(end_s=600.0)], engine=GPU, prices=PRICES)
    assert (cost.time.held_s, cost.time.lost_s, cost.time.tail_s, cost.num_workers_lost) == (1000.0, 400.0, 0.0, 1)


def test_a_worker_whose_driver_was_killed_has_no_tail_and_is_not_called_lost() -> None:
    cost = build_cost([span(ended="unheard")], [receipt(end_s=600.0)], engine=GPU, prices=PRICES)
    assert (cost.time.waiting_s, cost.time.tail_s, cost.time.lost_s, cost.num_workers_lost) == (200.0, 0.0, 0.0, 0)


def test_a_worker_lost_before_its_first_receipt_has_lost_everything_since_it_was_open() -> None:
    cost = build_cost([span(ended="lost")], [], engine=GPU, prices=PRICES)
    assert (cost.time.held_s, cost.time.lost_s, cost.num_pages) == (1000.0, 900.0, 0)
    assert cost.per(1e6, cost.num_pages) is None


def test_without_a_journal_receipts_stand_in_and_the_basis_says_what_is_missing() -> None:
    receipts = [receipt(start_s=0.0, end_s=10.0, busy_s=6.0), receipt(start_s=5.0, end_s=15.0, busy_s=2.0)]
    cost = build_cost([], receipts, engine=GPU, prices=PRICES)
    assert parts(cost.time) == (0.0, 8.0, 7.0, 0.0)
    assert "without opening" in cost.basis


def test_workers_of_an_older_version_are_added_to_those_of_the_journal() -> None:
    cost = build_cost([span("a")], [receipt("a"), receipt("b", start_s=0.0, end_s=200.0)], engine=GPU, prices=PRICES)
    assert (cost.time.held_s, cost.num_workers) == (1200.0, 2)
    assert "journal of 1" in cost.basis
    assert "receipts of 1" in cost.basis


def test_a_process_with_the_number_of_an_earlier_one_has_its_own_receipts() -> None:
    first, second = span(ended="lost"), span(began_s=1900.0)
    times = worker_times([first, second], [receipt(end_s=600.0), receipt(end_s=2880.0)])
    assert [(time.lost_s, time.tail_s) for time in times] == [(400.0, 0.0), (0.0, 20.0)]


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([("a", 0, 10), ("a", 5, 15)], 15.0),
        ([("a", 0, 10), ("b", 5, 15)], 20.0),
        ([("a", 0, 10), ("a", 2, 4), ("a", 30, 40)], 20.0),
    ],
)
def test_a_worker_is_paid_once_for_two_shards_at_once_and_not_for_its_pauses(
    spans: Sequence[tuple[str, int, int]], seconds: float
) -> None:
    receipts = [receipt(worker, start_s=start_s, end_s=end_s) for worker, start_s, end_s in spans]
    assert sum(time.held_s for time in time_at_work(receipts).values()) == pytest.approx(seconds)


def test_a_split_costs_nobody_anything() -> None:
    assert time_at_work([replace(receipt("supervisor"), times=replace(ONE.times, total_s=0.0))]) == {}


def test_without_prices_hours_are_told_and_no_sum() -> None:
    cost = build_cost([span()], [receipt()], engine=GPU, prices=None)
    assert (cost.total, cost.cost(10.0), cost.per(1e6, 5)) == (None, None, None)
    assert cost.gpu_hours(cost.time.held_s) > 0.0


def test_a_cpu_engine_holds_no_gpu_and_its_threads() -> None:
    cost = build_cost([span()], [receipt()], engine=PpocrConfig(threads=4), prices=PRICES)
    assert (cost.gpu_hours(3600.0), cost.cpu_hours(3600.0)) == (0.0, 4.0)
    assert cost.total == pytest.approx(1000 / 3600 * 4 * 0.18)


@pytest.mark.parametrize(
    ("by_mode", "told", "expected"),
    [
        ({}, None, None),
        ({"base": 70, "tiny": 30}, None, 100),
        ({"base": 70}, TokenCount(num_tokens=40, told="published, by gpt2"), 40),
    ],
)
def test_tokens_are_those_that_somebody_counted(
    by_mode: Mapping[str, int], told: TokenCount | None, expected: int | None
) -> None:
    counted = replace(receipt(), text_tokens_by_mode=by_mode, num_kept_chars=4000)
    cost = build_cost([span()], [counted], engine=GPU, prices=PRICES, tokens=told)
    assert (cost.tokens and cost.tokens.num_tokens) == expected


def test_the_rungs_share_the_busy_seconds_as_their_pages_report_them() -> None:
    climbed = replace(receipt(), seconds_by_rung={"first": 90.0, "plain": 10.0})
    cost = build_cost([span()], [climbed], engine=GPU, prices=PRICES)
    assert cost.busy_s_by_rung == pytest.approx({"first": 630.0, "plain": 70.0})


SECONDS = st.floats(0.0, 1e5)
SPANS = st.lists(
    st.builds(
        lambda name, began_s, opening_s, open_s, busy_s, ended: span(
            name, began_s=began_s, opening_s=opening_s, alive_s=opening_s + open_s, busy_s=busy_s, ended=ended
        ),
        st.sampled_from("abc"),
        SECONDS,
        SECONDS,
        SECONDS,
        SECONDS,
        st.sampled_from(["left", "lost", "unheard"]),
    ),
    max_size=6,
)
RECEIPTS = st.lists(st.builds(lambda name, end_s: receipt(name, end_s=end_s), st.sampled_from("abc"), SECONDS), max_size=6)


@given(spans=SPANS, receipts=RECEIPTS)
def test_idle_and_busy_make_up_what_was_held_and_no_part_is_below_nothing(
    spans: list[WorkerSpan], receipts: list[ShardReceipt]
) -> None:
    for time, each in zip(worker_times(spans, receipts), spans, strict=True):
        assert time.held_s == pytest.approx(each.alive_s)
        assert time.busy_s + time.idle_s == pytest.approx(time.held_s)
        assert min(*parts(time), time.lost_s) >= 0.0
        assert time.lost_s <= time.held_s


@given(spans=SPANS, receipts=RECEIPTS)
def test_cost_is_additive_over_workers(spans: list[WorkerSpan], receipts: list[ShardReceipt]) -> None:
    whole = build_cost(spans, receipts, engine=GPU, prices=PRICES)
    by_worker = [
        build_cost(
            [each for each in spans if each.worker == name],
            [each for each in receipts if each.worker == name],
            engine=GPU,
            prices=PRICES,
        )
        for name in "abc"
    ]
    assert whole.total == pytest.approx(sum(cost.total or 0.0 for cost in by_worker))
    assert sum((cost.time for cost in by_worker), NO_TIME).busy_s == pytest.approx(whole.time.busy_s)
