"""Records for the tests of tables and builds: a small corpus whose pages follow from its documents alone."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.receipts import Shard, ShardTimes
from pipeline.records import (
    Block,
    DocumentFailure,
    DocumentRef,
    OpenedDocument,
    PageFacts,
    PageId,
    PageRecord,
    PageSignals,
    PageText,
)
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts
from pipeline.tables.pages import encode_pages

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STAMP = BuildStamp(
    build_id="main",
    recipe={"render": {"dpi": 150.0}},
    rules={"pages": {"garbled_above": 0.05}, "documents": {"min_words": 50}},
    engine="scripted",
    code_version="0.1.0",
    lang_detector="cld2",
)
WORDS = (
    "the",
    "mill",
    "grinds",
    "every",
    "page",
    "that",
    "was",
    "ever",
    "printed",
    "and",
    "keeps",
    "what",
    "can",
    "be",
    "read",
)


def document(name: str, *, size_bytes: int = 1000, version: str = "v1", aliases: tuple[str, ...] = ()) -> DocumentRef:
    return DocumentRef(uri=f"/corpus/{name}", size_bytes=size_bytes, version=version, modified_at=NOON, aliases=aliases)


def opened(ref: DocumentRef, num_pages: int | None = None) -> OpenedDocument:
    doc_id = hashlib.sha256(f"{ref.uri} {ref.version}".encode()).hexdigest()
    return OpenedDocument(
        document=ref, doc_id=doc_id, num_pages=num_pages or 1 + int(doc_id[0], 16) % 4, media="pdf", title=f"Title of {ref.uri}"
    )


def signals(text: str, **changes: object) -> PageSignals:
    words = text.split()
    values: dict[str, object] = {
        "num_chars": len(text),
        "num_words": len(words),
        "num_letters": sum(character.isalpha() for character in text),
        "num_digits": sum(character.isdigit() for character in text),
        "garbled_fraction": 0.0,
        "alpha_word_fraction": 1.0,
        "mean_word_chars": 4.5,
        "dup_line_fraction": 0.0,
        "dup_10gram_fraction": 0.0,
        "top_2gram_fraction": 0.01,
        "zlib_fraction": 0.5,
        "tail_repeats": 1,
        "tail_repeat_chars": 0,
        "equal_line_run": 1,
        "equal_line_run_chars": 0,
        "toc_line_fraction": 0.0,
        "reference_line_fraction": 0.0,
        "table_char_fraction": 0.0,
        "language": "en" if words else "und",
        "language_score": 1.0 if words else 0.0,
        "language_score_fraction": 1.0 if words else None,
        "script": "Latn" if words else "Zyyy",
        "layer_chars": 0,
        "layer_recall": None,
        "layer_precision": None,
        "layer_repeats": False,
    }
    return PageSignals(**(values | changes))  # type: ignore[arg-type]


FACTS = PageFacts(
    width_pt=595.0, height_pt=842.0, rotation_degrees=0, dpi=150.0, width_px=1240, height_px=1754, ink_fraction=0.05
)


def page(of: OpenedDocument, page_index: int, text: str, *, reject: tuple[str, ...] = ()) -> PageRecord:
    page_id = PageId(of.doc_id, page_index)
    reading = PageText(
        page_id=page_id,
        text=text,
        status="ok",
        engine="scripted",
        engine_version="scripted-1",
        confidence=0.9,
        output_tokens=len(text.split()),
        seconds=0.5,
        blocks=(Block(label="line", text=text, box_pt=(10.0, 20.0, 300.0, 40.0), confidence=0.5),),
    )
    return PageRecord(
        page_id=page_id,
        document=of,
        status="ok",
        text=text,
        reject=reject,
        warnings=(),
        furniture=(),
        facts=FACTS,
        page=reading,
        signals=signals(text),
        error="",
        processed_at=NOON,
    )


def unread_page(of: OpenedDocument, page_index: int, *, error: str) -> PageRecord:
    return PageRecord(
        page_id=PageId(of.doc_id, page_index),
        document=of,
        status="failed",
        text="",
        reject=("render_error",),
        warnings=(),
        furniture=(),
        facts=None,
        page=None,
        signals=signals(""),
        error=error,
        processed_at=NOON,
    )


def blank_page(of: OpenedDocument, page_index: int) -> PageRecord:
    return PageRecord(
        page_id=PageId(of.doc_id, page_index),
        document=of,
        status="blank",
        text="",
        reject=("blank",),
        warnings=(),
        furniture=(),
        facts=FACTS,
        page=None,
        signals=signals(""),
        error="",
        processed_at=NOON,
    )


def pages_of(of: OpenedDocument) -> list[PageRecord]:
    """Page 1 of each document is blank; every other has eighty words of its own."""
    return [
        blank_page(of, index) if index == 1 else page(of, index, _prose(f"{of.doc_id}{index}")) for index in range(of.num_pages)
    ]


def head(shard: Shard, *, stamp: BuildStamp = STAMP, failed: Sequence[DocumentFailure] = ()) -> PagesHead:
    lost = {failure.document.uri for failure in failed}
    return PagesHead(
        stamp=stamp,
        shard=ShardFacts(
            shard_id=shard.shard_id,
            worker="worker-0",
            times=ShardTimes(total_s=9.0, engine_s=7.5, render_wait_s=1.0, judge_s=0.5, engine_busy_s=7.0),
            started_at=NOON,
            finished_at=NOON,
        ),
        documents=ShardDocuments(
            opened=tuple(opened(ref) for ref in shard.documents if ref.uri not in lost),
            failed=tuple(failed),
            known=(),
        ),
    )


def pages_file(shard: Shard, *, stamp: BuildStamp = STAMP) -> bytes:
    """The whole shard as a worker would write it; documents named `*.bad` fail as a whole."""
    failed = tuple(
        DocumentFailure(document=ref, doc_id=None, reason="damaged", error="no xref table")
        for ref in shard.documents
        if ref.uri.endswith(".bad")
    )
    shard_head = head(shard, stamp=stamp, failed=failed)
    return encode_pages([record for of in shard_head.documents.opened for record in pages_of(of)], shard_head)


def _prose(seed: str, num_words: int = 80) -> str:
    chance = random.Random(seed)
    return " ".join(f"{chance.choice(WORDS)}{chance.choice('aeioust')}" for _ in range(num_words))
