"""Parquet bytes, written one way. In: a table and its footer texts. Out: the bytes of one file, the same for the same input.

Options, from reference/filters_and_schemas.md D3 and ray_and_storage.md 6: zstd 3 (25 % smaller than level 1 for 11 % more
time; level 6 takes three times as long for 4 %), row groups of at most 64 MB in memory, a page index, statistics on scalars
only (those of long texts only swell the footer), and content-defined chunking, with which a hub stores a changed file by
its changed parts. Costs the table, its encoding and nothing else in memory.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import VerifyError

ROW_GROUP_BYTES = 64_000_000
UNINDEXED_TEXTS = frozenset({"text", "title", "author", "error"})


def open_writer(sink: io.BytesIO, schema: pa.Schema, footer: Mapping[str, str]) -> pq.ParquetWriter:
    """A writer for one file of `schema`; each `write_table(table, row_group_size)` adds row groups."""
    return pq.ParquetWriter(
        sink,
        schema.with_metadata(dict(footer)),
        compression="zstd",
        compression_level=3,
        write_page_index=True,
        write_statistics=_scalar_columns(schema),
        use_content_defined_chunking=True,
        sorting_columns=_sorting_columns(schema),
    )


def encode(table: pa.Table, footer: Mapping[str, str]) -> bytes:
    """One whole file. Raises ArrowInvalid when a required column holds a null."""
    sink = io.BytesIO()
    with open_writer(sink, table.schema, footer) as writer:
        writer.write_table(table, row_group_size=rows_per_group(table))
    return sink.getvalue()


def rows_per_group(table: pa.Table) -> int:
    """How many rows of this table make a row group of about ROW_GROUP_BYTES, at least 1."""
    num_rows, num_bytes = int(table.num_rows), int(table.nbytes)
    return max(1, ROW_GROUP_BYTES * num_rows // max(num_bytes, 1))


def decode(data: bytes, columns: Sequence[str]) -> pa.Table:
    """These columns, in this order. Raises VerifyError when the bytes are not whole Parquet or lack one of them."""
    with _told():
        return _checked(pq.ParquetFile(io.BytesIO(data)).read(columns=list(columns)), columns)


def decode_groups(data: bytes, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The same, one row group after another, for files too large to hold as a table. Raises VerifyError."""
    with _told():
        opened = pq.ParquetFile(io.BytesIO(data))
        num_groups = opened.num_row_groups
    for group in range(num_groups):
        with _told():
            table = _checked(opened.read_row_group(group, columns=list(columns)), columns)
        yield table


def _checked(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    absent = [name for name in columns if name not in table.column_names]
    if absent:
        raise VerifyError(f"a table that lacks the columns {', '.join(absent)}")
    table.validate(full=True)
    return table.select(list(columns))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise VerifyError(f"not a whole Parquet file: {' '.join(str(error).split())}") from error


def footer_of(data: bytes) -> dict[str, str]:
    """The footer's texts by key. Raises VerifyError."""
    with _told():
        metadata = pq.read_metadata(io.BytesIO(data)).metadata or {}
    return {key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"}


def to_json(value: object) -> str:
    """JSON with one spelling per value: sorted keys, no spaces. Raises TypeError, ValueError (NaN, infinity)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _scalar_columns(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if not pa.types.is_nested(field.type) and field.name not in UNINDEXED_TEXTS]


def _sorting_columns(schema: pa.Schema) -> list[pq.SortingColumn] | None:
    if not {"doc_id", "page"} <= set(schema.names):
        return None
    return [pq.SortingColumn(schema.get_field_index(name)) for name in ("doc_id", "page")]
