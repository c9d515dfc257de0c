"""Published documents to rows of `documents`, and back.

In: DocumentRows. Out: tables of DOCUMENTS_SCHEMA. The row is the record: its fields are the columns, by name and order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa

from pipeline.tables.schemas import DOCUMENTS_SCHEMA


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRow:
    """One published document: its kept pages joined, under the column names of FinePDFs where they exist."""

    text: str
    """Kept pages, each but the last followed by a blank line that belongs to its span."""
    id: str
    """sha256 of the document's bytes, hex."""
    url: str | None
    """The URI when it has a scheme."""
    file_path: str
    """The URI."""
    aliases: tuple[str, ...]
    """Other URIs of the same bytes, sorted."""
    date: datetime | None
    """UTC, as the source says."""
    title: str
    author: str
    n_pages: int
    page_ends: tuple[int, ...]
    """One end offset in code points per kept page: `text[page_ends[i-1]:page_ends[i]]` is its span."""
    page_indices: tuple[int, ...]
    """The 0-based page of each span."""
    language: str
    """BCP-47 primary tag, or `mul`."""
    language_score: float | None
    """Share of the letters that are in this language, 0..1."""
    script: str
    per_page_languages: tuple[str, ...]
    """One per kept page."""
    token_count: int | None = None
    """None unless `tokenizer` names what counted."""
    tokenizer: str | None = None
    chars: int
    """Code points of `text`."""
    words: int
    bytes: int
    """Of `text` in UTF-8."""
    extractor: str
    """Engines that read the kept pages, joined with "+"."""
    ocr_pages: int
    """Kept pages that an engine read; the others come from the text layer."""
    failed_pages: int
    blank_pages: int
    ocr_conf: float | None
    """Letter-weighted mean, 0..1; None when no page has one."""
    is_form: bool
    alpha_words: float
    mean_word_len: float
    dup_line: float
    dup_10gram: float
    minhash_cluster_size: int | None = None
    """None where no near-duplicate search was made."""
    duplicate_count: int
    """Further copies of the same bytes."""
    license: str | None = None
    pipeline_version: str


def documents_table(rows: Iterable[DocumentRow]) -> pa.Table:
    """Rows of DOCUMENTS_SCHEMA, in the order given."""
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=DOCUMENTS_SCHEMA)


def document_rows(table: pa.Table) -> Iterator[DocumentRow]:
    """The rows of a whole `documents` table as records."""
    lists = [field.name for field in DOCUMENTS_SCHEMA if pa.types.is_list(field.type)]
    for row in table.to_pylist():
        yield DocumentRow(**{**row, **{name: tuple(row[name]) for name in lists}})
