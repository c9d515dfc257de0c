"""A published build in a folder loads unchanged in every reader that people use."""

from pathlib import Path

import duckdb
import polars
import pyarrow.dataset
import pytest

from pipeline.builds.commit import commit_shard
from pipeline.config import StoreConfig
from pipeline.store import open_store
from pipeline.tables.schemas import DOCUMENTS_SCHEMA, PAGES_SCHEMA
from tests.builds.factory import CORPUS, config, planned_build, publish
from tests.tables.samples import opened, pages_file

NUM_PAGES = sum(opened(ref).num_pages for ref in CORPUS[:8])
KEYS = {"documents": "version", "pages": "build"}
"""The partition key of each table."""
EACH_TABLE = pytest.mark.parametrize(
    ("table", "columns", "num_rows"),
    [("documents", DOCUMENTS_SCHEMA.names, 8), ("pages", PAGES_SCHEMA.names, NUM_PAGES)],
    ids=["documents", "pages"],
)


@pytest.fixture(scope="module")
def dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    store = open_store(StoreConfig(uri=str(folder)))
    plan = planned_build(store)
    for shard in plan.shards:
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    publish(store, config())
    return folder


@EACH_TABLE
def test_hugging_face_datasets_loads_both_tables_by_the_names_on_the_card(
    dataset_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, columns: list[str], num_rows: int
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(dataset_dir), table, split="train", cache_dir=str(tmp_path / "cache"))
    assert set(columns) <= set(loaded.column_names)
    assert loaded.num_rows == num_rows
    by_files = datasets.load_dataset(
        "parquet",
        data_files=str(dataset_dir / table / "*" / "*.parquet"),
        split="train",
        streaming=True,
        cache_dir=str(tmp_path / "cache"),
    )
    assert sum(1 for row in by_files if isinstance(row["text"], str)) == num_rows


@EACH_TABLE
def test_duckdb_reads_the_columns_and_the_partition_key(
    dataset_dir: Path, table: str, columns: list[str], num_rows: int
) -> None:
    files = str(dataset_dir / table / "*" / "*.parquet")
    read = duckdb.sql(f"SELECT * FROM read_parquet('{files}', hive_partitioning = true)").to_arrow_table()
    assert read.column_names == [*columns, KEYS[table]]
    assert read.num_rows == num_rows
    assert set(read.column(KEYS[table]).to_pylist()) == {"main"}
    keys = duckdb.sql(f"SELECT DISTINCT decode(key) FROM parquet_kv_metadata('{files}')").fetchall()
    assert ("pagemill.config",) in keys


@EACH_TABLE
def test_polars_reads_the_columns_and_the_partition_key(
    dataset_dir: Path, table: str, columns: list[str], num_rows: int
) -> None:
    read = polars.read_parquet(dataset_dir / table / "*" / "*.parquet", hive_partitioning=True)
    assert read.columns == [*columns, KEYS[table]]
    assert read.height == num_rows
    assert read[KEYS[table]].unique().to_list() == ["main"]


@EACH_TABLE
def test_pyarrow_reads_the_folder_with_its_partition(dataset_dir: Path, table: str, columns: list[str], num_rows: int) -> None:
    read = pyarrow.dataset.dataset(dataset_dir / table, format="parquet", partitioning="hive").to_table()
    assert read.column_names == [*columns, KEYS[table]]
    assert read.num_rows == num_rows
    explicit = PAGES_SCHEMA if table == "pages" else DOCUMENTS_SCHEMA
    assert read.drop_columns([KEYS[table]]).schema.equals(explicit)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
@EACH_TABLE
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray Data sets its own deprecated options
def test_ray_data_reads_the_columns_and_the_partition_key(
    dataset_dir: Path, table: str, columns: list[str], num_rows: int
) -> None:
    import ray.data

    read = ray.data.read_parquet(str(dataset_dir / table))
    assert read.count() == num_rows
    assert set(read.schema().names) == {*columns, KEYS[table]}
    assert all(isinstance(row["text"], str) for row in read.take_all())
