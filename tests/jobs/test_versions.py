"""`pagemill publish`, `rejudge`, `log`, `status` and `verify` over a finished build in a folder."""

import json
from pathlib import Path

import pytest

from jobs import log, publish, rejudge, status, verify
from pipeline.builds.close import close_build
from pipeline.config import StoreConfig
from pipeline.publishing.versions import read_version
from pipeline.store import open_store
from tests.builds.factory import finished_build


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Of any command: a config, and a dataset with a build that is read and not published."""
    config = tmp_path / "config.yaml"
    config.write_text("input: {uri: /corpus}\noutput: {uri: nowhere}\nplan: {shard_documents: 4}\n")
    finished_build(open_store(StoreConfig(uri=str(tmp_path / "out"))))
    return [str(config), "--output", str(tmp_path / "out")]


def run(command: object, *arguments: str) -> int:
    return command.main(list(arguments))  # type: ignore[attr-defined, no-any-return]


def test_a_rejudge_says_what_it_changed_and_reads_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(publish, *arguments) == 0
    rules = tmp_path / "strict.yaml"
    rules.write_text("documents: {min_words: 100}\n")
    capsys.readouterr()
    assert run(rejudge, *arguments, "--build", "main", "--rules", str(rules), "--version", "strict") == 0
    told = capsys.readouterr().out
    kept = read_version(open_store(StoreConfig(uri=str(tmp_path / "out"))), "strict").num_documents_kept
    assert "version    strict\n  builds     main\n" in told
    assert "rules: documents.min_words: 50 -> 100" in told
    assert f"documents published: 8 -> {kept}" in told
    assert f"documents too_short: 0 -> {8 - kept}" in told


def test_rules_may_stand_in_a_whole_config_and_wrong_ones_are_named(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "whole.yaml"
    rules.write_text("input: {uri: a}\noutput: {uri: b}\nrules: {documents: {min_words: 100}}\n")
    assert run(rejudge, *arguments, "--rules", str(rules)) == 0
    rules.write_text("documents: {min_wrods: 100}\n")
    capsys.readouterr()
    assert run(rejudge, *arguments, "--rules", str(rules)) == 2
    assert "unknown config key 'rules.documents.min_wrods'; did you mean 'min_words'?" in capsys.readouterr().err


def test_the_log_lists_versions_newest_first_and_says_which_readers_get(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(publish, *arguments) == 0
    assert run(publish, *arguments, "--set", "rules.documents.min_words=100") == 0
    capsys.readouterr()
    assert run(log, *arguments, "--json") == 0
    newest, oldest = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (newest["version"], newest["parent"], newest["latest"]) == ("main.1", "main", True)
    assert (oldest["version"], oldest["parent"], oldest["latest"], oldest["documents"]) == ("main", None, False, 8)
    assert "rules: documents.min_words: 50 -> 100" in newest["changes"]
    assert run(log, *arguments) == 0
    assert capsys.readouterr().out.startswith("main.1 (latest), made on main, by pagemill ")


def test_the_status_tells_a_build_that_is_read_from_one_that_is_published(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(status, *arguments) == 1
    assert "state        not finished" in capsys.readouterr().out
    store = open_store(StoreConfig(uri=str(tmp_path / "out")))
    close_build(store, finished_build(store))
    assert run(status, *arguments) == 1
    assert "state        read, not published" in capsys.readouterr().out
    run(publish, *arguments)
    assert run(status, *arguments) == 0


def test_verify_tells_every_build_and_the_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(publish, *arguments)
    capsys.readouterr()
    assert run(verify, *arguments) == 0
    build, version = capsys.readouterr().out.splitlines()
    assert build.startswith("build main: 9 documents planned = 8 opened + 1 in quarantine + 0 known; ")
    assert version == "version main: 8 documents; build main published; 0 findings"
