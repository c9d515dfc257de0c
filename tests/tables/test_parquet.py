"""How the Parquet is written."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.builds.plan import shard_of
from pipeline.tables import parquet
from pipeline.tables.pages import encode_pages
from pipeline.tables.schemas import PAGES_SCHEMA
from tests.tables.samples import document, head, opened, pages_of


def test_the_options_are_those_that_readers_profit_from() -> None:
    of = opened(document("a.pdf"), num_pages=3)
    metadata = pq.read_metadata(io.BytesIO(encode_pages(pages_of(of), head(shard_of([of.document])))))
    group = metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert all(column.has_offset_index for column in columns.values()), "the page index"
    assert columns["page"].is_stats_set
    assert not columns["text"].is_stats_set
    assert not columns["blocks.list.element.text"].is_stats_set
    assert [PAGES_SCHEMA.names[column.column_index] for column in group.sorting_columns] == ["doc_id", "page"]


def test_the_stored_schema_is_the_explicit_one() -> None:
    of = opened(document("a.pdf"))
    data = encode_pages(pages_of(of), head(shard_of([of.document])))
    assert pq.read_schema(io.BytesIO(data)).equals(PAGES_SCHEMA)


def test_a_row_group_is_closed_before_it_passes_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parquet.ROW_GROUP_BYTES == 64_000_000, "above 300 MB the viewer of a hub gives up"
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 64_000)
    data = parquet.encode(pa.table({"text": ["x" * 1000] * 130}), {})
    metadata = pq.read_metadata(io.BytesIO(data))
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [63, 63, 4]
    assert [group.num_rows for group in parquet.decode_groups(data, ["text"])] == [63, 63, 4]
