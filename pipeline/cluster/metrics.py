"""Every metric that Pagemill exports, as data: meters are made from this table; dashboard, alerts and README are held to it.

In: nothing. Out: METRICS. Ray puts `ray_` in front of each name and adds `NodeAddress`, `WorkerId` (the process), `Component`,
`SessionName` and `Version`. A process works for one build, so the labels `dataset` and `build`, which every metric has, make
no more series than `WorkerId` makes anyway. All others take few values; none names a document, a page or a shard.

Counters begin at nothing with each driver and each worker. Ray's agent makes a histogram's `_sum` from the middles of its
buckets (Ray 2.60): buckets and `_count` are true, and totals of seconds have counters of their own. A gauge that is not set
again vanishes after two reporting intervals (20 s), so none outlives its process.
Rendering tasks measure nothing: with a process for each, each would leave its series in the agent for good.
"""

from dataclasses import dataclass
from typing import Literal

COMMON_LABELS = ("dataset", "build")
"""The output's URI, and the build's id."""

WAIT_BOUNDS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
PAGE_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
SHARD_BOUNDS_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
COMPRESSION_BOUNDS = (1.0, 2.0, 4.0, 6.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0)
"""9 is the mode policy's limit, 10 where DeepSeek-OCR's paper begins to lose precision (97 %), 20 where it is at 60 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One row of the table."""

    name: str
    """As Pagemill registers it; scraped as `ray_<name>`."""
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    """Of the value, in words."""
    help: str
    labels: tuple[str, ...] = ()
    """Beside the common ones."""
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets."""


def _counter(name: str, unit: str, help: str, *labels: str) -> Metric:
    return Metric(name=f"pagemill_{name}_total", kind="counter", unit=unit, help=help, labels=labels)


def _gauge(name: str, unit: str, help: str) -> Metric:
    return Metric(name=f"pagemill_{name}", kind="gauge", unit=unit, help=help)


def _histogram(name: str, unit: str, help: str, bounds: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name=f"pagemill_{name}", kind="histogram", unit=unit, help=help, labels=labels, bounds=bounds)


PAGES = _counter("pages", "pages", "Committed: rows of the pages table, by status.", "status")
PAGES_KEPT = _counter("pages_kept", "pages", "Committed with no reject reason.")
PAGES_REJECTED = _counter("pages_rejected", "pages", "Committed, by reject reason; one with two reasons under both.", "reason")
DOCUMENTS = _counter("documents", "documents", "Committed: opened, or known from before.", "outcome")
QUARANTINED = _counter("documents_quarantined", "documents", "Gave no page, by reason.", "reason")
CHARS_KEPT = _counter("chars_kept", "characters", "Text of kept pages.")
OUTPUT_TOKENS = _counter("output_tokens", "tokens", "Generated, markup included, for committed pages.")
MODE_PAGES = _counter("mode_pages", "pages", "Committed, of known vision and text tokens, by mode.", "mode")
VISION_TOKENS = _counter("vision_tokens", "tokens", "Of those pages' images, by mode.", "mode")
TEXT_TOKENS = _counter("text_tokens", "tokens", "Of those pages' texts; over vision tokens: compression.", "mode")
RUNG_PAGES = _counter("rung_pages", "pages", "Committed, by the step of the ladder that read them.", "rung")
RUNG_SECONDS = _counter(
    "rung_engine_seconds", "seconds", "Engine time of committed pages by rung, attempts set aside included.", "rung"
)
PAGES_FILE_BYTES = _counter("pages_file_bytes", "bytes", "Pages files committed.")
STAGE_SECONDS = _counter("shard_stage_seconds", "seconds", "Of committed shards: render_wait, engine or judge.", "stage")
SHARDS = _counter("shards", "shards", "Settled: written, or split in two after losing workers.", "outcome")
SHARDS_GIVEN = _counter("shards_given", "shards", "Handed to a worker, again included.")
SHARDS_RETURNED = _counter("shards_returned", "shards", "Back in the queue: worker lost, or a store refused.")
WORKERS_OPENED = _counter("workers_opened", "workers", "Engines opened.")
WORKERS_LOST = _counter("workers_lost", "workers", "Workers gone before their time.")
SHARD_SECONDS = _histogram("shard_seconds", "seconds", "From the first document to the last page judged.", SHARD_BOUNDS_S)
WORKER_OPEN_SECONDS = _histogram("worker_open_seconds", "seconds", "From a worker's start to its open engine.", SHARD_BOUNDS_S)
WORKERS = _gauge("workers", "workers", "Whose engine is open.")
SHARDS_IN_WORK = _gauge("shards_in_work", "shards", "Handed out and not settled.")
SHARDS_WAITING = _gauge("shards_waiting", "shards", "In the queue.")

PAGES_READ = _counter(
    "pages_read", "pages", "Answered by an engine, by status; those of shards that are lost later too.", "status"
)
ATTEMPTS = _counter("attempts", "readings", "Set aside by the ladder, by rung.", "rung")
ENGINE_BUSY_SECONDS = _counter("engine_busy_seconds", "seconds", "In which the worker's engine held at least one page.")
WORKER_SECONDS = _counter("worker_seconds", "seconds", "In which the worker held its CPUs and its GPU.")
PAGES_IN_ENGINE = _gauge("pages_in_engine", "pages", "Asked for and not answered, by worker.")
PAGE_ENGINE_SECONDS = _histogram(
    "page_engine_seconds", "seconds", "Engine time of a page, all attempts.", PAGE_BOUNDS_S, "mode"
)
PAGE_COMPRESSION = _histogram(
    "page_compression_ratio", "text tokens per vision token", "Of a page, where both are known.", COMPRESSION_BOUNDS, "mode"
)
RENDER_WAIT_SECONDS = _histogram("render_wait_seconds", "seconds", "A shard's wait for its next rendered page.", WAIT_BOUNDS_S)
COMMIT_SECONDS = _histogram("commit_seconds", "seconds", "Writing a shard's files to the store.", WAIT_BOUNDS_S)

DRIVER_METRICS = (
    *(PAGES, PAGES_KEPT, PAGES_REJECTED, DOCUMENTS, QUARANTINED, CHARS_KEPT, OUTPUT_TOKENS, MODE_PAGES, VISION_TOKENS),
    *(TEXT_TOKENS, RUNG_PAGES, RUNG_SECONDS, PAGES_FILE_BYTES, STAGE_SECONDS, SHARDS, SHARDS_GIVEN, SHARDS_RETURNED),
    *(WORKERS_OPENED, WORKERS_LOST, SHARD_SECONDS, WORKER_OPEN_SECONDS, WORKERS, SHARDS_IN_WORK, SHARDS_WAITING),
)
"""From events: what is committed, true to the receipts of this driver's run."""
WORKER_METRICS = (
    *(PAGES_READ, ATTEMPTS, ENGINE_BUSY_SECONDS, WORKER_SECONDS, PAGES_IN_ENGINE, PAGE_ENGINE_SECONDS, PAGE_COMPRESSION),
    *(RENDER_WAIT_SECONDS, COMMIT_SECONDS),
)
"""What only the process that reads knows, as it happens."""
METRICS = (*DRIVER_METRICS, *WORKER_METRICS)
