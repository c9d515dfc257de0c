"""`pagemill status --watch`: a build seen from its store while others read it."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

import jobs.watch
from jobs import status
from jobs.watch import block_of, follow, recent_rates, watch
from pipeline.builds import layout
from pipeline.builds.close import close_build
from pipeline.builds.commit import commit_shard, read_receipts
from pipeline.builds.ledger import decode_receipt
from pipeline.config import StoreConfig
from pipeline.receipts import ShardReceipt
from pipeline.store import open_store
from tests.builds.factory import config, finished_build, planned_build
from tests.builds.memory_store import MemoryStore
from tests.reporting.varied import varied_build
from tests.tables.samples import pages_file


def test_each_receipt_is_fetched_once_however_often_one_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def decode(data: bytes, key: str) -> ShardReceipt:
        fetched.append(key)
        return decode_receipt(data, key)

    monkeypatch.setattr(jobs.watch, "decode_receipt", decode)
    store = MemoryStore()
    plan = planned_build(store)
    sights = follow(store, config())
    assert next(sights).status.num_shards_done == 0
    for number, shard in enumerate(plan.shards, start=1):
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
        assert next(sights).status.num_shards_done == number
    close_build(store, plan)
    assert next(sights).status.is_finished
    assert sorted(fetched) == sorted(layout.receipt_key("main", shard.shard_id) for shard in plan.shards)
    assert list(sights) == []


def test_in_a_pipe_it_is_plain_lines_that_end_with_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(StoreConfig(uri=str(tmp_path / "out")))
    close_build(store, finished_build(store))
    written = tmp_path / "config.yaml"
    written.write_text("input: {uri: /corpus}\noutput: {uri: nowhere}\nplan: {shard_documents: 4}\n")
    status.main([str(written), "--output", str(tmp_path / "out"), "--watch", "0.1"])
    first = capsys.readouterr().out.splitlines()[0]
    assert "shards 3/3  documents 9/9" in first
    assert first.endswith("finished")
    assert "\x1b" not in first


@pytest.mark.parametrize("width", [40, 60, 120])
def test_it_fits_a_terminal_however_narrow(width: int) -> None:
    store = MemoryStore()
    varied = varied_build(store, "main", num_documents=200, shard_documents=10)
    (sight, *_) = [next(follow(store, varied))]
    told = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    told.print(block_of(sight, width=width))
    lines = told.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "200 of 200" in text
    assert "low_conf" in text
    assert "and 2 others" in text


def test_a_terminal_gets_a_live_block_and_keeps_the_last_one() -> None:
    store = MemoryStore()
    close_build(store, finished_build(store))
    told = Console(file=io.StringIO(), width=80, force_terminal=True)
    watch(store, config(), every_s=0.1, console=told)
    assert "3 of 3" in told.file.getvalue()  # type: ignore[attr-defined]


def test_the_rate_is_of_the_last_ten_minutes() -> None:
    """100 pages in the 100 s to the end, and 600 in 1,200 s of which 600 s are in the window: (100 + 300) / 600."""
    store = MemoryStore()
    finished_build(store)
    first, second, *_ = read_receipts(store, "main").values()
    now = first.finished_at
    recent = replace(first, worker="a", num_rows=100, times=replace(first.times, total_s=100.0))
    long = replace(second, worker="b", num_rows=600, finished_at=now, times=replace(second.times, total_s=1200.0))
    old = replace(second, worker="c", num_rows=50, finished_at=now - timedelta(hours=1))
    assert recent_rates([recent, long, old]) == pytest.approx({"b": 0.5, "a": 1 / 6})
    assert list(recent_rates([recent, long, old])) == ["b", "a"]


def test_a_build_that_was_never_planned_is_no_empty_screen() -> None:
    with pytest.raises(Exception, match="main"):
        next(follow(MemoryStore(), config()))
