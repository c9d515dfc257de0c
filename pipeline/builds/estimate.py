"""How many pages a corpus may hold and how long reading them may take, before anything is read.

In: the listed documents, and the receipts that the dataset already holds. Out: an Estimate that says what it rests on. Pure.
Without receipts the two constants below stand in; they are rough (bytes a page differ thirtyfold between a manual and a colour
scan), so whoever shows the estimate shows its basis.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.receipts import ShardReceipt
from pipeline.records import DocumentRef

TYPICAL_BYTES_PER_PAGE = 100_000
"""Mean of 159 single pages of crawled PDFs (the olmOCR-bench sample): 105,811 bytes; born-digital manuals have 7,000, colour
scans 240,000."""

TYPICAL_SECONDS_PER_PAGE = {"ppocr": 1.5, "scripted": 0.0, "deepseek-ocr": 0.42, "deepseek-ocr-2": 0.42, "olmocr-2": 0.3}
"""Of one worker. ppocr: CPU seconds on one core (`infra/benchmarks/ppocr.md`). The others on one GPU, by their makers' word:
200,000 pages a day (DeepSeek-OCR's paper, A100), 3.64 pages a second (a 7 B Qwen2.5-VL on vLLM, FinePDFs)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a build would read."""

    num_documents: int
    num_bytes: int
    num_known_pages: int
    """Pages of documents that the dataset has read already; exact."""
    num_pages: int
    """Estimated from bytes, at least one a document."""
    seconds: float
    """Wall time of all workers together, estimated."""
    basis: str
    """Where the two rates come from, for people."""


def estimate(
    documents: Iterable[DocumentRef], receipts: Collection[ShardReceipt], *, bytes_read: int, engine: str, workers: int
) -> Estimate:
    """`receipts` are those of the dataset and `bytes_read` the size of the documents behind them."""
    num_documents = num_bytes = 0
    for document in documents:
        num_documents += 1
        num_bytes += document.size_bytes
    num_known_pages = sum(receipt.num_rows for receipt in receipts)
    busy_s = sum(receipt.times.engine_busy_s for receipt in receipts)
    bytes_per_page: float = TYPICAL_BYTES_PER_PAGE
    seconds_per_page = TYPICAL_SECONDS_PER_PAGE[engine]
    basis = f"typical figures ({TYPICAL_BYTES_PER_PAGE:,} bytes and {seconds_per_page} s a page); rough until a build has begun"
    if num_known_pages and bytes_read:
        bytes_per_page = bytes_read / num_known_pages
        seconds_per_page = busy_s / num_known_pages
        basis = f"{num_known_pages:,} pages read: {bytes_per_page:,.0f} bytes and {seconds_per_page:.2f} s a page"
    num_pages = max(num_documents, round(num_bytes / bytes_per_page))
    return Estimate(
        num_documents=num_documents,
        num_bytes=num_bytes,
        num_known_pages=num_known_pages,
        num_pages=num_pages,
        seconds=num_pages * seconds_per_page / workers,
        basis=basis,
    )
