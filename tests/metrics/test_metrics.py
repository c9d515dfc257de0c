"""What Prometheus reads from a running build is true: its text is scraped from a real Ray agent and held against receipts."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pipeline.builds.commit import read_receipts
from pipeline.builds.journal import read_journal
from pipeline.builds.worker_spans import worker_spans
from pipeline.cluster.metrics import METRICS
from pipeline.config import StoreConfig
from pipeline.receipts import ShardReceipt
from pipeline.store import open_store
from tests.conftest import ROOT, draw_pdf, prose_of
from tests.metrics.asked import MONITORING, names_in, queries
from tests.metrics.troubled_driver import MADE_UP, OUTPUT_TOKENS, TEXT_TOKENS, VISION_TOKENS

pytestmark = [pytest.mark.ray, pytest.mark.slow]  # 30 s: a Ray of its own, a build that loses a worker
BUILD = "troubled"
EXPORTED_WITHIN_S = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Scrape:
    """One answer of the agent."""

    samples: tuple[Sample, ...]
    kinds: Mapping[str, str]

    def sum(self, name: str, build: str = BUILD, **labels: str) -> float:
        wanted = {"build": build, **labels}
        return sum(sample.value for sample in self.samples if sample.name == name and wanted.items() <= sample.labels.items())

    def by(self, label: str, name: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for sample in self.samples:
            if sample.name == name and sample.labels.get("build") == BUILD:
                found[sample.labels[label]] += int(sample.value)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A build that is over: what was scraped while it ran, and after, and its receipts."""

    output: str
    during: tuple[Scrape, ...]
    after: Scrape
    receipts: tuple[ShardReceipt, ...]
    sure: tuple[ShardReceipt, ...]
    """Of workers that ended in order: a killed one takes its last second of counting along."""
    num_opened: int
    """Workers, as the journal has them: the build may be over before the lost one's successor is open."""


def scrape(port: int) -> Scrape:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = tuple(sample for family in families for sample in family.samples)
    return Scrape(samples=samples, kinds={family.name: family.type for family in families})


@pytest.fixture(scope="module")
def agent() -> Iterator[tuple[int, dict[str, str]]]:
    """The port of a Ray agent, and the environment of a driver that joins its cluster."""
    with tempfile.TemporaryDirectory(prefix="pm", dir="/tmp") as folder:
        environment = {**os.environ, "HOME": folder, "RAY_TMPDIR": folder, "RAY_AUTH_MODE": "token", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.metrics.cluster_with_agent"]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as cluster:
            assert cluster.stdin is not None
            assert cluster.stdout is not None
            said = json.loads(next(line for line in cluster.stdout if line.startswith("{")))
            yield said["port"], {**environment, "RAY_ADDRESS": said["address"]}
            cluster.stdin.close()


@pytest.fixture(scope="module")
def watched(agent: tuple[int, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Watched:
    port, environment = agent
    folder = tmp_path_factory.mktemp("watched")
    corpus, output = folder / "corpus", folder / "out"
    corpus.mkdir()
    for num_pages in range(1, 7):
        draw_pdf(corpus / f"of_{num_pages}_pages.pdf", [prose_of(num_pages, index) for index in range(num_pages)])
    (corpus / "broken.pdf").write_bytes(b"%PDF-1.7\nno object follows")
    settings = [
        "engine.workers=2",
        "engine.seconds_per_page=0.2",
        "engine.loop_every=3",
        "engine.fail_every=5",
        "plan.shard_bytes=1",
    ]
    named = ["--input", str(corpus), "--output", str(output), "--build-id", BUILD]
    command = [sys.executable, "-m", "tests.metrics.troubled_driver", str(config_file(folder)), *named]
    command += [part for setting in settings for part in ("--set", setting)]
    during = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as driver:
        while driver.poll() is None:
            during.append(scrape(port))
            time.sleep(0.3)
        assert driver.stderr is not None
        assert driver.returncode == 0, driver.stderr.read()
    store = open_store(StoreConfig(uri=str(output)))
    receipts = tuple(read_receipts(store, BUILD).values())
    spans = worker_spans(read_journal(store, BUILD))
    killed = {span.worker for span in spans if span.ended == "lost"}
    sure = tuple(receipt for receipt in receipts if receipt.worker not in killed)
    after = exported(port, num_shards=len(receipts), num_sure=len(sure))
    return Watched(output=str(output), during=tuple(during), after=after, receipts=receipts, sure=sure, num_opened=len(spans))


def config_file(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text("engine: {name: scripted}\nladder: [{kind: reread, name: again, temperature: 0.2}]\n")
    return path


def exported(port: int, *, num_shards: int, num_sure: int) -> Scrape:
    """The first answer in which driver and workers have told of all that they did, or the last answer."""
    deadline_s = time.monotonic() + EXPORTED_WITHIN_S
    while True:
        answer = scrape(port)
        is_whole = answer.sum("ray_pagemill_shards_total") >= num_shards
        if (is_whole and answer.sum("ray_pagemill_commit_seconds_count") >= num_sure) or time.monotonic() > deadline_s:
            return answer
        time.sleep(0.5)


def summed(maps: Iterator[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in maps:
        total.update(each)
    return total


def test_counters_of_what_is_committed_equal_the_receipts(watched: Watched) -> None:
    after, receipts = watched.after, watched.receipts
    pages = summed(receipt.pages_by_status for receipt in receipts)
    assert set(pages) == {"ok", "failed"}
    assert after.by("status", "ray_pagemill_pages_total") == pages
    assert after.by("reason", "ray_pagemill_pages_rejected_total") == summed(receipt.pages_by_reject for receipt in receipts)
    assert after.by("rung", "ray_pagemill_rung_pages_total") == summed(receipt.pages_by_rung for receipt in receipts)
    assert after.by("reason", "ray_pagemill_documents_quarantined_total") == {"damaged": 1}
    assert after.sum("ray_pagemill_pages_kept_total") == sum(receipt.num_kept for receipt in receipts)
    assert after.sum("ray_pagemill_documents_total") == sum(receipt.num_documents for receipt in receipts) == 6
    assert after.sum("ray_pagemill_chars_kept_total") == sum(receipt.num_kept_chars for receipt in receipts)
    assert after.sum("ray_pagemill_pages_file_bytes_total") == sum(receipt.size_bytes for receipt in receipts)
    assert after.sum("ray_pagemill_shards_total") == len(receipts)
    for stage in ("render_wait", "engine", "judge"):
        seconds = sum(getattr(receipt.times, f"{stage}_s") for receipt in receipts)
        assert after.sum("ray_pagemill_shard_stage_seconds_total", stage=stage) == pytest.approx(seconds)


def test_a_killed_worker_is_counted_as_lost_and_its_shards_as_returned(watched: Watched) -> None:
    after = watched.after
    assert after.sum("ray_pagemill_workers_lost_total") == 1
    assert after.sum("ray_pagemill_workers_opened_total") == watched.num_opened >= 2
    returned = after.sum("ray_pagemill_shards_returned_total")
    assert returned >= 1
    assert after.sum("ray_pagemill_shards_given_total") == len(watched.receipts) + returned


def test_workers_count_what_they_read_and_how_long_their_commits_take(watched: Watched) -> None:
    after = watched.after
    committed = sum(receipt.num_rows for receipt in watched.receipts)
    sure = sum(receipt.num_rows for receipt in watched.sure)
    read = after.sum("ray_pagemill_pages_read_total")
    assert sure <= read <= committed + 12  # those that the killed worker had read
    assert after.sum("ray_pagemill_page_engine_seconds_count") == read
    assert after.sum("ray_pagemill_page_engine_seconds_bucket", le="0.1") == 0
    assert len(watched.sure) <= after.sum("ray_pagemill_commit_seconds_count") <= len(watched.receipts)
    assert after.sum("ray_pagemill_render_wait_seconds_count") >= sure


def test_a_running_build_shows_its_queue_and_engines_that_are_busy(watched: Watched) -> None:
    assert any(each.sum("ray_pagemill_shards_waiting") > 0 for each in watched.during)
    assert any(each.sum("ray_pagemill_workers") == 2 for each in watched.during)
    assert any(each.sum("ray_pagemill_pages_in_engine") >= 1 for each in watched.during)
    busy_s = watched.after.sum("ray_pagemill_engine_busy_seconds_total")
    assert 0 < busy_s <= watched.after.sum("ray_pagemill_worker_seconds_total")


def test_the_queue_ends_at_nothing(watched: Watched) -> None:
    shown = [each for each in (*watched.during, watched.after) if "ray_pagemill_shards_waiting" in each.kinds]
    assert shown
    assert shown[-1].sum("ray_pagemill_shards_waiting") == 0
    assert shown[-1].sum("ray_pagemill_shards_in_work") == 0


def test_tokens_modes_and_compression_are_those_of_the_receipt(watched: Watched) -> None:
    after = watched.after
    assert after.sum("ray_pagemill_output_tokens_total", MADE_UP) == OUTPUT_TOKENS + watched_tokens(watched)
    assert after.sum("ray_pagemill_vision_tokens_total", MADE_UP, mode="base") == VISION_TOKENS
    assert after.sum("ray_pagemill_text_tokens_total", MADE_UP, mode="base") == TEXT_TOKENS
    compression = "ray_pagemill_page_compression_ratio_bucket"
    assert after.sum(compression, MADE_UP, mode="base", le="4.0") == 0
    assert after.sum(compression, MADE_UP, mode="base", le="6.0") == 1
    assert after.sum("ray_pagemill_attempts_total", MADE_UP, rung="first") == 1
    assert after.sum("ray_pagemill_documents_total", MADE_UP, outcome="known") == 3
    assert after.sum("ray_pagemill_shards_total", MADE_UP, outcome="split") == 1
    assert after.sum("ray_pagemill_engine_busy_seconds_total", MADE_UP) == 1.25
    assert after.sum("ray_pagemill_worker_seconds_total", MADE_UP) == 3.0


def watched_tokens(watched: Watched) -> int:
    """The shard split in the made-up build is one of the real one's."""
    return watched.receipts[0].num_output_tokens


def test_every_metric_of_the_table_is_scraped_under_its_name_kind_and_labels(watched: Watched) -> None:
    kinds: dict[str, str] = {}
    labels: dict[str, set[str]] = {}
    for each in (*watched.during, watched.after):
        kinds |= each.kinds
        for sample in each.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for metric in METRICS:
        scraped = f"ray_{metric.name}"
        family = scraped.removesuffix("_total") if metric.kind == "counter" else scraped
        sample = f"{scraped}_bucket" if metric.kind == "histogram" else scraped
        assert kinds[family] == metric.kind, metric.name
        assert {"dataset", "build", *metric.labels} <= labels[sample], metric.name


def test_what_dashboard_alerts_and_readme_ask_of_ray_itself_is_scraped_too(watched: Watched) -> None:
    asked = {name for text in (*queries(), (MONITORING / "README.md").read_text()) for name in names_in(text)}
    rays_own = {name for name in asked if not name.startswith("ray_pagemill")}
    assert "ray_object_store_memory" in rays_own
    assert rays_own <= {sample.name for each in watched.during for sample in each.samples}


def test_the_dataset_is_named_as_the_config_names_it(watched: Watched) -> None:
    datasets = {sample.labels["dataset"] for sample in watched.after.samples if sample.name.startswith("ray_pagemill")}
    assert datasets == {watched.output}


def test_no_label_of_ours_names_a_document_or_a_shard(watched: Watched) -> None:
    ours = [sample.labels for sample in watched.after.samples if sample.name.startswith("ray_pagemill")]
    values = {value for labels in ours for name, value in labels.items() if name not in {"dataset", "WorkerId"}}
    assert not [value for value in values if len(value) >= 32 and "session" not in value and "telemetry" not in value]
