"""Every number of a report again, asked of the dataset by the query that stands under it."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.dataset_address import Address
from jobs.sql import tables_of
from pipeline.config import StoreConfig
from pipeline.publishing.candidate import GateReading
from pipeline.reporting.build_report import build_report, figures_of
from pipeline.reporting.facts import read_facts
from pipeline.reporting.figure import Figure, Query
from pipeline.reporting.headline import stages_of, verdict_of
from pipeline.store import FolderStore
from tests.builds.factory import planned_build, publish
from tests.reporting.varied import varied_build

duckdb = pytest.importorskip("duckdb")
BUILD = "2026-11-23"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """Three nights in which everything happens."""
    store = FolderStore(root=tmp_path_factory.mktemp("dataset"))
    nights = ("2026-11-21", "2026-11-22", BUILD)
    for number, night in enumerate(nights):
        publish(store, varied_build(store, night, num_documents=60, earlier=nights[:number]))
    return store


def figures(dataset: FolderStore) -> dict[str, Figure]:
    return {figure.figure_id: figure for figure in figures_of(read_facts(dataset, BUILD, None))}


def test_every_query_answers_with_the_rows_that_are_shown(dataset: FolderStore) -> None:
    asked = 0
    for figure in figures(dataset).values():
        if isinstance(figure.source, Query):
            assert answer(dataset, figure.source.sql) == [pytest.approx(row) for row in figure.rows], figure.figure_id
            asked += bool(figure.rows)
    assert asked >= 14


def test_what_the_funnel_loses_is_what_the_tables_miss(dataset: FolderStore) -> None:
    facts = read_facts(dataset, BUILD, None)
    stages = {stage.title: stage.number for stage in stages_of(facts)}
    asked = "select count(*), count(*) filter (status = 'ok'), count(*) filter (len(reject) = 0) from pages"
    assert answer(dataset, asked) == [(stages["pages in them"], stages["pages read"], stages["pages kept"])]
    assert stages["documents planned"] == 60
    assert stages["documents opened"] == 60 - answer(dataset, "select count(*) from quarantine")[0][0]  # type: ignore[operator]


def test_pages_that_are_not_in_the_tables_are_the_first_thing_that_is_said(dataset: FolderStore) -> None:
    facts = read_facts(dataset, BUILD, None)
    lacking = replace(facts, pages=replace(facts.pages, num_pages=facts.pages.num_pages - 1))
    assert verdict_of(facts).mood == "good"
    assert verdict_of(lacking).told == "Do not ship: the books do not balance"


def test_a_broken_gate_keeps_the_headline_from_being_good(dataset: FolderStore) -> None:
    facts = read_facts(dataset, BUILD, None)
    assert facts.version is not None
    broken = GateReading(name="kept", told="kept: pages kept 3%", is_broken=True, is_accepted=False)
    verdict = verdict_of(replace(facts, version=replace(facts.version, gates=(broken,))))
    assert (verdict.mood, verdict.told) == ("bad", "Kept back by a gate: kept")


def test_a_build_that_is_not_finished_has_a_report_that_says_so(tmp_path: Path) -> None:
    store = FolderStore(root=tmp_path)
    planned_build(store)
    assert verdict_of(read_facts(store, "main", None)).told == "Not finished"
    assert "0 of 3 shards are read" in build_report(store, "main")


def test_the_drift_is_what_the_gates_measure(dataset: FolderStore) -> None:
    shown = figures(dataset)["drift"]
    assert [row[0] for row in shown.rows] == ["2026-11-21", "2026-11-22", BUILD, "median before"]
    kept = [column.name for column in shown.columns].index("kept")
    asked = "select count(*) filter (len(reject) = 0) / count(*) filter (status <> 'blank') from pages"
    assert shown.rows[2][kept] == pytest.approx(answer(dataset, asked)[0][0])


def answer(dataset: FolderStore, sql: str) -> list[tuple[object, ...]]:
    address = Address(config=StoreConfig(uri=dataset.uri), store=dataset, version=None, build=BUILD)
    connection = duckdb.connect()
    for name, table in tables_of(address, sql).items():
        connection.register(name, table)
    return [tuple(row) for row in connection.sql(sql).fetchall()]
