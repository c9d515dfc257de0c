"""One `documents` part, in a task of its own: copied from the version before, or made from pages and judged rows.

In: a PartTask. Out: the VersionPart that lies under its key. The same task makes the same bytes. Holds the texts of one row
group, one pages file (those of one planned shard, where it was split) and the part as far as it is compressed.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from uuid import uuid4

import numpy as np
import pyarrow as pa

from pipeline.builds import layout
from pipeline.errors import BuildError, ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import url_of
from pipeline.publishing.evidence import ShardSource, groups_of
from pipeline.publishing.join import join_pages
from pipeline.publishing.judged import ROW_COLUMNS, read_pages
from pipeline.publishing.parts import PartTask, VersionPart
from pipeline.tables.parquet import decode, decode_groups, footer_of, open_writer
from pipeline.tables.schemas import DOCUMENTS_SCHEMA

ROW_BYTES = 2000
"""What a row in waiting takes besides its text: else 64 MB of one-page letters are a gigabyte."""


def put_part(task: PartTask) -> VersionPart:
    """Raises BuildError when something else lies under the key, VerifyError when the evidence has changed."""
    return _found(task) or _copied(task) or _made(task)


def _found(task: PartTask) -> VersionPart | None:
    """What an earlier attempt has put: these bytes, or those that another release of Parquet makes of the same rows."""
    try:
        data = task.store.get(task.key)
    except ObjectMissing:
        return None
    if footer_of(data).get("pagemill.content_id") != task.content_id:
        raise BuildError(f"{task.key} in {task.store.uri} is there with other documents; give the version another name")
    return _part(task, data)


def _copied(task: PartTask) -> VersionPart | None:
    if task.parent is None:
        return None
    try:
        task.store.copy(task.parent.key, task.key)
    except ObjectMissing:  # its version has been removed meanwhile
        return None
    return replace(task.parent, key=task.key)


def _made(task: PartTask) -> VersionPart:
    data = _encoded(task)
    if task.store.put_once(task.key, data, attempt_id=uuid4().hex):
        return _part(task, data)
    found = _found(task)
    if found is None:
        raise BuildError(f"{task.key} in {task.store.uri} has gone while it was put; publish again")
    return found


def _part(task: PartTask, data: bytes) -> VersionPart:
    return VersionPart(
        key=task.key,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        num_rows=task.documents.num_rows,
        content_id=task.content_id,
    )


def _encoded(task: PartTask) -> bytes:
    sink = io.BytesIO()
    with open_writer(sink, DOCUMENTS_SCHEMA, task.footer) as writer:
        for group in _row_groups(_tables(task), task.row_group_bytes):
            writer.write_table(group, row_group_size=max(group.num_rows, 1))
    return sink.getvalue()


def _row_groups(tables: Iterator[pa.Table], target_bytes: int) -> Iterator[pa.Table]:
    """The rows regrouped: a row group is closed by the row with which it reaches the target. At least one, be it empty."""
    waiting: list[pa.Table] = []
    missing_bytes, is_first = target_bytes, True
    for table in tables:
        ends = np.cumsum(table.column("bytes").to_numpy() + ROW_BYTES)
        start, before = 0, 0
        while start < table.num_rows:
            stop = min(int(np.searchsorted(ends, before + missing_bytes)) + 1, table.num_rows)
            waiting.append(table.slice(start, stop - start))
            missing_bytes -= int(ends[stop - 1]) - before
            start, before = stop, int(ends[stop - 1])
            if missing_bytes <= 0:
                yield pa.concat_tables(waiting)
                waiting, missing_bytes, is_first = [], target_bytes, False
    if waiting or is_first:
        yield pa.concat_tables(waiting) if waiting else DOCUMENTS_SCHEMA.empty_table()


def _tables(task: PartTask) -> Iterator[pa.Table]:
    """The rows of each planned shard, in order."""
    groups = groups_of(task.sources)
    groups_of_rows = groups[task.documents.column("source").to_numpy()] if len(groups) else groups
    for group, places in groupby(range(len(task.sources)), key=lambda place: groups[place]):
        start, stop = np.searchsorted(groups_of_rows, [group, group + 1])
        yield _rows_of_shard(task, list(places), task.documents.slice(start, stop - start))


def _rows_of_shard(task: PartTask, places: Sequence[int], documents: pa.Table) -> pa.Table:
    """`places` are those of the shard's sources, more than one when it was split."""
    judged = [_judged(task.store, task.judge_id, task.sources[place]) for place in places]
    starts = np.cumsum([0, *(table.num_rows for table in judged)])
    source = documents.column("source").to_numpy() - places[0]
    rows = pa.concat_tables(judged).take(pa.array(starts[source] + documents.column("row").to_numpy()))
    texts: dict[tuple[str, str], list[str]] = {}
    for ordinal, place in enumerate(places):
        of_source = rows.filter(pa.array(source == ordinal))
        texts |= _texts(task.store, task.sources[place], of_source)
    return _documents(rows, documents, texts)


def _judged(store: ObjectStore, judge_id: str, source: ShardSource) -> pa.Table:
    key = layout.judged_key(judge_id, source.build_id, source.shard_id)
    return decode(store.get(key), ["id", "uri", *ROW_COLUMNS])


def _texts(store: ObjectStore, source: ShardSource, rows: pa.Table) -> dict[tuple[str, str], list[str]]:
    """The texts of the training pages of these judged rows."""
    names = list(zip(rows.column("id").to_pylist(), rows.column("uri").to_pylist(), strict=True))
    wanted = {name: frozenset(pages) for name, pages in zip(names, rows.column("page_indices").to_pylist(), strict=True)}
    texts: dict[tuple[str, str], list[str]] = {name: [] for name in names}
    data = read_pages(store, source.pages_key, source.pages_sha256)
    for group in decode_groups(data, ["doc_id", "uri", "page", "text"]):
        for doc_id, uri, page, text in zip(*(column.to_pylist() for column in group.columns), strict=True):
            if page in wanted.get((doc_id, uri), ()):
                texts[doc_id, uri].append(text)
    return texts


def _documents(rows: pa.Table, documents: pa.Table, texts: Mapping[tuple[str, str], list[str]]) -> pa.Table:
    names = zip(rows.column("id").to_pylist(), rows.column("uri").to_pylist(), strict=True)
    pages = rows.column("page_indices").to_pylist()
    joined = [join_pages(indices, texts[name]) for name, indices in zip(names, pages, strict=True)]
    if [len(text) for text, _ in joined] != rows.column("chars").to_pylist():
        raise VerifyError("judged rows are not those of their pages: texts of other lengths; delete _judged/ and publish again")
    uris = documents.column("file_path").to_pylist()
    aliases = documents.column("aliases").to_pylist()
    columns = {
        "text": [text for text, _ in joined],
        "page_ends": [ends for _, ends in joined],
        "url": [url_of(uri) for uri in uris],
        "file_path": uris,
        "aliases": aliases,
        "duplicate_count": [len(names) for names in aliases],
        "minhash_cluster_size": documents.column("cluster_size"),
    }
    taken = [columns[field.name] if field.name in columns else rows.column(field.name) for field in DOCUMENTS_SCHEMA]
    arrays = [
        column.cast(field.type) if isinstance(column, pa.ChunkedArray) else pa.array(column, field.type)
        for column, field in zip(taken, DOCUMENTS_SCHEMA, strict=True)
    ]
    return pa.table(arrays, schema=DOCUMENTS_SCHEMA)
