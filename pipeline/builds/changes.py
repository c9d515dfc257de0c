"""Names that changed without a document to read: `changes-<attempt>.parquet` of a build, and the counts of its listing.

In: changes of names, one after another. Out: the bytes of the table, and back. It is put before the plan, whose footer names
it, so that of two drivers the one whose plan has won also has its changes. Costs 16,384 rows in memory.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import pyarrow as pa
from pydantic import TypeAdapter

from pipeline.errors import VerifyError
from pipeline.tables.footer import BuildStamp, stamp_of, stamp_texts
from pipeline.tables.parquet import decode_groups, footer_of, open_writer

CHANGES_SCHEMA = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("change", pa.string(), nullable=False),  # removed, returned, renamed
        pa.field("size_bytes", pa.int64(), nullable=False),  # with version and of_uri: the document, as an earlier plan has it
        pa.field("version", pa.string(), nullable=False),
        pa.field("of_uri", pa.string(), nullable=False),  # the document's own name; that of the row unless it is an alias
    ]
)
GROUP_ROWS = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class NameChange:
    """One name, and the document (of_uri, size_bytes, version) that an earlier build has planned."""

    uri: str
    change: Literal["removed", "returned", "renamed"]
    """`removed`: it held the document, and is not listed any more. `returned`: it holds the document again. `renamed`: it has
    become another name of the document."""
    size_bytes: int
    version: str
    of_uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingCounts:
    """What a listing found against all earlier builds of the same input."""

    num_listed: int = 0
    """Documents; further names of the same bytes are not counted."""
    num_new: int = 0
    """Planned under a name that was not there."""
    num_changed: int = 0
    """Planned under a name that held another document."""
    num_retried: int = 0
    """Planned once more, because an earlier build left them in quarantine."""
    num_removed: int = 0
    """Names; this and the next two stand in the table of changes."""
    num_returned: int = 0
    num_renamed: int = 0
    num_held: int = 0
    """Names that were there before."""


NO_COUNTS = ListingCounts()
COUNTS: TypeAdapter[ListingCounts] = TypeAdapter(ListingCounts)


def encode_changes(changes: Iterable[NameChange], stamp: BuildStamp) -> bytes:
    """The table, in the order given."""
    rows = iter(changes)
    sink = io.BytesIO()
    with open_writer(sink, CHANGES_SCHEMA, stamp_texts(stamp, "changes")) as writer:
        while some := list(islice(rows, GROUP_ROWS)):
            columns = [[getattr(change, name) for change in some] for name in CHANGES_SCHEMA.names]
            writer.write_table(pa.table(columns, schema=CHANGES_SCHEMA), row_group_size=GROUP_ROWS)
    return sink.getvalue()


def decode_changes(data: bytes, key: str) -> Iterator[NameChange]:
    """Raises VerifyError, naming the key."""
    try:
        stamp_of(footer_of(data), "changes")
        for group in decode_groups(data, CHANGES_SCHEMA.names):
            yield from (NameChange(**row) for row in group.to_pylist())
    except VerifyError as error:
        raise VerifyError(f"{key} is no table of changes: {error}") from error
