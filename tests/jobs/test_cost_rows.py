"""What a person reads of cost: before a build, after it, later, and when it was too much."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs import build, nightly, plan, status
from jobs.command_line import DONE, GATE_BROKEN, WRONG_USE
from jobs.cost_rows import cost_lines, money
from pipeline.builds.commit import read_receipts
from pipeline.builds.cost import TokenCount, WorkerTime, build_cost
from pipeline.builds.journal import Journal
from pipeline.builds.journal_lines import DriverBegan
from pipeline.config import DeepseekOcrConfig, PricesConfig, StoreConfig
from pipeline.events import Pulse, WorkerFigures, WorkerLost, WorkerOpened
from pipeline.parallel import one_by_one
from pipeline.publishing.spending import cost_of_build
from pipeline.store import open_store
from tests.builds.factory import config as factory_config
from tests.builds.factory import finished_build, publish
from tests.builds.memory_store import MemoryStore
from tests.builds.test_cost import GPU, PRICES, receipt, span
from tests.jobs.in_process import run_shards_here

CONFIG = """
input: {{uri: {corpus}}}
output: {{uri: {output}}}
engine: {{name: scripted, workers: 1, seconds_per_page: 0.001}}
render: {{dpi: 40}}
dedup: {{near_threshold: null, contained_fraction: null}}
prices: {{currency: EUR, gpu_hour: 1, cpu_hour: 3600000}}
gates: {{min_documents: 4, min_pages: 10, removed_fraction_above: 0.4}}
"""


@pytest.fixture
def config(tmp_path: Path, small_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A config over the small corpus, no cluster, and prices at which milliseconds are seen."""
    monkeypatch.setattr(build, "cluster", lambda **settings: nullcontext())
    monkeypatch.setattr(build, "over_tasks", one_by_one)
    monkeypatch.setattr(build, "run_shards", run_shards_here)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(corpus=small_corpus, output=tmp_path / "out"))
    return str(path)


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(name))


def test_a_build_and_its_status_tell_the_same_sum_and_a_later_plan_has_learned_from_it(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan.main([config, "--build-id", "one"]) == DONE
    before = capsys.readouterr().out
    assert "typical figures for pages and speed" in row(before, "basis")
    assert "EUR" in row(before, "cost")
    assert build.main([config, "--build-id", "one"]) == DONE
    told = row(capsys.readouterr().out, "cost").split()
    status.main([config, "--build-id", "one"])
    assert row(capsys.readouterr().out, "cost").split() == told

    store = open_store(StoreConfig(uri=str(tmp_path / "out")))
    receipts = read_receipts(store, "one").values()
    at_work_s = sum(each.times.total_s for each in receipts)
    assert float(told[1].replace(",", "")) == pytest.approx(at_work_s * 1000, rel=0.01)

    assert plan.main([config, "--build-id", "two", "--set", "engine.workers=3"]) == DONE
    later = capsys.readouterr().out
    assert "0 to read" in later
    assert "21 pages of this recipe (one)" in row(later, "basis")


def test_a_night_that_cost_too_much_stays_unpublished_and_says_so(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    limit = ("--set", "gates.cost_per_million_pages_above=1")
    assert nightly.main([config, "--date", "2026-11-20", *limit]) == GATE_BROKEN
    assert "cost: cost of a million pages" in capsys.readouterr().err
    assert nightly.main([config, "--date", "2026-11-21", *limit, "--set", "prices=null"]) == DONE
    assert "`prices:` in the config makes sums of hours" in " ".join(capsys.readouterr().out.split())


def test_a_price_alone_is_refused_with_what_it_lacks(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan.main([config, "--set", "prices={gpu_hour: 2}"]) == WRONG_USE
    told = capsys.readouterr().err
    assert "'prices.currency' is missing" in told
    assert "'prices.cpu_hour' is missing" in told


def test_lines_say_sum_parts_losses_pages_tokens_and_what_they_rest_on() -> None:
    cost = build_cost(
        [span("a"), span("b", ended="lost")],
        [receipt("a", end_s=950.0), receipt("b", end_s=600.0)],
        engine=GPU,
        prices=PRICES,
        tokens=TokenCount(num_tokens=1_000_000, told="published, by gpt2"),
    )
    lines = list(cost_lines(cost))
    assert lines[0] == "2.20 EUR for 0.556 GPU-hours and 1.11 CPU-hours of 2 workers, 1 of them lost"
    assert lines[1] == "busy 70.0% (1.54 EUR), opening 10.0% (0.22 EUR), waiting 17.5% (0.39 EUR), tail 2.5% (0.055 EUR)"
    assert lines[2] == "lost with workers, at least: 20.0% (0.44 EUR)"
    assert lines[3].endswith("2,200.00 a billion tokens (published, by gpt2)")
    assert lines[-1] == "from the journal of 2 workers"


def test_without_prices_hours_alone_are_told_and_without_workers_nothing() -> None:
    told = "\n".join(cost_lines(build_cost([span()], [receipt()], engine=GPU, prices=None)))
    assert "0.278 GPU-hours" in told
    assert "EUR" not in told
    assert list(cost_lines(build_cost([], [], engine=GPU, prices=PRICES))) == []


@pytest.mark.parametrize(("worth", "told"), [(0.0, "0.00"), (0.00312, "0.0031"), (1.0, "1.00"), (1234.5, "1,234.50")])
def test_money_shows_two_digits_of_what_is_small(worth: float, told: str) -> None:
    assert money(worth) == told


def test_a_journal_is_where_the_seconds_of_workers_come_from() -> None:
    """A worker that opened in 30 s at 12:01, was busy for 40 s, and was let go at 12:03; another one was lost at 12:02."""
    store = MemoryStore()
    noon = datetime(2026, 11, 27, 12, tzinfo=UTC)
    now = [noon]
    finished_build(store)
    publish(store, factory_config())
    began = DriverBegan(process="host/1", code_version="0.1.0", num_shards=2)
    with Journal(store, "main", began, clock=lambda: now[0]) as journal:
        now[0] = noon + timedelta(minutes=1)
        for worker in ("host/2", "host/3"):
            journal.hear(WorkerOpened(worker=worker, engine="e 1", seconds=30.0))
        now[0] = noon + timedelta(minutes=2)
        figures = [
            WorkerFigures(worker=worker, alive_s=90.0, engine_busy_s=40.0, num_pages_read=9, num_pages_in_engine=0)
            for worker in ("host/2", "host/3")
        ]
        journal.hear(
            Pulse(
                num_pages_read=18,
                num_workers=2,
                workers=tuple(figures),
                num_shards_in_work=1,
                num_shards_waiting=0,
                num_workers_lost=0,
            )
        )
        journal.hear(WorkerLost(worker="host/3", reason="node gone", shard_ids=()))
        now[0] = noon + timedelta(minutes=3)
    config = factory_config().model_copy(
        update={"engine": DeepseekOcrConfig(), "prices": PricesConfig(currency="EUR", gpu_hour=3600.0, cpu_hour=0.0)}
    )
    cost = cost_of_build(store, config, "main", [])
    assert cost.time == WorkerTime(held_s=240.0, opening_s=60.0, busy_s=80.0, waiting_s=20.0, tail_s=80.0, lost_s=60.0)
    assert (cost.num_workers, cost.num_workers_lost, cost.total) == (2, 1, 240.0)
