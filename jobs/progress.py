"""What a person sees while a build runs: one live block on a terminal, a plain line every few seconds otherwise.

In: receipts and pulses. Out: text on the terminal. Rows are counted when their shard is committed; pages in work come from
the workers' pulses, so the display moves while long shards are read.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobs.logs import SAYS, Facts, may_draw, tell
from pipeline.builds.status import summed
from pipeline.config.ladder import FIRST
from pipeline.events import Pulse
from pipeline.receipts import ShardReceipt

LINE_EVERY_S = 5.0


@dataclass(slots=True)
class Tally:
    """Running sums of a build; those of earlier runs of the same build are in `resumed_*`."""

    num_documents_planned: int
    num_documents: int = 0
    num_pages: int = 0
    num_kept: int = 0
    num_quarantined: int = 0
    num_known: int = 0
    num_resumed_pages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    quarantine_reasons: Counter[str] = field(default_factory=Counter)
    rung_pages: Counter[str] = field(default_factory=Counter)
    rung_seconds: dict[str, float] = field(default_factory=dict)
    mode_pages: Counter[str] = field(default_factory=Counter)
    mode_vision_tokens: Counter[str] = field(default_factory=Counter)
    mode_text_tokens: Counter[str] = field(default_factory=Counter)
    pulse: Pulse | None = None

    def add(self, receipt: ShardReceipt) -> None:
        self.num_documents += receipt.num_documents + len(receipt.quarantined) + receipt.num_known
        self.num_known += receipt.num_known
        self.num_quarantined += len(receipt.quarantined)
        self.num_pages += receipt.num_rows
        self.num_kept += receipt.num_kept
        self.statuses.update(receipt.pages_by_status)
        self.rejects.update(receipt.pages_by_reject)
        self.quarantine_reasons.update(failure.reason for failure in receipt.quarantined)
        self.rung_pages.update(receipt.pages_by_rung)
        self.rung_seconds = summed((self.rung_seconds, receipt.seconds_by_rung))
        self.mode_pages.update(receipt.pages_by_mode)
        self.mode_vision_tokens.update(receipt.vision_tokens_by_mode)
        self.mode_text_tokens.update(receipt.text_tokens_by_mode)


class Display:
    """Open while a build runs."""

    def __init__(self, tally: Tally, *, bytes_total: int) -> None:
        self._tally = tally
        self._bytes_total = max(1, bytes_total)
        self._bytes_done = 0
        self._console = Console(stderr=True)
        self._started_s = time.monotonic()
        self._next_line_s = self._started_s + LINE_EVERY_S
        self._live: Live | None = None

    def __enter__(self) -> "Display":
        if self._console.is_terminal and may_draw():
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._block)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def receipt(self, receipt: ShardReceipt, *, shard_bytes: int) -> None:
        self._bytes_done += shard_bytes
        self._tally.add(receipt)

    def pulse(self, pulse: Pulse) -> None:
        self._tally.pulse = pulse
        now_s = time.monotonic()
        if self._live is None and now_s >= self._next_line_s:
            self._next_line_s = now_s + LINE_EVERY_S
            tell(SAYS, self._line(), self._figures(pulse))

    def _figures(self, pulse: Pulse) -> Facts:
        """The same line for machines."""
        return {
            "event": "progress",
            "elapsed_s": round(self.elapsed_s(), 1),
            "num_documents": self._tally.num_documents,
            "num_documents_planned": self._tally.num_documents_planned,
            "num_pages": self._tally.num_resumed_pages + self._num_pages_read(),
            "num_kept": self._tally.num_kept,
            "num_quarantined": self._tally.num_quarantined,
            "num_workers": pulse.num_workers,
            "num_workers_lost": pulse.num_workers_lost,
            "num_shards_in_work": pulse.num_shards_in_work,
            "num_shards_waiting": pulse.num_shards_waiting,
        }

    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def _num_pages_read(self) -> int:
        """The pulse is up to a second old, so committed rows may be ahead of it."""
        in_work = self._tally.pulse.num_pages_read if self._tally.pulse else 0
        return max(in_work, self._tally.num_pages - self._tally.num_resumed_pages)

    def _eta(self) -> str:
        if self._bytes_done == 0:
            return "?"
        left_s = self.elapsed_s() * (self._bytes_total - self._bytes_done) / self._bytes_done
        return duration(left_s)

    def _line(self) -> str:
        tally = self._tally
        rate = self._num_pages_read() / self.elapsed_s()
        parts = [
            f"{duration(self.elapsed_s())}",
            f"documents {tally.num_documents}/{tally.num_documents_planned}",
            f"pages {tally.num_resumed_pages + self._num_pages_read()}",
            f"{rate:.2f} pages/s",
            f"kept {tally.num_kept}",
            f"rejected {_reasons(tally.rejects)}",
            f"failed documents {tally.num_quarantined}",
            f"ETA {self._eta()}",
        ]
        return "  ".join(parts)

    def _block(self) -> RenderableType:
        tally = self._tally
        numbers = Table.grid(padding=(0, 2))
        rate = self._num_pages_read() / max(self.elapsed_s(), 1e-6)
        pulse = tally.pulse
        rows = {
            "documents": f"{tally.num_documents} of {tally.num_documents_planned}, {tally.num_quarantined} failed",
            "pages": f"{tally.num_resumed_pages + self._num_pages_read()} read, {rate:.2f} a second",
            "judged": f"{tally.num_kept} kept, rejected {_reasons(tally.rejects)}",
            "workers": f"{pulse.num_workers} reading, {pulse.num_workers_lost} lost" if pulse else "starting",
            "time": f"{duration(self.elapsed_s())}, about {self._eta()} left",
        }
        numbers.add_row(Text("done", style="bold"), ProgressBar(total=self._bytes_total, completed=self._bytes_done, width=50))
        for name, value in rows.items():
            numbers.add_row(Text(name, style="bold"), value)
        return numbers


def duration(seconds: float) -> str:
    """3725 s is "1h02m", 65 s "1m05s", 4 s "4s"."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    if whole >= 60:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole}s"


def _reasons(rejects: Counter[str]) -> str:
    if not rejects:
        return "0"
    named = ", ".join(f"{reason} {count}" for reason, count in rejects.most_common(4))
    return f"({named})"


def rung_lines(pages: Mapping[str, int], seconds: Mapping[str, float]) -> list[str]:
    """ "first: 96 pages, 120 s" for each rung, the first reading first; nothing when no page needed more than that."""
    if set(seconds) <= {FIRST}:
        return []
    names = sorted(seconds, key=lambda name: (name != FIRST, name))
    return [f"{name}: {pages.get(name, 0)} pages, {seconds[name]:.1f} s" for name in names]


def mode_lines(pages: Mapping[str, int], vision: Mapping[str, int], text: Mapping[str, int]) -> list[str]:
    """ "base: 96 pages, 9.1 text tokens per vision token" for each mode."""
    return [
        f"{name}: {pages[name]} pages, {text[name] / vision[name]:.1f} text tokens per vision token" for name in sorted(pages)
    ]


def summary(tally: Tally, *, elapsed_s: float, num_pages_now: int) -> Table:
    """The table that ends a build."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    pages_per_s = num_pages_now / elapsed_s if elapsed_s > 0 else 0.0
    table.add_row("documents", f"{tally.num_documents} of {tally.num_documents_planned} accounted for")
    if tally.num_known:
        table.add_row("", f"{tally.num_known} known: their bytes were read before")
    for reason, count in sorted(tally.quarantine_reasons.items()):
        table.add_row("", f"{count} in quarantine: {reason}")
    table.add_row("pages", f"{tally.num_pages} rows, {tally.num_kept} kept")
    for status, count in sorted(tally.statuses.items()):
        table.add_row("", f"{count} {status}")
    for reason, count in sorted(tally.rejects.items()):
        table.add_row("", f"{count} rejected: {reason}")
    for index, line in enumerate(rung_lines(tally.rung_pages, tally.rung_seconds)):
        table.add_row("" if index else "rungs", line)
    for index, line in enumerate(mode_lines(tally.mode_pages, tally.mode_vision_tokens, tally.mode_text_tokens)):
        table.add_row("" if index else "modes", line)
    table.add_row("this run", f"{num_pages_now} pages in {duration(elapsed_s)}, {pages_per_s:.2f} pages/s")
    return table
