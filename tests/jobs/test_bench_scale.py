"""The synthetic corpus and build are what the real code takes for real ones."""

from pathlib import Path

import pytest

from jobs.bench_scale import STEPS, Cost, config_in, table_of
from jobs.synthetic import COPY_EVERY, SyntheticNight, SyntheticSource, SyntheticStore, page_document
from pipeline.builds.begin import begin_build
from pipeline.builds.commit import read_receipts
from pipeline.publishing.verify import verify
from pipeline.sources import list_documents
from pipeline.store import open_store
from tests.builds.factory import publish


def test_a_synthetic_build_publishes_every_document_and_verifies(tmp_path: Path) -> None:
    config = config_in(tmp_path, shard_documents=1)
    beside = open_store(config.output)
    plan = begin_build(beside, config, lambda: map(page_document, range(30)), code_version="0")
    store = SyntheticStore(beside, plan.stamp, config, num_shards=30)
    assert len(read_receipts(store, "main")) == 30
    manifest = publish(store, config)
    assert (manifest.num_documents_kept, manifest.builds[0].evidence.num_documents_planned) == (30, 30)
    report = verify(store, "main")
    assert report.findings == ()
    assert report.num_pages == 30


def test_a_synthetic_corpus_holds_copies_that_planning_merges() -> None:
    source = SyntheticSource(2 * COPY_EVERY + 5)
    listed = list(list_documents(source))
    assert [len(document.aliases) for document in listed if document.aliases] == [1, 1]
    assert len(listed) == 2 * COPY_EVERY + 3


def test_a_synthetic_night_finds_a_hundredth_of_each_kind(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    store = open_store(config.output)
    begin_build(store, config, lambda: list_documents(SyntheticSource(2000)), code_version="0")
    night = config.model_copy(update={"build_id": "night"})
    counts = begin_build(store, night, lambda: list_documents(SyntheticNight(2000)), code_version="0").counts
    assert (counts.num_new, counts.num_changed, counts.num_removed) == (20, 20, 20)
    assert (counts.num_held, counts.num_returned, counts.num_renamed, counts.num_retried) == (2000, 0, 0, 0)


@pytest.mark.parametrize("step", ["plan", "resume", "replan", "decide", "night", "manifest"])
def test_each_step_tells_what_it_took(tmp_path: Path, step: str) -> None:
    for plan in ("plan", "plan-pages"):
        STEPS[plan](tmp_path, 50)
    cost = STEPS[step](tmp_path, 50)
    assert (cost.step, cost.size) == (step, 50)
    assert 0 < cost.rest_bytes <= cost.peak_bytes


def test_the_slope_is_what_each_further_one_takes() -> None:
    costs = [
        Cost(step="plan", size=size, wall_s=1.0, cpu_s=1.0, rest_bytes=100, peak_bytes=1_000_000 + 500 * size)
        for size in (1000, 3000)
    ]
    assert table_of(costs)[-1].endswith("| 500 |")
