"""What a build has cost: the hours its workers were held, what they did in them, and what those are worth at given prices.

In: spans of workers (`worker_spans`), receipts, the engine's config (GPUs and CPUs of one worker) and prices. Out: a BuildCost.
Every figure can be made again from what is stored, by these formulas:

    held    = of each worker the seconds from the start of its process to its last sign of life, lost workers included
            = opening + busy + waiting + tail
    opening = until its engine was open
    busy    = its engine held at least one page
    tail    = after its last receipt, when the queue had nothing left for it; only of a worker that left in order
    waiting = the rest: its engine waited for pages, and the worker for fetching, judging and putting
    lost    = of held: what a lost worker did after its last receipt; its shards were read again. A lower bound
    cost    = held / 3600 * (GPUs of a worker * gpu_hour + CPUs of a worker * cpu_hour)

Worked example: a worker of 1 GPU and 2 CPUs lives 1,000 s, opens in 100, is busy for 700, and puts its last receipt 50 s before
it leaves: waiting 150 s. At 3.60 a GPU-hour and 0.18 a CPU-hour it has cost 0.2778 h * (3.60 + 2 * 0.18) = 1.10.

Where nobody noted what a worker did (an older version read the build), its receipts stand in: held is then the time in which it
was at work on a shard, without opening, tail and lost workers, and `basis` says so. The driver, publishing, the golden set and
the store are not in it, nor a worker that was lost before its engine was open, whom nobody has timed. Pure but for
`read_spans`. Costs a pass over the receipts.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from pipeline.builds.journal import read_journal
from pipeline.builds.status import summed
from pipeline.builds.worker_spans import WorkerSpan, worker_spans
from pipeline.config import EngineConfig, PricesConfig
from pipeline.interfaces import ObjectStore
from pipeline.receipts import ShardReceipt

SECONDS_PER_HOUR = 3600.0
MILLION = 1e6
BILLION = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerTime:
    """Seconds of one worker, or of many, summed; see above. `opening_s` to `tail_s` add up to `held_s`."""

    held_s: float = 0.0
    opening_s: float = 0.0
    busy_s: float = 0.0
    waiting_s: float = 0.0
    tail_s: float = 0.0
    lost_s: float = 0.0
    """Of `held_s`."""

    @property
    def idle_s(self) -> float:
        """Held, and the engine held no page."""
        return self.opening_s + self.waiting_s + self.tail_s

    def __add__(self, other: "WorkerTime") -> "WorkerTime":
        return WorkerTime(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


NO_TIME = WorkerTime()


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenCount:
    """Tokens of text, by whoever has counted them."""

    num_tokens: int
    told: str
    """Which ones and by whom, for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildCost:
    """What a build has cost so far. Sums are in `prices.currency`, and None where no prices are known."""

    basis: str
    """Where the seconds come from, for people."""
    num_workers: int
    """Processes, those that were lost and made again included."""
    num_workers_lost: int
    gpus: float
    """Of one worker."""
    cpus: float
    """Logical CPUs of one worker, those of its rendering included."""
    time: WorkerTime
    num_pages: int
    """Rows, blank and failed ones included."""
    num_pages_kept: int
    num_kept_chars: int
    seconds_by_rung: Mapping[str, float]
    """Engine seconds of committed pages."""
    tokens: TokenCount | None
    """None where nobody has counted: no figure is made up from characters."""
    prices: PricesConfig | None

    def gpu_hours(self, seconds: float) -> float:
        """Of so many seconds of workers."""
        return seconds * self.gpus / SECONDS_PER_HOUR

    def cpu_hours(self, seconds: float) -> float:
        return seconds * self.cpus / SECONDS_PER_HOUR

    def cost(self, seconds: float) -> float | None:
        """Of so many seconds of workers."""
        return cost_of(seconds, gpus=self.gpus, cpus=self.cpus, prices=self.prices)

    @property
    def total(self) -> float | None:
        return self.cost(self.time.held_s)

    def per(self, number: float, count: int) -> float | None:
        """The total for `number` things when there were `count`: `per(1e6, num_pages)`; None when there were none."""
        return self.total / count * number if self.total is not None and count else None

    @property
    def busy_s_by_rung(self) -> Mapping[str, float]:
        """Busy seconds, shared out among the rungs as the pages' own seconds are; their costs add up to that of busy."""
        whole_s = sum(self.seconds_by_rung.values())
        return {name: self.time.busy_s * each_s / whole_s for name, each_s in self.seconds_by_rung.items()} if whole_s else {}


def cost_of(seconds: float, *, gpus: float, cpus: float, prices: PricesConfig | None) -> float | None:
    """Of so many seconds of a worker; None without prices."""
    if prices is None:
        return None
    return seconds / SECONDS_PER_HOUR * (gpus * prices.gpu_hour + cpus * prices.cpu_hour)


def build_cost(
    spans: Sequence[WorkerSpan],
    receipts: Sequence[ShardReceipt],
    *,
    engine: EngineConfig,
    prices: PricesConfig | None,
    tokens: TokenCount | None = None,
) -> BuildCost:
    """`engine` says what one worker holds. Without `tokens`, those that the engine counted are told, if it counts."""
    times = build_times(spans, receipts)
    return BuildCost(
        basis=_basis(len(spans), len(times) - len(spans)),
        num_workers=len(times),
        num_workers_lost=sum(span.ended == "lost" for span in spans),
        gpus=engine.gpus,
        cpus=engine.cpus,
        time=sum(times, NO_TIME),
        num_pages=sum(receipt.num_rows for receipt in receipts),
        num_pages_kept=sum(receipt.num_kept for receipt in receipts),
        num_kept_chars=sum(receipt.num_kept_chars for receipt in receipts),
        seconds_by_rung=summed(receipt.seconds_by_rung for receipt in receipts),
        tokens=tokens or tokens_read(receipts),
        prices=prices,
    )


def tokens_read(receipts: Iterable[ShardReceipt]) -> TokenCount | None:
    """As the engine counted them; receipts do not tell kept pages from rejected ones here."""
    by_mode = summed(receipt.text_tokens_by_mode for receipt in receipts)
    if not by_mode:
        return None
    return TokenCount(num_tokens=sum(by_mode.values()), told="read, counted by the engine, those of rejected pages included")


def build_times(spans: Sequence[WorkerSpan], receipts: Sequence[ShardReceipt]) -> list[WorkerTime]:
    """One for each span, then one for each worker that has receipts and no span."""
    noted = {span.worker for span in spans}
    others = time_at_work(receipt for receipt in receipts if receipt.worker not in noted)
    return [*worker_times(spans, receipts), *others.values()]


def worker_times(spans: Sequence[WorkerSpan], receipts: Iterable[ShardReceipt]) -> list[WorkerTime]:
    """One for each span. A receipt belongs to the last span of its worker's name that was open before it: a process may get the
    number of an earlier one."""
    opened: dict[str, list[datetime]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.opened_at):
        opened[span.worker].append(span.opened_at)
    last: dict[tuple[str, int], datetime] = {}
    for receipt in receipts:
        place = receipt.worker, bisect_right(opened[receipt.worker], receipt.finished_at)
        last[place] = max(last.get(place, receipt.finished_at), receipt.finished_at)
    return [
        _time_of(span, last.get((span.worker, bisect_right(opened[span.worker], span.opened_at)), span.opened_at))
        for span in spans
    ]


def time_at_work(receipts: Iterable[ShardReceipt]) -> dict[str, WorkerTime]:
    """By worker, from receipts alone: the time in which it was at work on some shard, two at once counted once. Splits and
    quarantines took no worker's time."""
    shards: dict[str, list[tuple[float, float]]] = defaultdict(list)
    busy_s: dict[str, float] = defaultdict(float)
    for receipt in receipts:
        if receipt.times.total_s > 0.0:
            finished_s = receipt.finished_at.timestamp()
            shards[receipt.worker].append((finished_s - receipt.times.total_s, finished_s))
            busy_s[receipt.worker] += receipt.times.engine_busy_s
    times = {}
    for worker, of_worker in shards.items():
        held_s = _covered_s(sorted(of_worker))
        engine_s = min(held_s, busy_s[worker])
        times[worker] = WorkerTime(held_s=held_s, busy_s=engine_s, waiting_s=held_s - engine_s)
    return times


def _time_of(span: WorkerSpan, last_receipt_at: datetime) -> WorkerTime:
    """Each part is cut to what the parts before it leave of held: figures are sampled, and clocks are two. A worker whose
    driver was not heard of again has no tail and has lost nothing: it may still be at work."""
    open_s = max(0.0, span.alive_s - span.opening_s)
    busy_s = min(span.engine_busy_s, open_s)
    after_s = min(max(0.0, (span.last_seen_at - last_receipt_at).total_seconds()), open_s)
    tail_s = min(after_s, open_s - busy_s) if span.ended == "left" else 0.0
    return WorkerTime(
        held_s=span.opening_s + open_s,
        opening_s=span.opening_s,
        busy_s=busy_s,
        waiting_s=open_s - busy_s - tail_s,
        tail_s=tail_s,
        lost_s=after_s if span.ended == "lost" else 0.0,
    )


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals that are sorted by their start."""
    total_s, reached_s = 0.0, float("-inf")
    for start_s, end_s in spans:
        total_s += max(0.0, end_s - max(start_s, reached_s))
        reached_s = max(reached_s, end_s)
    return total_s


def _basis(num_noted: int, num_others: int) -> str:
    if not num_others:
        return f"the journal of {_workers(num_noted)}"
    at_work = f"receipts of {_workers(num_others)}: at work alone, without opening, waiting for shards and what was lost"
    return f"the journal of {_workers(num_noted)}, and {at_work}" if num_noted else at_work


def _workers(number: int) -> str:
    return "1 worker" if number == 1 else f"{number:,} workers"


def read_spans(store: ObjectStore, build_id: str) -> Sequence[WorkerSpan]:
    """Of every driver of a build. Reads its journal. Raises StoreError, VerifyError."""
    return worker_spans(read_journal(store, build_id))
