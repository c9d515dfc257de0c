"""The commands as a person meets them: one clear line for what is wrong, and exit codes that mean something."""

from pathlib import Path

import pytest

from jobs import build, plan, status, verify
from jobs.progress import duration

REHEARSAL = "engine: {name: scripted}\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(REHEARSAL)
    return str(path)


def complaint_of(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pagemill: ")]
    assert len(lines) == 1
    assert "Traceback" not in lines[0]
    return lines[0]


def test_a_wrong_key_is_named_with_its_path_and_the_nearest_known_one(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [config, "--input", "x", "--output", "y", "--set", "render.dpj=1"]
    assert build.main(argv) == 2
    assert "'render.dpj'; did you mean 'dpi'?" in complaint_of(capsys)


def test_a_config_that_is_not_there_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["no-such.yaml"]) == 2
    assert "cannot read the config no-such.yaml" in complaint_of(capsys)


def test_a_config_without_an_address_says_which_key_is_missing(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main([config, "--input", "x"]) == 2
    assert "'output'" in complaint_of(capsys)


def test_an_empty_corpus_is_said_so(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert build.main([config, "--input", str(tmp_path / "empty"), "--output", str(tmp_path / "out")]) == 2
    assert "no documents in" in complaint_of(capsys)


@pytest.mark.s3
def test_a_missing_bucket_is_said_so(config: str, tmp_path: Path, s3_endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [config, "--input", "s3://no-such-bucket/x", "--set", f"input.endpoint_url={s3_endpoint}"]
    assert build.main([*argv, "--output", str(tmp_path / "out")]) == 2
    assert "the bucket does not exist" in complaint_of(capsys)


def test_a_build_that_was_never_planned_has_no_status(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [config, "--input", "x", "--output", str(tmp_path / "nothing")]
    for command in (status, verify):
        assert command.main(argv) == 2
        assert "there is no build 'main'" in complaint_of(capsys)


def test_a_plan_counts_the_corpus_and_writes_nothing(
    config: str, small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert plan.main([config, "--input", str(small_corpus), "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert "6 to read" in said
    assert "1 to do of 1" in said
    assert not output.exists()


def test_durations_are_short_to_read() -> None:
    assert [duration(seconds) for seconds in (4, 65, 3725)] == ["4s", "1m05s", "1h02m"]
