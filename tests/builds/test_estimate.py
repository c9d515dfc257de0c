"""Estimates rest on what was read when something was, and say so."""

from datetime import UTC, datetime

from pipeline.builds.estimate import TYPICAL_BYTES_PER_PAGE, estimate
from pipeline.receipts import ShardReceipt, ShardTimes
from pipeline.records import DocumentRef


def document(size_bytes: int) -> DocumentRef:
    return DocumentRef(uri=f"of-{size_bytes}", size_bytes=size_bytes, version="1")


def receipt(num_rows: int, busy_s: float) -> ShardReceipt:
    return ShardReceipt(
        shard_id="s",
        key="k",
        size_bytes=1,
        sha256="",
        num_rows=num_rows,
        num_documents=1,
        num_known=0,
        quarantined=(),
        pages_by_status={},
        pages_by_reject={},
        num_kept=num_rows,
        num_kept_chars=0,
        num_output_tokens=0,
        pages_by_rung={},
        seconds_by_rung={},
        pages_by_mode={},
        vision_tokens_by_mode={},
        text_tokens_by_mode={},
        times=ShardTimes(total_s=busy_s, engine_s=busy_s, render_wait_s=0.0, judge_s=0.0, engine_busy_s=busy_s),
        worker="w",
        finished_at=datetime.now(UTC),
    )


def test_before_anything_is_read_typical_figures_stand_in_and_are_called_so() -> None:
    guess = estimate([document(10 * TYPICAL_BYTES_PER_PAGE)], [], bytes_read=0, engine="ppocr", workers=2)
    assert (guess.num_documents, guess.num_pages, guess.num_known_pages) == (1, 10, 0)
    assert "typical" in guess.basis


def test_what_was_read_replaces_the_typical_figures() -> None:
    guess = estimate([document(6000)], [receipt(20, 30.0)], bytes_read=20_000, engine="ppocr", workers=3)
    assert (guess.num_pages, guess.num_known_pages) == (6, 20)
    assert guess.seconds == 6 * 1.5 / 3


def test_every_document_has_at_least_one_page() -> None:
    assert estimate([document(1), document(2)], [], bytes_read=0, engine="ppocr", workers=1).num_pages == 2
