"""`pagemill status --watch`: a build while it is read, seen from its store by anybody, on whatever machine.

In: the store, read again every few seconds, of which only new receipts are fetched. Out: one live block on a terminal, however
narrow; a plain line each time where the output is a pipe. Knows nothing of the driver: pages in work are counted when their
shard is committed. Ends when the build is finished.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobs.cost_rows import money
from jobs.progress import duration
from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.commit import leaf_shards
from pipeline.builds.ledger import decode_receipt
from pipeline.builds.plan import BuildPlan
from pipeline.builds.status import BuildStatus, status_of
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.spending import cost_of_build
from pipeline.receipts import ShardReceipt

WINDOW_S = 600.0
"""Pages a second are those of the shards, or parts of shards, of the last ten minutes."""
MAX_WORKERS = 8
MAX_REASONS = 5
BAR_CHARS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """A build at one moment."""

    status: BuildStatus
    elapsed_s: float
    """Since its first shard was begun; 0 before."""
    done_fraction: float
    """Of the planned bytes."""
    pages_per_s: Mapping[str, float]
    """By worker, in the last ten minutes, the fastest first."""
    cost: str
    """ "" while nothing was spent, or where nobody gave prices."""

    @property
    def left(self) -> str:
        """How long it will take, if it goes on as fast as it went."""
        if not self.done_fraction:
            return "?"
        return duration(self.elapsed_s * (1 - self.done_fraction) / self.done_fraction)


def watch(store: ObjectStore, config: BuildConfig, *, every_s: float, console: Console) -> None:
    """Shows the config's build until it is finished. Raises BuildError when it was never planned."""
    sights = follow(store, config)
    if not console.is_terminal:
        for sight in _every(sights, every_s):
            console.print(line_of(sight), soft_wrap=True)
        return
    with Live(console=console, auto_refresh=False) as live:
        for sight in _every(sights, every_s):
            live.update(block_of(sight, width=console.width), refresh=True)


def follow(store: ObjectStore, config: BuildConfig) -> Iterator[Sight]:
    """The build as it is each time that it is asked for, to its end."""
    plan = read_plan(store, config.build_id)
    receipts: dict[str, ShardReceipt] = {}
    while True:
        for info in store.list(layout.receipts_prefix(plan.build_id)):
            shard_id = layout.shard_id_of(info.key)
            if shard_id not in receipts:
                receipts[shard_id] = decode_receipt(store.get(info.key), info.key)
        sight = sight_of(store, config, plan, receipts, now=datetime.now(UTC))
        yield sight
        if sight.status.is_finished:
            return


def sight_of(
    store: ObjectStore, config: BuildConfig, plan: BuildPlan, receipts: Mapping[str, ShardReceipt], *, now: datetime
) -> Sight:
    found = status_of(store, plan, receipts)
    begun_s = [receipt.finished_at.timestamp() - receipt.times.total_s for receipt in receipts.values()]
    ended_s = max((receipt.finished_at.timestamp() for receipt in receipts.values()), default=0.0)
    sizes = [(shard.size_bytes, shard.shard_id in receipts) for shard in leaf_shards(plan, receipts)]
    cost = cost_of_build(store, config, plan.build_id, list(receipts.values()))
    total, currency = cost.total, cost.prices.currency if cost.prices else ""
    return Sight(
        status=found,
        elapsed_s=(ended_s if found.is_finished else now.timestamp()) - min(begun_s) if begun_s else 0.0,
        done_fraction=sum(size for size, is_done in sizes if is_done) / max(1, sum(size for size, _ in sizes)),
        pages_per_s=recent_rates(list(receipts.values())),
        cost=f"{money(total)} {currency}" if total else "",
    )


def recent_rates(receipts: Sequence[ShardReceipt]) -> Mapping[str, float]:
    """Pages a second by worker in the ten minutes that end with the last receipt, or since the first shard where that is less.
    A shard's pages are spread evenly over its time."""
    read = [receipt for receipt in receipts if receipt.num_rows and receipt.times.total_s > 0.0]
    if not read:
        return {}
    end_s = max(receipt.finished_at.timestamp() for receipt in read)
    begin_s = max(end_s - WINDOW_S, min(receipt.finished_at.timestamp() - receipt.times.total_s for receipt in read))
    rates: dict[str, float] = {}
    for receipt in read:
        finished_s = receipt.finished_at.timestamp()
        overlap_s = finished_s - max(begin_s, finished_s - receipt.times.total_s)
        if overlap_s > 0.0:
            rate = receipt.num_rows * overlap_s / receipt.times.total_s / (end_s - begin_s)
            rates[receipt.worker] = rates.get(receipt.worker, 0.0) + rate
    return dict(sorted(rates.items(), key=lambda item: (-item[1], item[0])))


def line_of(sight: Sight) -> str:
    """One plain line, for pipes and logs."""
    found = sight.status
    parts = [
        duration(sight.elapsed_s),
        f"shards {found.num_shards_done}/{found.num_shards}",
        f"documents {_num_documents(found)}/{found.num_documents_planned}",
        f"pages {found.num_pages}",
        f"{sum(sight.pages_per_s.values()):.2f} pages/s",
        f"kept {found.num_pages_kept}",
        f"rejected {_named(found.pages_by_reject) or 'none'}",
        *([f"rungs {_named(found.pages_by_rung)}"] if len(found.pages_by_rung) > 1 else []),
        *([f"cost {sight.cost}"] if sight.cost else []),
        "finished" if found.is_finished else f"ETA {sight.left}",
    ]
    return "  ".join(parts)


def block_of(sight: Sight, *, width: int) -> RenderableType:
    """Fits a terminal of 40 columns; long names are cut, never wrapped into the numbers."""
    found = sight.status
    block = Table.grid(padding=(0, 2))
    block.add_column(style="bold", no_wrap=True)
    block.add_column(overflow="ellipsis")
    bar = ProgressBar(total=1.0, completed=sight.done_fraction, width=max(8, min(BAR_CHARS, width - 14)))
    block.add_row(Text(found.build_id, overflow="ellipsis"), bar)
    block.add_row("shards", f"{found.num_shards_done:,} of {found.num_shards:,}")
    block.add_row("documents", f"{_num_documents(found):,} of {found.num_documents_planned:,}")
    if found.num_documents_quarantined:
        block.add_row("", f"{found.num_documents_quarantined:,} gave no page")
    block.add_row("pages", f"{found.num_pages:,}, {sum(sight.pages_per_s.values()):.2f} a second")
    block.add_row("kept", f"{found.num_pages_kept:,}")
    for index, (name, number) in enumerate(_most(found.pages_by_reject)):
        block.add_row("" if index else "rejected", f"{number:,} {name}")
    if len(found.pages_by_rung) > 1:
        for index, (name, number) in enumerate(_most(found.pages_by_rung)):
            block.add_row("" if index else "rungs", f"{number:,} {name}")
    workers = list(sight.pages_per_s.items())
    for index, (name, rate) in enumerate(workers[:MAX_WORKERS]):
        block.add_row("" if index else "workers", Text(f"{rate:6.2f} pages/s  {name}", overflow="ellipsis", no_wrap=True))
    if len(workers) > MAX_WORKERS:
        block.add_row("", f"and {len(workers) - MAX_WORKERS:,} others")
    left = "finished" if found.is_finished else f"about {sight.left} left"
    block.add_row("time", f"{duration(sight.elapsed_s)}, {left}")
    if sight.cost:
        block.add_row("cost", sight.cost)
    return block


def _every(sights: Iterator[Sight], every_s: float) -> Iterator[Sight]:
    """Waits between two, not after the last."""
    for sight in sights:
        yield sight
        if not sight.status.is_finished:
            time.sleep(every_s)


def _num_documents(found: BuildStatus) -> int:
    return found.num_documents_opened + found.num_documents_known + found.num_documents_quarantined


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_REASONS]


def _named(counts: Mapping[str, int]) -> str:
    return f"({', '.join(f'{name} {number}' for name, number in _most(counts))})" if counts else ""
