"""Two small tables beside the data, so that no document is dropped without a row that says so.

`verdicts.parquet`: every opened document of the build, published or not, and why not. `quarantine.parquet`: every document
that never gave a page. In: records. Out: Parquet bytes, and verdicts back.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipeline.records import DocumentFailure
from pipeline.tables.footer import BuildStamp, stamp_texts
from pipeline.tables.parquet import decode_groups, encode, open_writer
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
GROUP_ROWS = 16_384


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


class VerdictsFile:
    """verdicts.parquet while it is written: holds a row group of verdicts, and the rest encoded."""

    def __init__(self, stamp: BuildStamp) -> None:
        self._sink = io.BytesIO()
        self._writer = open_writer(self._sink, VERDICTS_SCHEMA, stamp_texts(stamp, "verdicts"))
        self._group: list[Verdict] = []
        self.num_kept = 0
        self.by_reject: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        self._group.append(verdict)
        self.num_kept += not verdict.reject
        self.by_reject.update(verdict.reject)
        if len(self._group) == GROUP_ROWS:
            self._write_group()

    def encoded(self) -> bytes:
        """The whole file; nothing can be added after."""
        self._write_group()
        self._writer.close()
        return self._sink.getvalue()

    def _write_group(self) -> None:
        columns = [[getattr(verdict, name) for verdict in self._group] for name in VERDICTS_SCHEMA.names]
        self._writer.write_table(pa.table(columns, schema=VERDICTS_SCHEMA), row_group_size=GROUP_ROWS)
        self._group = []


def decode_verdicts(data: bytes) -> Iterator[Verdict]:
    """Raises VerifyError."""
    for row in (row for group in decode_groups(data, VERDICTS_SCHEMA.names) for row in group.to_pylist()):
        yield Verdict(**{**row, "reject": tuple(row["reject"])})


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
