"""The `documents` parts: rows in, committed files out. The same rows and sizes make the same bytes.

Rows are gathered up to `row_group_bytes` of text and columns, encoded, and the part is put when its text reaches
`part_bytes`. Holds one row group of texts and one compressed part, whatever the number of documents.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator

from pipeline.builds import layout
from pipeline.config import PublishConfig
from pipeline.errors import BuildError
from pipeline.interfaces import ObjectStore
from pipeline.receipts import TablePart
from pipeline.tables.documents import DocumentRow, documents_table
from pipeline.tables.footer import BuildStamp, stamp_texts
from pipeline.tables.parquet import open_writer
from pipeline.tables.schemas import DOCUMENTS_SCHEMA

ROW_BYTES = 4000
"""What a row in waiting takes besides its text (measured 3 to 8 kB): else 64 MB of one-page letters are a gigabyte."""


def write_parts(
    store: ObjectStore, stamp: BuildStamp, rows: Iterable[DocumentRow], config: PublishConfig, *, attempt_id: str
) -> list[TablePart]:
    """Puts the parts in order, at least one (of no rows, so that readers find a table). Raises BuildError when another
    part lies under a key."""
    parts: list[TablePart] = []
    for ordinal, (data, num_rows) in enumerate(_files(stamp, rows, config)):
        key = layout.documents_key(stamp.build_id, ordinal)
        put_same(store, key, data, attempt_id=attempt_id)
        parts.append(TablePart(key=key, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), num_rows=num_rows))
    return parts


def put_same(store: ObjectStore, key: str, data: bytes, *, attempt_id: str) -> None:
    """Puts an object, or finds these very bytes there: a crashed publish is run again. Raises BuildError for other bytes."""
    if store.put_once(key, data, attempt_id=attempt_id) or store.get(key) == data:
        return
    raise BuildError(
        f"{key} in {store.uri} is there with other bytes: an earlier publish of this build had other rules, other sizes or "
        "another version. Publish as it did, or delete the build's documents/ folder, verdicts and manifest first"
    )


def _files(stamp: BuildStamp, rows: Iterable[DocumentRow], config: PublishConfig) -> Iterator[tuple[bytes, int]]:
    footer = stamp_texts(stamp, "documents")
    groups = _gathered(rows, config.row_group_bytes)
    group = next(groups, [])
    is_first = True
    while group or is_first:
        is_first = False
        sink, num_rows, num_bytes = io.BytesIO(), 0, 0
        with open_writer(sink, DOCUMENTS_SCHEMA, footer) as writer:
            while num_bytes < config.part_bytes:
                writer.write_table(documents_table(group), row_group_size=max(len(group), 1))
                num_rows += len(group)
                num_bytes += sum(row.bytes for row in group)
                group = next(groups, [])
                if not group:
                    break
        yield sink.getvalue(), num_rows


def _gathered(rows: Iterable[DocumentRow], target_bytes: int) -> Iterator[list[DocumentRow]]:
    group: list[DocumentRow] = []
    num_bytes = 0
    for row in rows:
        group.append(row)
        num_bytes += row.bytes + ROW_BYTES
        if num_bytes >= target_bytes:
            yield group
            group, num_bytes = [], 0
    if group:
        yield group
