"""A pages file without what stood on the pages of some documents: their rows stay, so that pages in are still rows out.

In: the bytes of a pages file and document ids. Out: the bytes of the file that replaces it. A tombstone has the page's id, the
number of pages, the name it was planned under and status `forgotten`; its text, blocks, furniture, signals, figures of the text
layer and hash are those of an empty page, and title and author are out of the footer. All other rows are as they were, in their
order. Pure: the same file and ids give the same bytes, and a file that holds none of them, or only tombstones, is given back as
it is. Holds one row group.
"""

import io
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.quality.signals import measure_pages
from pipeline.records import OpenedDocument, PageId, PageRecord
from pipeline.tables.footer import PagesHead, head_of, head_texts
from pipeline.tables.pages import pages_table
from pipeline.tables.parquet import decode, decode_groups, open_writer
from pipeline.tables.schemas import PAGES_SCHEMA

(NO_SIGNALS,) = measure_pages([""], layer_texts=[""], layer_garbled=[None])


def is_forgotten(data: bytes, ids: Collection[str]) -> bool:
    """No row of these documents says more than that it was there. Raises VerifyError."""
    rows = decode(data, ["doc_id", "status"])
    theirs = rows.filter(pc.is_in(rows.column("doc_id"), value_set=pa.array(sorted(ids), pa.string())))
    return set(theirs.column("status").to_pylist()) <= {"forgotten"}


def without_documents(data: bytes, ids: Collection[str]) -> bytes:
    """Raises VerifyError."""
    if is_forgotten(data, ids):
        return data
    head = head_of(data)
    opened = tuple(_nameless(each) if each.doc_id in ids else each for each in head.documents.opened)
    emptied = replace(head, documents=replace(head.documents, opened=opened))
    sink = io.BytesIO()
    with open_writer(sink, PAGES_SCHEMA, head_texts(emptied)) as writer:
        for group in decode_groups(data, PAGES_SCHEMA.names):
            writer.write_table(_without(group, ids, emptied), row_group_size=max(group.num_rows, 1))
    return sink.getvalue()


def _nameless(document: OpenedDocument) -> OpenedDocument:
    return replace(document, title="", author="", is_form=False)


def _without(group: pa.Table, ids: Collection[str], head: PagesHead) -> pa.Table:
    """The rows of a group, in its order, some of them tombstones: those are made in the same order."""
    is_out = pc.is_in(group.column("doc_id"), value_set=pa.array(sorted(ids), pa.string())).to_numpy()
    tombstones = pages_table(_tombstones(group.filter(pa.array(is_out)), head))
    places = np.arange(group.num_rows)
    places[is_out] = group.num_rows + np.arange(tombstones.num_rows)
    return pa.concat_tables([group, tombstones]).take(pa.array(places)).cast(PAGES_SCHEMA)


def _tombstones(rows: pa.Table, head: PagesHead) -> Iterator[PageRecord]:
    documents = {(each.doc_id, each.document.uri): each for each in head.documents.opened}
    for row in rows.select(["doc_id", "uri", "page", "processed_at"]).to_pylist():
        yield PageRecord(
            page_id=PageId(row["doc_id"], row["page"]),
            document=documents[row["doc_id"], row["uri"]],
            status="forgotten",
            text="",
            reject=("forgotten",),
            warnings=(),
            furniture=(),
            facts=None,
            page=None,
            signals=NO_SIGNALS,
            error="",
            processed_at=row["processed_at"],
        )
