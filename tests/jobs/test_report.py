"""Every way to a version ends with the report of its build, beside it in the dataset."""

from pathlib import Path

import boto3
import pytest

from jobs import publish, rejudge, report
from jobs.command_line import DONE, HELD
from pipeline.builds import layout
from pipeline.builds.lease import hold_lease
from pipeline.config import StoreConfig
from pipeline.errors import ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.reporting.build_report import build_report, put_report
from pipeline.store import open_store
from tests.builds.factory import config, finished_build
from tests.builds.factory import publish as publish_here

KEY = layout.report_key("main")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A build that is read and not published."""
    store = open_store(StoreConfig(uri=str(tmp_path / "out")))
    finished_build(store)
    return store


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    written = tmp_path / "config.yaml"
    written.write_text("input: {uri: /corpus}\noutput: {uri: nowhere}\nplan: {shard_documents: 4}\n")
    return [str(written), "--output", str(tmp_path / "out")]


def told(store: ObjectStore) -> str:
    return store.get(KEY).decode()


def test_publishing_puts_the_report_and_says_where(
    store: ObjectStore, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish.main(arguments) == 0
    assert "Published: every page is accounted for" in told(store)
    assert f"report     {store.uri}/{KEY}" in capsys.readouterr().out


def test_a_version_that_a_gate_keeps_back_has_a_report_that_says_which(store: ObjectStore, arguments: list[str]) -> None:
    limits = ["--set", "gates.failed_fraction_above=0.05", "--set", "gates.min_documents=1"]
    assert publish.main([*arguments, *limits]) == 4
    assert "Kept back by a gate: failures" in told(store)


def test_while_another_driver_is_at_work_a_report_goes_to_a_file_and_not_into_the_dataset(
    store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_lease(store, owner="one that forgets", ttl_s=60.0):
        assert report.main([store.uri]) == HELD
        assert "another driver, one that forgets, is at work" in capsys.readouterr().err
        assert report.main([store.uri, "--write", str(tmp_path / "night.html")]) == DONE
    with pytest.raises(ObjectMissing):
        told(store)
    assert "Summary" in (tmp_path / "night.html").read_text()
    assert report.main([store.uri]) == DONE
    assert "Summary" in told(store)


def test_other_rules_make_another_report_that_says_so(store: ObjectStore, arguments: list[str], tmp_path: Path) -> None:
    publish_here(store, config())
    rules = tmp_path / "strict.yaml"
    rules.write_text("pages: {garbled_above: 0.5}\n")
    assert rejudge.main([*arguments, "--rules", str(rules)]) == 0
    assert "Version main.1" in told(store)
    assert "by other rules than they were read under" in told(store)


def test_the_command_makes_it_again_or_writes_it_to_a_file(store: ObjectStore, tmp_path: Path) -> None:
    publish_here(store, config())
    with pytest.raises(ObjectMissing):
        store.get(KEY)
    assert report.main([store.uri]) == 0
    first = told(store)
    assert report.main([store.uri, "--build", "main", "--write", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == first


def test_prices_in_the_config_make_a_cost(store: ObjectStore, arguments: list[str], tmp_path: Path) -> None:
    publish_here(store, config())
    priced = tmp_path / "priced.yaml"
    priced.write_text(
        f"input: {{uri: /corpus}}\noutput: {{uri: {store.uri}}}\nprices: {{currency: EUR, gpu_hour: 1, cpu_hour: 100}}\n"
    )
    assert report.main([str(priced)]) == 0
    assert "EUR" in told(store)


def test_a_folder_without_builds_is_told_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main([str(tmp_path)]) == 2
    assert "no build was ever begun" in capsys.readouterr().err


@pytest.mark.s3
def test_a_browser_opens_it_from_a_bucket(s3_endpoint: str, s3_bucket: str) -> None:
    store = open_store(StoreConfig(uri=f"s3://{s3_bucket}/set", endpoint_url=s3_endpoint))
    finished_build(store)
    publish_here(store, config())
    put_report(store, "main", build_report(store, "main"))
    answer = boto3.client("s3", endpoint_url=s3_endpoint).head_object(Bucket=s3_bucket, Key=f"set/{KEY}")
    assert answer["ContentType"] == "text/html; charset=utf-8"
