"""The commands over a dataset in a folder: what they print, what they leave, and how they end."""

import json
from pathlib import Path

import pytest
import yaml

from jobs.pagemill import command
from pipeline.builds import layout
from pipeline.builds.audit import read_entries
from pipeline.builds.lease import hold_lease
from pipeline.store import FolderStore
from tests.builds.factory import CORPUS, finished_build, publish
from tests.builds.factory import config as config_of
from tests.tables.samples import opened

A = opened(CORPUS[0])


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Two versions of one build."""
    found = FolderStore(root=tmp_path / "out")
    finished_build(found)
    publish(found, config_of())
    publish(found, config_of(rules={"documents": {"min_words": 100}}))
    return found


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"input": {"uri": "/corpus"}, "output": {"uri": str(tmp_path / "out")}}), encoding="utf-8")
    return str(path)


def test_forget_says_first_what_it_would_do_and_then_does_it(
    store: FolderStore, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["forget", config, "--uri", A.document.uri, "--reason", "request 7"]
    assert command([*arguments, "--dry-run"]) == 0
    assert "would forget 1 documents and 0 that say the same" in capsys.readouterr().out
    assert not list(store.list(layout.AUDIT_PREFIX))
    assert command(arguments) == 0
    assert f"  {A.doc_id}\n" in capsys.readouterr().out
    (entry,) = read_entries(store, "forget")
    assert entry.reason == "request 7"
    assert "@" in entry.who
    assert command(["verify", config]) == 0
    capsys.readouterr()
    assert command(["log", config]) == 0
    assert "withdrawn" in capsys.readouterr().out


def test_forget_takes_a_list_and_refuses_a_wrong_line(
    store: FolderStore, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"# two\n{A.doc_id}\nnonsense\n", encoding="utf-8")
    assert command(["forget", config, "--takedown", str(listed)]) == 2
    assert "list.txt, line 3: 'nonsense'" in capsys.readouterr().err
    assert command(["forget", config]) == 2
    assert "nothing to forget" in capsys.readouterr().err


def test_forget_and_gc_leave_a_dataset_alone_that_a_driver_works_on(
    store: FolderStore, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_lease(store, owner="another", ttl_s=60.0):
        assert command(["forget", config, "--id", A.doc_id]) == 3
        assert command(["gc", config, "--keep", "1", "--settled-hours", "0", "--delete"]) == 3
    assert "another driver, another, is at work" in capsys.readouterr().err
    assert not list(store.list(layout.AUDIT_PREFIX))


def test_compare_tells_people_and_programs_one_thing(
    store: FolderStore, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["compare", config, "main", "main.1"]) == 0
    told = capsys.readouterr().out
    assert "  rules: documents.min_words: 50 -> 100" in told
    assert command(["compare", config, "main", "main.1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (transition,) = found["transitions"]
    assert f"  published -> too_short: {transition['num_documents']} documents" in told
    assert command(["compare", config, "main", "never"]) == 2
    assert "`pagemill log` lists them" in capsys.readouterr().err


def test_gc_deletes_only_when_it_is_told_to(store: FolderStore, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["gc", config, "--keep", "1", "--settled-hours", "0"]
    assert command(arguments) == 0
    told = capsys.readouterr().out
    assert "versions that would go: main\n" in told
    assert "nothing was deleted" in told
    assert list(store.list(layout.documents_prefix("main")))
    assert command([*arguments, "--delete"]) == 0
    assert "versions that went: main\n" in capsys.readouterr().out
    assert not list(store.list(layout.documents_prefix("main")))
    assert command(["verify", config]) == 0
    assert command(["gc", config, "--keep", "0"]) == 2
