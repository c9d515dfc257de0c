"""What the build benchmark makes of receipts and of the processes it watched."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from jobs.bench_build import shares_of
from jobs.process_memory import peaks_of, processes_below
from pipeline.receipts import ShardReceipt, ShardTimes

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def receipt(worker: str, ended_s: float, total_s: float, busy_s: float) -> ShardReceipt:
    return ShardReceipt(
        shard_id="s",
        key="k",
        size_bytes=1,
        sha256="",
        num_rows=10,
        num_documents=1,
        num_known=0,
        quarantined=(),
        pages_by_status={},
        pages_by_reject={},
        num_kept=10,
        num_kept_chars=0,
        num_output_tokens=0,
        pages_by_rung={},
        seconds_by_rung={},
        pages_by_mode={},
        vision_tokens_by_mode={},
        text_tokens_by_mode={},
        times=ShardTimes(total_s=total_s, engine_s=busy_s, render_wait_s=0.0, judge_s=1.0, engine_busy_s=busy_s),
        worker=worker,
        finished_at=NOON + timedelta(seconds=ended_s),
    )


def test_the_overlapping_shards_of_a_worker_count_its_time_once() -> None:
    shares = shares_of([receipt("a", 10, 10, 8), receipt("a", 15, 10, 5), receipt("b", 5, 5, 5)])
    assert (shares.num_pages, shares.num_workers, shares.workers_s) == (30, 2, 20.0)
    assert shares.engine_fraction == pytest.approx(18 / 20)
    assert shares.judge_fraction == pytest.approx(3 / 20)
    assert shares.engine_fraction + shares.judge_fraction + shares.other_fraction == pytest.approx(1.0)


def test_a_peak_is_the_largest_sample_of_a_role() -> None:
    assert peaks_of([{"worker": 3, "driver": 1}, {"worker": 2}, {"driver": 5}]) == {"worker": 3, "driver": 5}


def test_this_very_process_is_found_with_its_memory() -> None:
    found = processes_below(os.getpid())
    assert max(process.own_bytes for process in found) > 10_000_000
