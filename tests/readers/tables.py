"""Published versions made of nothing but what readers look at: real Parquet, real row groups, small."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from pipeline.interfaces import ObjectStore
from pipeline.readers.groups import RowGroups, index_files, list_files
from pipeline.tables.parquet import open_writer

VERSION = "v1"
LANGUAGES = ("en", "de", "fr")
SCHEMA = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("alpha_words", pa.float64()),
        pa.field("date", pa.timestamp("us", tz="UTC")),
        pa.field("reject", pa.list_(pa.string()), nullable=False),
    ]
)
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)


def row(number: int) -> dict[str, object]:
    """A document that says its number; languages in stretches of 25, so that statistics can rule row groups out."""
    return {
        "text": f"Document {number}. " + "word " * (number % 7),
        "id": f"{number:06d}",
        "language": LANGUAGES[number // 25 % 3],
        "alpha_words": None if number % 10 == 9 else number % 10 / 10,
        "date": None if number % 4 == 3 else FIRST_DAY + timedelta(days=number),
        "reject": [] if number % 3 else ["loop"],
    }


def write_version(store: ObjectStore, rows_of_groups: Sequence[Sequence[int]], version: str = VERSION) -> RowGroups:
    """One file for each list, with row groups of so many rows; rows are numbered through."""
    number = 0
    for ordinal, rows_of_file in enumerate(rows_of_groups):
        sink = io.BytesIO()
        with open_writer(sink, SCHEMA, {}) as writer:
            for num_rows in rows_of_file:
                rows = [row(number + at) for at in range(num_rows)]
                writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), row_group_size=max(num_rows, 1))
                number += num_rows
        store.put(f"documents/version={version}/part-{ordinal:05d}.parquet", sink.getvalue())
    return index_files(store, list_files(store, f"documents/version={version}/"))
