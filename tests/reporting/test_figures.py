"""Every number of a report again, asked of the dataset by the query that stands under it."""

from datetime import datetime
from pathlib import Path

import pytest

from jobs.dataset_address import Address
from jobs.sql import tables_of
from pipeline.config import StoreConfig
from pipeline.reporting.build_report import figures_of
from pipeline.reporting.facts import read_facts
from pipeline.reporting.figure import Figure, Query
from pipeline.store import FolderStore
from tests.builds.factory import publish
from tests.publishing.nights import read_night

duckdb = pytest.importorskip("duckdb")
BUILD = "2026-11-23"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """Three nights: kept, blank, damaged and doubled documents in each."""
    store = FolderStore(root=tmp_path_factory.mktemp("dataset"))
    corpus: dict[str, str] = {}
    for night in ("2026-11-21", "2026-11-22", BUILD):
        corpus |= {f"{night}-{number}.pdf": f"{night}-{number}/1" for number in range(12)}
        corpus |= {f"{night}-broken.pdf": f"bad/{night}", f"{night}-copy.pdf": f"{night}-0/2"}
        built = read_night(store, corpus, night)
        assert built is not None
        publish(store, built)
    return store


def figures(dataset: FolderStore) -> dict[str, Figure]:
    return {figure.figure_id: figure for figure in figures_of(read_facts(dataset, BUILD))}


def test_every_query_answers_with_the_rows_that_are_shown(dataset: FolderStore) -> None:
    asked = 0
    for figure in figures(dataset).values():
        if isinstance(figure.source, Query):
            assert answer(dataset, figure.source.sql) == [pytest.approx(row) for row in figure.rows], figure.figure_id
            asked += bool(figure.rows)
    assert asked >= 10


def answer(dataset: FolderStore, sql: str) -> list[tuple[object, ...]]:
    address = Address(config=StoreConfig(uri=dataset.uri), store=dataset, version=None, build=BUILD)
    connection = duckdb.connect()
    for name, table in tables_of(address, sql).items():
        connection.register(name, table)
    return [tuple(row) for row in connection.sql(sql).fetchall()]
