"""With --log json every line on stderr is one JSON object that says what it is about; without it nothing has changed."""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.command_line import parser_for, run_command
from jobs.event_log import log_event
from jobs.logs import EVENTS, JSON, SAYS, TEXT, JsonLine, logging_as, say, tell
from pipeline.builds.journal import read_journal
from pipeline.builds.worker_spans import worker_spans
from pipeline.config import StoreConfig
from pipeline.errors import BuildIncomplete, StoreError
from pipeline.events import ShardGiven
from pipeline.log_ids import about, ids_of_this_work, now_about
from pipeline.parallel import map_in_order
from pipeline.store import open_store
from tests.conftest import ROOT

GIVEN = ShardGiven(shard_id="5eed", worker="host/2", num_documents=3, size_bytes=300, attempt=1)


def stderr_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_words_for_people_stay_what_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(TEXT, debug=False):
        say("3 documents in 1 shards, 1 to do")
        log_event(GIVEN)
    assert capsys.readouterr().err == "3 documents in 1 shards, 1 to do\n"


def test_each_line_has_its_time_level_logger_message_and_the_ids_of_its_work(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(JSON, debug=False), about(build_id="main"):
        say("a word")
        with about(shard_id="5eed"):
            tell(SAYS, "another", {"num_pages": 7})
    first, second = stderr_lines(capsys)
    assert {"at", "level", "logger", "message", "process", "build_id"} <= first.keys()
    assert (first["message"], first["build_id"], "shard_id" in first) == ("a word", "main", False)
    assert (second["build_id"], second["shard_id"], second["num_pages"]) == ("main", "5eed", 7)


def test_an_event_is_a_line_with_all_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(JSON, debug=False), about(build_id="main"):
        log_event(GIVEN)
    (line,) = stderr_lines(capsys)
    assert line["event"] == "shard_given"
    assert (line["build_id"], line["shard_id"], line["worker"], line["attempt"]) == ("main", "5eed", "host/2", 1)


def test_warnings_of_libraries_come_in_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(JSON, debug=False), about(build_id="main"):
        logging.getLogger("botocore.retries").warning("retry %d", 3)
        logging.getLogger("botocore.retries").info("not worth a line")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old call", DeprecationWarning, stacklevel=1)
    retry, warned = stderr_lines(capsys)
    assert (retry["logger"], retry["message"], retry["level"], retry["build_id"]) == (
        *("botocore.retries", "retry 3", "WARNING", "main"),
    )
    assert (warned["logger"], warned["build_id"]) == ("py.warnings", "main")


def test_no_secret_is_in_a_message_a_figure_or_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    address = "https://user:hunter2@host/a?X-Amz-Signature=abcdef99"
    with logging_as(JSON, debug=False):
        tell(SAYS, f"reads {address}", {"uri": address})
        try:
            raise StoreError(address)
        except StoreError:
            SAYS.exception("failed")
    err = capsys.readouterr().err
    assert "hunter2" not in err
    assert "abcdef99" not in err
    assert "StoreError" in json.loads(err.splitlines()[1])["traceback"]


def test_what_ends_a_command_is_a_line_with_the_error_and_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(arguments: argparse.Namespace) -> int:
        now_about(build_id="main")
        raise BuildIncomplete("the store does not answer")

    parser = parser_for("build", "x", "y")
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("--log")
    assert run_command(parser, fail, ["--log", "json"]) == 1
    (line,) = stderr_lines(capsys)
    assert (line["event"], line["error"], line["exit_code"], line["level"]) == ("failed", "BuildIncomplete", 1, "ERROR")
    assert line["build_id"] == "main"
    assert run_command(parser, fail, []) == 1
    assert capsys.readouterr().err == "pagemill: the store does not answer\n"


def test_threads_know_what_their_work_is_about() -> None:
    with about(build_id="main"):
        told = list(map_in_order(lambda _: dict(ids_of_this_work()), range(20), num_threads=4))
    assert told == [{"build_id": "main"}] * 20
    assert ids_of_this_work() == {}


def test_after_a_command_libraries_and_words_are_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.root.handlers
    with logging_as(JSON, debug=False):
        pass
    say("plain")
    assert capsys.readouterr().err == "plain\n"
    assert logging.root.handlers is before
    assert not EVENTS.isEnabledFor(logging.INFO)


def test_a_line_with_line_ends_in_it_stays_one_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "two\nlines", None, None)
    assert "\n" not in JsonLine({}).format(record)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Short, for the sockets of Ray."""
    folder = Path(f"/tmp/pml{os.getpid()}")
    folder.mkdir()
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.ray
def test_a_build_that_loses_a_worker_is_json_from_first_to_last_and_its_journal_has_the_loss(
    small_corpus: Path, tmp_path: Path, home: Path
) -> None:
    output, config = tmp_path / "out", tmp_path / "config.yaml"
    config.write_text("engine: {name: scripted, seconds_per_page: 0.2, workers: 2}\nplan: {shard_documents: 1}\n")
    stderr = tmp_path / "stderr"
    with stderr.open("w") as sink:
        build = subprocess.Popen(
            [
                *(sys.executable, "-m", "jobs.pagemill", "build", str(config)),
                *("--input", str(small_corpus), "--output", str(output), "--log", "json"),
            ],
            cwd=ROOT,
            env={**os.environ, "HOME": str(home), "RAY_TMPDIR": str(home), "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.DEVNULL,
            stderr=sink,
        )
        victim = _worker_with_a_shard(stderr, build)
        os.kill(int(victim.rpartition("/")[2]), signal.SIGKILL)
        assert build.wait(timeout=200) == 0, stderr.read_text()
    lines = [json.loads(line) for line in stderr.read_text().splitlines()]
    assert [line for line in lines if line.get("build_id") != "main"] == []
    events = [line for line in lines if line["logger"] == "pagemill.events"]
    assert {"worker_opened", "shard_given", "worker_lost", "shard_returned", "shard_done"} <= {line["event"] for line in events}
    assert all(line["worker"] for line in events)
    assert all(line["shard_id"] for line in events if line["event"].startswith("shard_"))
    spans = worker_spans(read_journal(open_store(StoreConfig(uri=str(output))), "main"))
    assert {span.worker: span.ended for span in spans}[victim] == "lost"
    assert sorted(span.ended for span in spans) == ["left", "left", "lost"]
    told = [line for line in _worker_lines(home) if line.get("logger") == "pipeline.cluster.worker"]
    assert {line["build_id"] for line in told} == {"main"}
    assert {line["worker"] for line in told} == {span.worker for span in spans}
    assert {line["shard_id"] for line in told} == {line["shard_id"] for line in events if line["event"] == "shard_given"}


def _worker_with_a_shard(stderr: Path, build: "subprocess.Popen[bytes]") -> str:
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s and build.poll() is None:
        whole = stderr.read_text().rpartition("\n")[0].splitlines()
        given = [line for line in map(json.loads, whole) if line.get("event") == "shard_given"]
        if len(given) >= 3:
            return str(given[0]["worker"])
        time.sleep(0.05)
    raise AssertionError(f"no worker was given a shard: {stderr.read_text()}")


def _worker_lines(home: Path) -> list[dict[str, object]]:
    """What worker processes have written to stderr in our form; Ray adds lines of its own."""
    files = home.glob("ray/session_2*/logs/worker-*.err")
    return [json.loads(line) for path in files for line in path.read_text().splitlines() if line.startswith('{"')]
