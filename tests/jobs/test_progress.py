"""What the display says is what the receipts and pulses said."""

from io import StringIO

import pytest
from rich.console import Console

from jobs.progress import Display, Tally, summary
from pipeline.events import Pulse
from tests.jobs.test_bench_build import receipt


def pulse(*, num_pages_read: int, num_workers: int) -> Pulse:
    return Pulse(
        num_pages_read=num_pages_read,
        num_workers=num_workers,
        workers=(),
        num_shards_in_work=0,
        num_shards_waiting=1,
        num_workers_lost=0,
    )


def shown(display: Display) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(display._block())
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_display_counts_what_was_committed_and_what_is_in_work() -> None:
    tally = Tally(num_documents_planned=3)
    with Display(tally, shard_bytes={"a": 50, "b": 50}) as display:
        display.hear(receipt("a", 10, 10, 8))
        display.hear(pulse(num_pages_read=14, num_workers=2))
        text = shown(display)
    assert "1 of 3" in text
    assert "14 read" in text
    assert "2 reading, 0 lost" in text


def test_without_a_terminal_a_plain_line_comes_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.progress.LINE_EVERY_S", 0.0)
    with Display(Tally(num_documents_planned=3), shard_bytes={"a": 50, "b": 50}) as display:
        display.hear(pulse(num_pages_read=4, num_workers=1))
    line = capsys.readouterr().err
    assert "documents 0/3" in line
    assert "pages 4" in line
    assert "\x1b" not in line


def test_the_summary_accounts_for_every_document() -> None:
    tally = Tally(num_documents_planned=2)
    tally.add(receipt("a", 10, 10, 8))
    console = Console(file=StringIO(), width=100)
    console.print(summary(tally, elapsed_s=5.0, num_pages_now=10))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 of 2 accounted for" in text
    assert "2.00 pages/s" in text
