"""The text that reading is measured on: a published version of about 1 GB, made of text layers and truths of real documents.

In: a folder of real PDFs with ground truth beside them. Out: `documents/version=bench/part-*.parquet` as publishing writes them
(its schema, row groups and file sizes) and the index beside it. There are a few MB of real text, so each page comes back many
times with its sentences in another order and other numbers in it; a page that comes back does so megabytes later, further than
zstd level 3 looks back, and the files are as small as those of real text (the ratio is in the report). Costs 40 s a GB.
"""

import io
import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pymupdf

from pipeline.errors import ConfigError
from pipeline.interfaces import ObjectStore
from pipeline.readers.groups import index_bytes, index_files, index_key, list_files
from pipeline.tables.documents import DocumentRow, documents_table
from pipeline.tables.parquet import open_writer
from pipeline.tables.schemas import DOCUMENTS_SCHEMA

VERSION = "bench"
MIN_PAGE_CHARS = 400
MAX_PAGES_OF_A_FILE = 60
"""A manual of 2,415 pages would be most of the text."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
DIGITS = re.compile(r"\d+")


def page_texts(corpus: Path) -> list[str]:
    """Pages with text, from every truth and every readable text layer. Raises ConfigError when there are none."""
    texts = [page for path in sorted(corpus.rglob("*.gt.*")) for page in path.read_text("utf-8", errors="replace").split("\f")]
    for path in sorted((corpus / "born_digital").rglob("*.pdf")):
        with pymupdf.open(path) as document:
            if not document.needs_pass:
                texts += [document[number].get_text() for number in range(min(len(document), MAX_PAGES_OF_A_FILE))]
    found = [text for text in texts if len(text) >= MIN_PAGE_CHARS]
    if not found:
        raise ConfigError(f"{corpus} holds no document with a text layer or a truth; give the folder of the real documents")
    return found


def write_version(store: ObjectStore, pages: Sequence[str], *, text_bytes: int, part_bytes: int, row_group_bytes: int) -> int:
    """Puts parts until the texts reach `text_bytes`, and the index. Returns the bytes of text."""
    documents = _documents(pages)
    written = ordinal = 0
    while written < text_bytes:
        sink, in_part = io.BytesIO(), 0
        with open_writer(sink, DOCUMENTS_SCHEMA, {}) as writer:
            while in_part < part_bytes and written + in_part < text_bytes:
                rows = list(_gathered(documents, row_group_bytes))
                writer.write_table(documents_table(rows), row_group_size=len(rows))
                in_part += sum(row.bytes for row in rows)
        store.put(f"documents/version={VERSION}/part-{ordinal:05d}.parquet", sink.getvalue())
        written, ordinal = written + in_part, ordinal + 1
    groups = index_files(store, list_files(store, f"documents/version={VERSION}/"))
    store.put(index_key(VERSION), index_bytes(groups))
    return written


def _gathered(documents: Iterator[DocumentRow], num_bytes: int) -> Iterator[DocumentRow]:
    gathered = 0
    while gathered < num_bytes:
        row = next(documents)
        gathered += row.bytes
        yield row


def _documents(pages: Sequence[str]) -> Iterator[DocumentRow]:
    """Without end; documents of 1 to 20 pages, most of them short."""
    chance = random.Random(7)
    at = number = 0
    while True:
        num_pages = min(20, 1 + int(chance.expovariate(1 / 3)))
        texts = [_changed(pages[(at + page) % len(pages)], chance) for page in range(num_pages)]
        at += num_pages
        yield _row(number, texts)
        number += 1


def _changed(page: str, chance: random.Random) -> str:
    sentences = SENTENCE_END.split(page)
    chance.shuffle(sentences)
    return DIGITS.sub(lambda found: str(chance.randrange(10 ** len(found[0]))), " ".join(sentences))


def _row(number: int, texts: Sequence[str]) -> DocumentRow:
    text = "\n\n".join(texts)
    ends: list[int] = []
    for page in texts:
        ends.append((ends[-1] if ends else 0) + len(page) + 2)
    return DocumentRow(
        text=text,
        id=f"{number:064x}",
        url=None,
        file_path=f"corpus/{number:09d}.pdf",
        aliases=(),
        date=datetime(2026, 1, 1, tzinfo=UTC),
        title="",
        author="",
        n_pages=len(texts),
        page_ends=tuple(ends),
        page_indices=tuple(range(len(texts))),
        language="en",
        language_score=1.0,
        script="Latn",
        per_page_languages=("en",) * len(texts),
        chars=len(text),
        words=text.count(" ") + 1,
        bytes=len(text.encode()),
        extractor="bench",
        ocr_pages=len(texts),
        failed_pages=0,
        blank_pages=0,
        ocr_conf=None,
        is_form=False,
        alpha_words=0.9,
        mean_word_len=5.0,
        dup_line=0.0,
        dup_10gram=0.0,
        duplicate_count=0,
        pipeline_version="bench",
    )
