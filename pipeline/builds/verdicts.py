"""Two small tables beside the data, so that no document is dropped without a row that says so.

`verdicts.parquet`: every opened document of the build, published or not, and why not. `quarantine.parquet`: every document
that never gave a page. In: records. Out: Parquet bytes, and verdicts back.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.records import DocumentFailure, DocumentRef
from pipeline.tables.footer import BuildStamp, stamp_texts
from pipeline.tables.parquet import decode, encode
from pipeline.tables.schemas import STRINGS, TIMESTAMP

VERDICTS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # sha256 of the document's bytes, hex
        pa.field("file_path", pa.string(), nullable=False),
        pa.field("shard_id", pa.string(), nullable=False),
        pa.field("n_pages", pa.int32(), nullable=False),
        pa.field("kept_pages", pa.int32(), nullable=False),
        pa.field("reject", STRINGS, nullable=False),  # empty: published
    ]
)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What publishing decided on one opened document."""

    id: str
    file_path: str
    shard_id: str
    n_pages: int
    kept_pages: int
    reject: tuple[str, ...]
    """() means published."""


def encode_verdicts(verdicts: Sequence[Verdict], stamp: BuildStamp) -> bytes:
    columns = [[getattr(verdict, name) for verdict in verdicts] for name in VERDICTS_SCHEMA.names]
    table = pa.table(columns, schema=VERDICTS_SCHEMA)
    return encode(table, stamp_texts(stamp, "verdicts"))


def decode_verdicts(data: bytes) -> Iterator[Verdict]:
    """Raises VerifyError."""
    for row in decode(data, VERDICTS_SCHEMA.names).to_pylist():
        yield Verdict(**{**row, "reject": tuple(row["reject"])})


def encode_quarantine(failures: Iterable[tuple[str, DocumentFailure]], stamp: BuildStamp) -> bytes:
    """`failures` are pairs of shard id and failure."""
    return encode(quarantine_table(failures), stamp_texts(stamp, "quarantine"))


def decode_quarantine(data: bytes) -> Iterator[tuple[str, DocumentRef]]:
    """The reason and the document of each entry. Raises VerifyError."""
    for row in decode(data, ["reason", "file_path", "size_bytes", "version"]).to_pylist():
        yield row["reason"], DocumentRef(uri=row["file_path"], size_bytes=row["size_bytes"], version=row["version"])


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
