"""PageRecords to the bytes of a pages file, and back.

In: the page rows of one shard and the file's head. Out: Parquet of PAGES_SCHEMA sorted by doc_id and page. Reading gives
the records again as a rejudge needs them, with three differences: `facts.layer_text` is "" (only its figures are stored),
`page.text` is the cleaned text (`blocks` holds what the engine read), and geometry is rounded to float32.
Costs 0.2 to 0.4 ms a page to write and 0.1 to 0.3 ms to read, with 45 blocks a page (one core, measured).
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC
from typing import Any

import pyarrow as pa

from pipeline.errors import VerifyError
from pipeline.records import Attempt, Block, OpenedDocument, PageFacts, PageId, PageRecord, PageSignals, PageText
from pipeline.tables.footer import PagesHead, head_texts
from pipeline.tables.parquet import open_writer
from pipeline.tables.schemas import PAGES_SCHEMA, SIGNAL_COLUMNS

Row = Mapping[str, Any]

FACTS_COLUMNS: Mapping[str, str] = {
    "width_pt": "width_pt",
    "height_pt": "height_pt",
    "rotation_degrees": "rotation",
    "dpi": "dpi",
    "width_px": "width_px",
    "height_px": "height_px",
    "ink_fraction": "ink",
    "layer_garbled_fraction": "layer_garbled",
    "layer_hidden_fraction": "layer_hidden",
}
READING_COLUMNS: Mapping[str, str] = {
    "source": "source",
    "status": "engine_status",
    "engine": "engine",
    "engine_version": "engine_version",
    "confidence": "ocr_conf",
    "mean_logprob": "mean_logprob",
    "finish_reason": "finish_reason",
    "vision_tokens": "vision_tokens",
    "output_tokens": "output_tokens",
    "text_tokens": "text_tokens",
    "expected_tokens": "expected_tokens",
    "mode": "mode",
    "rung": "rung",
    "seconds": "seconds",
}
BATCH_ROWS = 256
"""Rows that exist as dicts at once; a row with its blocks takes about 40 kB that way."""
GROUP_ROWS = 1024
"""Rows of a row group, which writer and reader hold as a table: about 10 MB. From 3,000 to 6,000 pages of 45 blocks, writing
one table took 16 kB more for each page, in groups of this size 1 kB."""
JUDGING_COLUMNS: tuple[str, ...] = tuple(name for name in PAGES_SCHEMA.names if name != "blocks")
"""Enough to judge pages again and to assemble documents; the blocks are most of a file."""


def encode_pages(records: Iterable[PageRecord], head: PagesHead) -> bytes:
    """The pages file of one shard, one row group after another; no records is a file with no rows."""
    sink = io.BytesIO()
    with open_writer(sink, PAGES_SCHEMA, head_texts(head)) as writer:
        for group in _groups(records):
            writer.write_table(group, row_group_size=GROUP_ROWS)
    return sink.getvalue()


def pages_table(records: Iterable[PageRecord]) -> pa.Table:
    """Rows of PAGES_SCHEMA, sorted by doc_id and page (then uri, should the same bytes have come under two names)."""
    return pa.concat_tables([PAGES_SCHEMA.empty_table(), *_groups(records)])


def _groups(records: Iterable[PageRecord]) -> Iterator[pa.Table]:
    ordered = sorted(records, key=lambda record: (record.page_id, record.document.document.uri))
    for start in range(0, len(ordered), GROUP_ROWS):
        group = ordered[start : start + GROUP_ROWS]
        yield pa.Table.from_batches(
            [
                pa.RecordBatch.from_pylist([_row(record) for record in group[first : first + BATCH_ROWS]], schema=PAGES_SCHEMA)
                for first in range(0, len(group), BATCH_ROWS)
            ]
        )


def page_records(table: pa.Table, opened: Iterable[OpenedDocument]) -> Iterator[PageRecord]:
    """The rows of a table as records. `opened` are the documents of the file's head. Raises VerifyError for a page
    of another."""
    documents = {(document.doc_id, document.document.uri): document for document in opened}
    for row in (row for batch in table.to_batches(max_chunksize=BATCH_ROWS) for row in batch.to_pylist()):
        document = documents.get((row["doc_id"], row["uri"]))
        if document is None:
            raise VerifyError(f"page {row['id']} is of {row['uri']}, which is no document of the file")
        yield _record(row, document)


def _row(record: PageRecord) -> dict[str, object]:
    return {
        "id": str(record.page_id),
        "doc_id": record.page_id.doc_id,
        "page": record.page_id.page_index,
        "n_pages": record.document.num_pages,
        "uri": record.document.document.uri,
        "text": record.text,
        "status": record.status,
        "reject": record.reject,
        "warnings": record.warnings,
        "error": record.error,
        "flags": () if record.page is None else record.page.flags,
        "attempts": () if record.page is None else [asdict(attempt) for attempt in record.page.attempts],
        "compression": None if record.page is None else _compression(record.page),
        "furniture": record.furniture,
        "blocks": () if record.page is None else [_block_row(block) for block in record.page.blocks],
        "text_hash": hashlib.sha256(record.text.encode()).digest()[:16] if record.text else None,
        "processed_at": record.processed_at,
        **_columns_of(record.facts, FACTS_COLUMNS),
        **_columns_of(record.page, READING_COLUMNS),
        **_columns_of(record.signals, SIGNAL_COLUMNS),
    }


def _columns_of(part: PageFacts | PageText | PageSignals | None, columns: Mapping[str, str]) -> dict[str, object]:
    return {column: None if part is None else getattr(part, name) for name, column in columns.items()}


def _compression(page: PageText) -> float | None:
    """Text tokens per vision token; None where one of them is not known."""
    return page.text_tokens / page.vision_tokens if page.vision_tokens and page.text_tokens is not None else None


def _block_row(block: Block) -> dict[str, object]:
    x0_pt, y0_pt, x1_pt, y1_pt = block.box_pt
    return {
        "label": block.label,
        "text": block.text,
        "confidence": block.confidence,
        "x0_pt": x0_pt,
        "y0_pt": y0_pt,
        "x1_pt": x1_pt,
        "y1_pt": y1_pt,
    }


def _record(row: Row, document: OpenedDocument) -> PageRecord:
    page_id = PageId(row["doc_id"], row["page"])
    return PageRecord(
        page_id=page_id,
        document=document,
        status=row["status"],
        text=row["text"],
        reject=tuple(row["reject"]),
        warnings=tuple(row["warnings"]),
        furniture=tuple(row["furniture"]),
        facts=None if row["width_pt"] is None else PageFacts(**_fields_of(row, FACTS_COLUMNS)),
        page=None if row["engine"] is None else _page_text(row, page_id),
        signals=PageSignals(**_fields_of(row, SIGNAL_COLUMNS)),
        error=row["error"],
        processed_at=row["processed_at"].astimezone(UTC),
    )


def _page_text(row: Row, page_id: PageId) -> PageText:
    return PageText(
        page_id=page_id,
        text=row["text"],
        blocks=tuple(_block(block) for block in row.get("blocks", ())),
        flags=tuple(row["flags"]),
        attempts=tuple(Attempt(**{**attempt, "reasons": tuple(attempt["reasons"])}) for attempt in row["attempts"]),
        error=row["error"] if row["engine_status"] == "failed" else "",
        **_fields_of(row, READING_COLUMNS),
    )


def _fields_of(row: Row, columns: Mapping[str, str]) -> dict[str, Any]:
    return {name: row[column] for name, column in columns.items()}


def _block(row: Row) -> Block:
    return Block(
        label=row["label"],
        text=row["text"],
        confidence=row["confidence"],
        box_pt=(row["x0_pt"], row["y0_pt"], row["x1_pt"], row["y1_pt"]),
    )
