"""`quarantine.parquet`: every document of a build that never gave a page, so that none is dropped without a row that says so.

In: pairs of shard id and failure. Out: a table of QUARANTINE_SCHEMA, and its Parquet.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from pipeline.records import DocumentFailure
from pipeline.tables.footer import BuildStamp, stamp_texts
from pipeline.tables.parquet import encode
from pipeline.tables.schemas import STRINGS, TIMESTAMP

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("file_path", pa.string(), nullable=False),
        pa.field("aliases", STRINGS, nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("date", TIMESTAMP),
        pa.field("id", pa.string()),  # null when the bytes could not be fetched
        pa.field("reason", pa.string(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("shard_id", pa.string(), nullable=False),
    ]
)


def encode_quarantine(failures: Iterable[tuple[str, DocumentFailure]], stamp: BuildStamp) -> bytes:
    """`failures` are pairs of shard id and failure."""
    return encode(quarantine_table(failures), stamp_texts(stamp, "quarantine"))


def quarantine_table(failures: Iterable[tuple[str, DocumentFailure]]) -> pa.Table:
    """Rows of QUARANTINE_SCHEMA, in the order given."""
    return pa.Table.from_pylist(
        [_quarantine_row(shard_id, failure) for shard_id, failure in failures], schema=QUARANTINE_SCHEMA
    )


def _quarantine_row(shard_id: str, failure: DocumentFailure) -> Mapping[str, object]:
    ref = failure.document
    return {
        "file_path": ref.uri,
        "aliases": ref.aliases,
        "size_bytes": ref.size_bytes,
        "version": ref.version,
        "date": ref.modified_at,
        "id": failure.doc_id,
        "reason": failure.reason,
        "error": failure.error,
        "attempts": failure.attempts,
        "shard_id": shard_id,
    }
