"""Who counts what, told by the meters themselves; what Ray makes of it is in test_metrics.py."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ray.util.metrics import Counter

from pipeline.cluster.meters import DriverMeters, Meters, WorkerMeters
from pipeline.cluster.metrics import Metric
from pipeline.config import BuildConfig, parse_config
from pipeline.events import Pulse, WorkerFigures
from pipeline.interfaces import Source
from pipeline.records import DocumentRef, KnownDocument, PageFailure, PageId, PageText, RenderEvent
from pipeline.sources import open_source
from tests.jobs.test_bench_build import receipt

Told = list[tuple[str, float, dict[str, str]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Every value that reaches an instrument."""
    values: Told = []

    def tell(_: Meters, metric: Metric, value: float = 1.0, **labels: str) -> None:
        values.append((metric.name, value, labels))

    for verb in ("count", "set", "observe"):
        monkeypatch.setattr(Meters, verb, tell)
    return values


@pytest.fixture
def config(tmp_path: Path) -> BuildConfig:
    return parse_config({"input": {"uri": str(tmp_path)}, "output": {"uri": "out"}})


def test_a_receipt_is_counted_by_status_and_the_kept_pages_beside_it(told: Told, config: BuildConfig) -> None:
    DriverMeters(config).hear(replace(receipt("w", 1.0, 1.0, 1.0), pages_by_status={"ok": 10, "failed": 2}, num_kept=8))
    assert ("pagemill_pages_total", 2, {"status": "failed"}) in told
    assert ("pagemill_pages_total", 10, {"status": "ok"}) in told
    assert ("pagemill_pages_kept_total", 8, {}) in told
    assert ("pagemill_shards_total", 1.0, {"outcome": "written"}) in told


def test_a_pulse_sets_the_queue_even_when_nothing_is_left_of_it(told: Told, config: BuildConfig) -> None:
    """A gauge that is not set again vanishes, so nothing is a value that must be said."""
    DriverMeters(config).hear(
        Pulse(num_pages_read=3, num_workers=2, workers=(), num_shards_in_work=0, num_shards_waiting=0, num_workers_lost=0)
    )
    assert told == [
        ("pagemill_workers", 2, {}),
        ("pagemill_shards_in_work", 0, {}),
        ("pagemill_shards_waiting", 0, {}),
    ]


def test_the_figures_of_a_worker_are_counted_as_what_has_been_added(told: Told, config: BuildConfig) -> None:
    meters = WorkerMeters(config)
    for alive_s, busy_s in ((10.0, 4.0), (12.0, 5.5)):
        figures = WorkerFigures(worker="host/1", alive_s=alive_s, engine_busy_s=busy_s, num_pages_read=0, num_pages_in_engine=0)
        meters.figures(figures)
    assert [value for name, value, _ in told if name == "pagemill_engine_busy_seconds_total"] == [4.0, 1.5]
    assert [value for name, value, _ in told if name == "pagemill_worker_seconds_total"] == [10.0, 2.0]


def test_a_page_of_unknown_tokens_has_no_compression(told: Told, config: BuildConfig) -> None:
    page = PageText(page_id=PageId("0" * 64, 0), text="", status="ok", engine="e", engine_version="1", vision_tokens=100)
    WorkerMeters(config).page(page)
    assert {name for name, _, _ in told} == {"pagemill_pages_read_total", "pagemill_page_engine_seconds"}


def test_timing_a_renderer_changes_none_of_its_events_and_observes_each_page(told: Told, config: BuildConfig) -> None:
    document = DocumentRef(uri="a.pdf", size_bytes=1, version="1")
    events: list[RenderEvent] = [
        KnownDocument(document=document, doc_id="0" * 64),
        PageFailure(page_id=PageId("0" * 64, 0), reason="crashed", error=""),
    ]

    def render(documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
        return iter(events)

    timed = WorkerMeters(config).timing(render)
    assert list(timed([document], open_source(config.input))) == events
    assert [name for name, _, _ in told] == ["pagemill_render_wait_seconds"]


def test_nothing_to_count_is_not_offered_to_ray_which_refuses_it(config: BuildConfig) -> None:
    with pytest.raises(ValueError, match="must be >0"):
        Counter("pagemill_refused_total").inc(0)
    DriverMeters(config).hear(replace(receipt("w", 1.0, 1.0, 1.0), num_kept=0))
