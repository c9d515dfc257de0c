"""Many documents as a listing gives them, held as columns: 163 bytes each with names of 85 characters.

In: DocumentRefs, one after another. Out: the same from a DocumentTable, by position or as a slice that stands for a tuple of
them and makes each record when it is asked for. Knows nothing of shards or stores.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import overload

import pyarrow as pa

from pipeline.records import DocumentRef
from pipeline.tables.schemas import STRINGS

REFS_SCHEMA = pa.schema(
    [
        pa.field(
            "uri", pa.large_string(), nullable=False
        ),  # large: ten million names are more than the 2 GB of a string column
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("version", pa.large_string(), nullable=False),
        pa.field("modified_us", pa.int64()),  # since 1970, UTC
        pa.field("sha256", pa.large_string()),
        pa.field("aliases", STRINGS, nullable=False),
    ]
)
BATCH_ROWS = 4096
"""Records that exist at once while a table is made or walked through."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def gather(documents: Iterable[DocumentRef]) -> pa.Table:
    """A table of REFS_SCHEMA, in the order given; holds BATCH_ROWS records at once."""
    rows = iter(documents)
    batches = []
    while some := list(islice(rows, BATCH_ROWS)):
        batches.append(_batch_of(some))
    return pa.Table.from_batches(batches, schema=REFS_SCHEMA)


def refs_of(table: pa.Table) -> Iterator[DocumentRef]:
    """The documents of a table of REFS_SCHEMA, in order."""
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield from _refs_of_batch(batch)


def refs_at(table: pa.Table, rows: Sequence[int]) -> Iterator[DocumentRef]:
    """The documents at these rows, in the order of the rows."""
    for start in range(0, len(rows), BATCH_ROWS):
        yield from refs_of(table.take(rows[start : start + BATCH_ROWS]))


class DocumentSlice(Sequence[DocumentRef]):
    """Some consecutive rows of a table, in place of a tuple of their records; pickled as that tuple."""

    __slots__ = ("_start", "_stop", "_table")

    def __init__(self, table: pa.Table, start: int, stop: int) -> None:
        self._table = table
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, place: int) -> DocumentRef: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[DocumentRef]: ...
    def __getitem__(self, place: int | slice) -> DocumentRef | Sequence[DocumentRef]:
        places = range(self._start, self._stop)[place]
        if isinstance(places, range):
            return (
                DocumentSlice(self._table, places.start, max(places.start, places.stop))
                if places.step == 1
                else tuple(self)[place]
            )
        return next(refs_of(self._table.slice(places, 1)))

    def __iter__(self) -> Iterator[DocumentRef]:
        return refs_of(self._table.slice(self._start, len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"DocumentSlice({list(self)!r})"

    def __reduce__(self) -> tuple[type[tuple[DocumentRef, ...]], tuple[tuple[DocumentRef, ...]]]:
        return tuple, (tuple(self),)


def _batch_of(documents: Sequence[DocumentRef]) -> pa.RecordBatch:
    columns = [
        [document.uri for document in documents],
        [document.size_bytes for document in documents],
        [document.version for document in documents],
        [None if document.modified_at is None else (document.modified_at - EPOCH) // MICROSECOND for document in documents],
        [document.sha256 for document in documents],
        [document.aliases for document in documents],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, REFS_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=REFS_SCHEMA)


def _refs_of_batch(batch: pa.RecordBatch) -> Iterator[DocumentRef]:
    for uri, size_bytes, version, modified_us, sha256, aliases in zip(*(column.to_pylist() for column in batch), strict=True):
        yield DocumentRef(
            uri=uri,
            size_bytes=size_bytes,
            version=version,
            modified_at=None if modified_us is None else EPOCH + modified_us * MICROSECOND,
            sha256=sha256,
            aliases=tuple(aliases),
        )
