"""Ray's instruments for the metrics of one build in one process, and the two processes that have any: driver and worker.

In: events in the driver; answers, waits, commits and the engine's figures in a worker. Out: counters, gauges and histograms
that the Ray agent of the process's node exports (`ray[default]`); without an agent they go nowhere. Knows no Prometheus.
An export is at most 10 s old (RAY_metrics_report_interval_ms). A process that leaves in order, or is ended by Ray, exports
once more; SIGKILL loses what was counted since the last export (both seen with Ray 2.60).
Costs 2 to 7 us for each value, 10 us a page while no cluster is connected and at most 30 with one (2 shared cores, 2026-11-27).
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from ray.util.metrics import Counter, Gauge, Histogram

from pipeline.cluster import metrics
from pipeline.cluster.metrics import COMMON_LABELS, DRIVER_METRICS, WORKER_METRICS, Metric
from pipeline.config import BuildConfig
from pipeline.events import BuildEvent, Pulse, ShardGiven, ShardReturned, WorkerFigures, WorkerLost, WorkerOpened
from pipeline.interfaces import Renderer, Source
from pipeline.receipts import ShardReceipt
from pipeline.records import DocumentRef, PageFailure, PageImage, PageText, RenderEvent

NO_MODE = "none"
"""Label of pages read by an engine that has no modes."""
Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)


class Meters:
    """One instrument for each metric, which knows the build's labels."""

    def __init__(self, metrics: Iterable[Metric], config: BuildConfig) -> None:
        labels = {"dataset": config.output.uri, "build": config.build_id}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in metrics:
            keys = (*COMMON_LABELS, *metric.labels)
            match metric.kind:
                case "counter":
                    self._counters[metric.name] = _labelled(Counter(metric.name, metric.help, keys), labels)
                case "gauge":
                    self._gauges[metric.name] = _labelled(Gauge(metric.name, metric.help, keys), labels)
                case "histogram":
                    histogram = Histogram(metric.name, metric.help, list(metric.bounds), keys)
                    self._histograms[metric.name] = _labelled(histogram, labels)

    def count(self, metric: Metric, value: float = 1.0, **labels: str) -> None:
        """Ray refuses to count nothing."""
        if value > 0:
            self._counters[metric.name].inc(value, labels)

    def count_each(self, metric: Metric, label: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.count(metric, value, **{label: name})

    def set(self, metric: Metric, value: float) -> None:
        self._gauges[metric.name].set(value)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        self._histograms[metric.name].observe(value, labels)


def _labelled(instrument: Instrument, labels: dict[str, str]) -> Instrument:
    instrument.set_default_tags(labels)
    return instrument


class DriverMeters:
    """What is committed, handed out and lost; `hear` is a listener."""

    def __init__(self, config: BuildConfig) -> None:
        self._meters = Meters(DRIVER_METRICS, config)

    def hear(self, event: BuildEvent) -> None:
        meters = self._meters
        match event:
            case ShardReceipt():
                self._receipt(event)
            case Pulse():
                meters.set(metrics.WORKERS, event.num_workers)
                meters.set(metrics.SHARDS_IN_WORK, event.num_shards_in_work)
                meters.set(metrics.SHARDS_WAITING, event.num_shards_waiting)
            case WorkerOpened():
                meters.count(metrics.WORKERS_OPENED)
                meters.observe(metrics.WORKER_OPEN_SECONDS, event.seconds)
            case WorkerLost():
                meters.count(metrics.WORKERS_LOST)
            case ShardGiven():
                meters.count(metrics.SHARDS_GIVEN)
            case ShardReturned():
                meters.count(metrics.SHARDS_RETURNED)

    def _receipt(self, receipt: ShardReceipt) -> None:
        meters = self._meters
        meters.count(metrics.SHARDS, outcome="split" if receipt.split_into else "written")
        meters.count_each(metrics.PAGES, "status", receipt.pages_by_status)
        meters.count_each(metrics.PAGES_REJECTED, "reason", receipt.pages_by_reject)
        meters.count(metrics.PAGES_KEPT, receipt.num_kept)
        meters.count_each(metrics.DOCUMENTS, "outcome", {"opened": receipt.num_documents, "known": receipt.num_known})
        for failure in receipt.quarantined:
            meters.count(metrics.QUARANTINED, reason=failure.reason)
        meters.count(metrics.CHARS_KEPT, receipt.num_kept_chars)
        meters.count(metrics.OUTPUT_TOKENS, receipt.num_output_tokens)
        meters.count_each(metrics.MODE_PAGES, "mode", receipt.pages_by_mode)
        meters.count_each(metrics.VISION_TOKENS, "mode", receipt.vision_tokens_by_mode)
        meters.count_each(metrics.TEXT_TOKENS, "mode", receipt.text_tokens_by_mode)
        meters.count_each(metrics.RUNG_PAGES, "rung", receipt.pages_by_rung)
        meters.count_each(metrics.RUNG_SECONDS, "rung", receipt.seconds_by_rung)
        meters.count(metrics.PAGES_FILE_BYTES, receipt.size_bytes)
        times = receipt.times
        stages = {"render_wait": times.render_wait_s, "engine": times.engine_s, "judge": times.judge_s}
        meters.count_each(metrics.STAGE_SECONDS, "stage", stages)
        if not receipt.split_into:
            meters.observe(metrics.SHARD_SECONDS, times.total_s)


class WorkerMeters:
    """What one worker sees. Thread-safe, as Ray's instruments are, but for `figures`, which one thread calls."""

    def __init__(self, config: BuildConfig) -> None:
        self._meters = Meters(WORKER_METRICS, config)
        self._busy_s = 0.0
        self._alive_s = 0.0

    def page(self, page: PageText) -> None:
        """Hears each answer as it comes."""
        mode = page.mode or NO_MODE
        self._meters.count(metrics.PAGES_READ, status=page.status)
        self._meters.observe(metrics.PAGE_ENGINE_SECONDS, page.seconds, mode=mode)
        if page.vision_tokens and page.text_tokens is not None:
            self._meters.observe(metrics.PAGE_COMPRESSION, page.text_tokens / page.vision_tokens, mode=mode)
        for attempt in page.attempts:
            self._meters.count(metrics.ATTEMPTS, rung=attempt.rung)

    def figures(self, figures: WorkerFigures) -> None:
        """Called every second or so: counts what has been added since."""
        self._meters.count(metrics.ENGINE_BUSY_SECONDS, figures.engine_busy_s - self._busy_s)
        self._meters.count(metrics.WORKER_SECONDS, figures.alive_s - self._alive_s)
        self._meters.set(metrics.PAGES_IN_ENGINE, figures.num_pages_in_engine)
        self._busy_s, self._alive_s = figures.engine_busy_s, figures.alive_s

    def timing(self, render: Renderer) -> Renderer:
        """The same renderer; each wait for a page is observed."""

        def timed(documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
            asked_s = time.monotonic()
            for event in render(documents, source):
                if isinstance(event, PageImage | PageFailure):
                    self._meters.observe(metrics.RENDER_WAIT_SECONDS, time.monotonic() - asked_s)
                yield event
                asked_s = time.monotonic()

        return timed

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Observes how long a commit takes; one that fails is a shard returned."""
        started_s = time.monotonic()
        yield
        self._meters.observe(metrics.COMMIT_SECONDS, time.monotonic() - started_s)
