"""Forecasts are held against the pages of a dataset that was read."""

from pathlib import Path
from random import Random

from jobs.bench_forecast import main, pages_of, try_drawn, try_neighbours
from pipeline.builds.commit import read_receipts
from pipeline.config import PlanConfig, StoreConfig
from pipeline.store import open_store
from tests.builds.factory import CORPUS, finished_build

ONE_EACH = PlanConfig(shard_documents=1)


def test_the_true_pages_stand_in_the_footers(tmp_path: Path) -> None:
    store = open_store(StoreConfig(uri=str(tmp_path)))
    finished_build(store)
    pages = pages_of(store)
    assert sum(pages.values()) == sum(receipt.num_rows for receipt in read_receipts(store, "main").values())
    assert {document.uri for document in pages} == {document.uri for document in CORPUS[:8]}


def test_documents_all_alike_are_forecast_exactly_and_the_next_build_is_what_the_first_left(tmp_path: Path) -> None:
    store = open_store(StoreConfig(uri=str(tmp_path)))
    finished_build(store)
    alike = dict.fromkeys(pages_of(store), 3)
    for trying in (try_drawn, try_neighbours):
        trial = trying(alike, 3, ONE_EACH, Random(1))
        assert (trial.num_shards_read, trial.true_pages) == (3, 15)
        assert trial.is_inside
        assert trial.off_times == 1.0


def test_a_section_has_a_row_for_each_first_build(tmp_path: Path) -> None:
    finished_build(open_store(StoreConfig(uri=str(tmp_path / "set"))))
    page = tmp_path / "forecast.md"
    assert main([str(tmp_path / "set"), "--first", "2", "4", "--rounds", "3", "--out", str(page)]) == 0
    rows = [line for line in page.read_text().splitlines() if line.startswith("| 8 of set")]
    assert [row.split("|")[3].strip() for row in rows] == ["2 drawn", "2 neighbours", "4 drawn", "4 neighbours"]
