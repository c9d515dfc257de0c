"""How a submission is named, and what is refused before any cluster is asked. With a cluster: `tests/cluster`."""

import http.server
import importlib.util
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs import stop, submit
from jobs.command_line import INCOMPLETE, WRONG_USE
from jobs.follow import exit_code_of_job
from jobs.submission import newest_attempt, submission_name, told
from pipeline.cluster.jobs import Job, Status
from pipeline.config import parse_config


def named(uri: str, part: str = "2026-11-27", **output: str) -> str:
    config = parse_config({"input": {"uri": "s3://corpus"}, "output": {"uri": uri, **output}})
    return submission_name(config, part)


def job(job_id: str, status: Status = "RUNNING", exit_code: int | None = None) -> Job:
    started_at = datetime(2026, 11, 27, 20, 14, tzinfo=UTC)
    return Job(job_id=job_id, status=status, message="lost", exit_code=exit_code, labels={}, started_at=started_at)


def test_one_night_of_two_datasets_is_two_submissions() -> None:
    names = {
        named("s3://lake/Books 2026"),
        named("s3://other/Books 2026"),
        named("s3://lake/Books 2026", endpoint_url="http://minio:9000"),
    }
    assert len(names) == 3
    assert all(name.startswith("books-2026-") and name.endswith(".2026-11-27") for name in names)
    assert named("s3://lake/Books 2026/") == named("s3://lake/Books 2026")


def test_the_newest_attempt_is_the_one_with_the_highest_number_under_the_very_name() -> None:
    name = named("s3://lake/books", "v1.2")
    others = [named("s3://lake/books", "v1") + ".99", "raysubmit_1", f"{name}.x", f"{name}.11.5"]
    jobs = [job(each) for each in (f"{name}.9", f"{name}.10", f"{name}.2", *others)]
    newest = newest_attempt(jobs, name)
    assert newest is not None
    assert newest.job_id == f"{name}.10"
    assert newest_attempt([job(each) for each in others], name) is None


def test_what_ray_says_of_a_job_is_told_in_a_few_words() -> None:
    assert told(job("a")) == "running since 2026-11-27 20:14 UTC"
    assert told(job("a", "FAILED", 4)) == "ended with exit code 4"
    assert told(job("a", "STOPPED")) == "stopped"


@pytest.mark.parametrize(
    ("status", "exit_code", "ours"),
    [("SUCCEEDED", 0, 0), ("FAILED", 2, 2), ("FAILED", 3, 3), ("FAILED", 4, 4), ("FAILED", 137, 1), ("FAILED", None, 1)],
)
def test_a_submission_ends_with_the_exit_code_of_its_job(status: Status, exit_code: int | None, ours: int) -> None:
    assert exit_code_of_job(job("a", status, exit_code)) == ours
    assert exit_code_of_job(job("a", "STOPPED")) == INCOMPLETE


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text("input: {uri: s3://corpus}\noutput: {uri: s3://books}\n")
    return str(path)


def test_a_cluster_must_be_named(config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    assert submit.main([config]) == WRONG_USE
    assert "give --address http://head:8265" in capsys.readouterr().err


def test_a_cluster_that_does_not_answer_is_told_at_once(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert submit.main([config, "--address", address]) == INCOMPLETE
    assert f"nothing answers at {address}" in capsys.readouterr().err


def test_a_server_that_is_no_ray_cluster_is_told_apart(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "")
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert submit.main([config, "--address", f"http://127.0.0.1:{server.server_port}"]) == INCOMPLETE
        server.shutdown()
    assert "is this the address of a Ray dashboard?" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["head:8265", "ray://head:10001", "http://"])
def test_an_address_of_no_dashboard_is_refused(
    config: str, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "")
    assert stop.main([config, "--address", address]) == WRONG_USE
    assert "give one as http://head:8265" in capsys.readouterr().err


def test_without_the_extra_the_command_names_it(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://head:8265")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert submit.main([config]) == WRONG_USE
    assert "pip install 'pagemill[cluster]'" in capsys.readouterr().err


def test_a_night_is_named_by_its_date_here_too(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit.main(["nightly", config, "--build-id", "mine", "--address", "http://head:8265"]) == WRONG_USE
    assert "give --date" in capsys.readouterr().err
