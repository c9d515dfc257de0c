"""A committed pages file, document by document. In: its bytes. Out: each opened document with all its pages.

Reads one row group after another and leaves the blocks out, so a document of 10,000 pages costs its texts and signals,
about 12 kB a page (measured), and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.records import OpenedDocument, PageRecord
from pipeline.tables.footer import head_of
from pipeline.tables.pages import JUDGING_COLUMNS, page_records
from pipeline.tables.parquet import decode_groups


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentPages:
    """One document and every page of it, in order."""

    document: OpenedDocument
    pages: Sequence[PageRecord]


def document_pages(data: bytes) -> Iterator[DocumentPages]:
    """In the order of the rows, which is that of doc_id. Raises VerifyError."""
    opened = head_of(data).documents.opened
    records = (record for group in decode_groups(data, JUDGING_COLUMNS) for record in page_records(group, opened))
    for _, same_bytes in groupby(records, key=lambda record: record.page_id.doc_id):
        yield from _by_name(list(same_bytes))


def _by_name(pages: Sequence[PageRecord]) -> Iterator[DocumentPages]:
    """Should the same bytes have come under two names in one shard, they are two documents here; publishing drops one."""
    for uri in dict.fromkeys(page.document.document.uri for page in pages):
        named = [page for page in pages if page.document.document.uri == uri]
        yield DocumentPages(document=named[0].document, pages=named)
