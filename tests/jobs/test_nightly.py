"""Nights of a real dataset, read in this process: what is new is read, what is gone is gone, and nothing is done twice."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pyarrow.dataset
import pytest

from jobs import build, golden, nightly, pagemill, publish, status
from jobs import stop as stop_command
from jobs.command_line import DONE, GATE_BROKEN, HELD, INCOMPLETE, WRONG_USE
from pipeline.builds import stop
from pipeline.builds.begin import begin_build, read_plan
from pipeline.builds.lease import hold_lease
from pipeline.config import StoreConfig, load_config
from pipeline.interfaces import ObjectStore
from pipeline.parallel import one_by_one
from pipeline.publishing.golden import find_scores
from pipeline.publishing.versions import latest_version
from pipeline.receipts import ShardReceipt
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store
from tests.conftest import draw_pdf, prose_of
from tests.jobs.in_process import run_shards_here

CONFIG = """
input: {{uri: {corpus}}}
output: {{uri: {output}}}
engine: {{name: scripted, workers: 1}}
render: {{dpi: 40}}
gates: {{min_documents: 4, min_pages: 10, removed_fraction_above: 0.4}}
dedup: {{near_threshold: null, contained_fraction: null}}
"""


@pytest.fixture
def config(tmp_path: Path, small_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config over the small corpus, and no cluster."""
    monkeypatch.setattr(build, "cluster", lambda **settings: nullcontext())
    monkeypatch.setattr(build, "over_tasks", one_by_one)
    monkeypatch.setattr(build, "run_shards", run_shards_here)
    monkeypatch.setattr(golden, "run_shards", run_shards_here)
    path = tmp_path / "nightly.yaml"
    path.write_text(CONFIG.format(corpus=small_corpus, output=tmp_path / "out"))
    return path


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(StoreConfig(uri=str(tmp_path / "out")))


def night(config: Path, date: str, *more: str) -> int:
    return nightly.main([str(config), "--date", date, *more])


def published(store: ObjectStore) -> list[str]:
    version = latest_version(store)
    assert version is not None
    table = pyarrow.dataset.dataset([f"{store.uri}/{part.key}" for part in version.parts]).to_table(["file_path"])
    return sorted(Path(name).name for name in table.column(0).to_pylist())


def test_nights_read_what_is_new_and_say_what_they_found(
    config: Path, store: ObjectStore, small_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert night(config, "2026-11-20") == DONE
    assert "6 new, 0 changed, 0 tried again" in capsys.readouterr().out
    before = sorted(Path(store.uri).rglob("*"))

    assert night(config, "2026-11-20") == DONE
    assert capsys.readouterr().err.strip() == "night 2026-11-20 is done; nothing to do"
    assert [path for path in sorted(Path(store.uri).rglob("*")) if path not in before] == []

    (small_corpus / "of_1_pages.pdf").rename(small_corpus / "moved.pdf")
    (small_corpus / "of_2_pages.pdf").unlink()
    draw_pdf(small_corpus / "of_3_pages.pdf", [prose_of(33, 0)])
    draw_pdf(small_corpus / "brand new.pdf", [prose_of(77, 0)])
    (small_corpus / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    assert night(config, "2026-11-21") == DONE
    told = capsys.readouterr().out
    assert "3 new, 1 changed, 0 tried again" in told
    assert "2 removed, 0 returned, 0 renamed" in told
    assert "2 documents opened, 1 known by their bytes" in told
    assert "1 tonight (1 damaged)" in told
    assert published(store) == [
        "brand new.pdf",
        "moved.pdf",
        "of_3_pages.pdf",
        "of_4_pages.pdf",
        "of_5_pages.pdf",
        "of_6_pages.pdf",
    ]
    pages = pyarrow.dataset.dataset(f"{store.uri}/pages/build=2026-11-21", format="parquet").to_table(["uri"])
    assert sorted(Path(uri).name for uri in pages.column(0).to_pylist()) == ["brand new.pdf", "of_3_pages.pdf"]

    assert night(config, "2026-11-22") == DONE
    assert "nothing to read and no name has gone" in capsys.readouterr().out
    assert not read_plan(store, "2026-11-22").has_work
    assert night(config, "2026-11-22") == DONE
    assert "is done" in capsys.readouterr().err
    version = latest_version(store)
    assert version is not None
    assert version.version_id == "2026-11-21"

    assert night(config, "2026-11-19") == WRONG_USE
    assert "night 2026-11-19 was never begun" in capsys.readouterr().err


def test_a_night_that_failed_is_finished_before_the_next_one_is_begun(
    config: Path, store: ObjectStore, small_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = load_config(config, ["build_id=2026-11-20"])
    begin_build(store, failed, lambda: list_documents(open_source(failed.input)), code_version="0")
    draw_pdf(small_corpus / "of_7_pages.pdf", [prose_of(7, 0)])
    assert night(config, "2026-11-22") == DONE
    told = capsys.readouterr().out
    assert told.index("2026-11-20: 6 documents listed") < told.index("2026-11-22: 7 documents listed")
    version = latest_version(store)
    assert version is not None
    assert (version.version_id, version.inputs.builds) == ("2026-11-22", ("2026-11-20", "2026-11-22"))
    assert version.parent_id == "2026-11-20"


def test_of_two_at_once_the_second_says_so_and_leaves(
    config: Path, store: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_lease(store, owner="the first", ttl_s=60.0):
        assert night(config, "2026-11-20") == HELD
    assert "another driver, the first, is at work" in capsys.readouterr().err
    assert latest_version(store) is None


def test_a_night_that_loses_most_of_the_corpus_stays_unpublished_until_it_is_accepted(
    config: Path, store: ObjectStore, small_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert night(config, "2026-11-20") == DONE
    for name in ("of_1_pages.pdf", "of_2_pages.pdf", "of_3_pages.pdf"):
        shutil.move(small_corpus / name, small_corpus.parent / name)
    capsys.readouterr()
    assert night(config, "2026-11-21") == GATE_BROKEN
    told = capsys.readouterr().err
    assert "names removed 50.0% in 2026-11-21, at most 40.0% is allowed" in told
    assert "pagemill publish --accept removed" in told
    assert len(published(store)) == 6

    draw_pdf(small_corpus / "of_7_pages.pdf", [prose_of(7, 0)])
    assert night(config, "2026-11-22") == GATE_BROKEN
    assert len(published(store)) == 6

    assert publish.main([str(config), "--build-id", "2026-11-22", "--accept", "removed"]) == DONE
    assert published(store) == ["of_4_pages.pdf", "of_5_pages.pdf", "of_6_pages.pdf", "of_7_pages.pdf"]
    version = latest_version(store)
    assert version is not None
    assert [gate.name for gate in version.gates if gate.is_accepted] == ["removed"]
    assert night(config, "2026-11-22") == DONE
    assert "is done" in capsys.readouterr().err


def test_every_build_reads_the_golden_set_and_one_that_reads_it_badly_stays_unpublished(
    config: Path, store: ObjectStore, small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truths = tmp_path / "golden"
    truths.mkdir()
    draw_pdf(truths / "letter.pdf", [prose_of(5, 0), prose_of(5, 1)])
    (truths / "letter.txt").write_text(f"{prose_of(5, 0)}\n{prose_of(5, 1)}")
    (truths / "same bytes.pdf").write_bytes((truths / "letter.pdf").read_bytes())
    shutil.copy(truths / "letter.txt", truths / "same bytes.txt")
    more = ("--set", f"golden.uri={truths}")
    assert night(config, "2026-11-20", *more) == DONE
    scores = find_scores(store, "2026-11-20")
    assert scores is not None
    assert [Path(uri).name for uri in scores.documents] == ["letter.pdf", "same bytes.pdf"]
    assert scores.error_fraction < 0.01
    assert "golden set" in capsys.readouterr().out
    assert len(published(store)) == 6

    (truths / "letter.txt").write_text("something else entirely, which no engine reads here")
    draw_pdf(small_corpus / "of_7_pages.pdf", [prose_of(7, 0)])
    assert night(config, "2026-11-21", *more) == GATE_BROKEN
    assert "golden: character errors in the golden set" in capsys.readouterr().err
    assert len(published(store)) == 6

    (truths / "untrue.pdf").write_bytes((truths / "letter.pdf").read_bytes())
    draw_pdf(small_corpus / "of_8_pages.pdf", [prose_of(8, 0)])
    assert night(config, "2026-11-22", *more) == WRONG_USE
    assert "untrue.pdf has no true text beside it" in capsys.readouterr().err


def test_what_is_in_quarantine_is_tried_again_by_a_build_of_its_own(
    config: Path, store: ObjectStore, small_corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [str(config), "--build-id", "main"]
    more = ("--set", "gates.failed_fraction_above=null")
    assert build.main([*argv, *more, "--set", "render.max_document_pages=4"]) == DONE
    assert len(published(store)) == 4
    assert build.main([*argv, "--retry-quarantined"]) == DONE
    assert "nothing to try again" in capsys.readouterr().err
    status.main(argv)
    assert "2 documents in quarantine (too_large 2), 0 read on a later attempt" in capsys.readouterr().out
    assert build.main([*argv, *more, "--retry-quarantined", "--reasons", "too_large"]) == DONE
    assert "build main-retry-1: tries 2 documents" in capsys.readouterr().err
    assert len(published(store)) == 6
    status.main(argv)
    assert "0 documents in quarantine, 2 read on a later attempt" in capsys.readouterr().out
    assert build.main([*argv, "--reasons", "too_large"]) == WRONG_USE


def test_the_command_is_listed() -> None:
    assert "nightly" in pagemill.usage()


def test_a_night_that_is_asked_to_stop_publishes_nothing_and_the_same_command_goes_on(
    config: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked_after_three(*arguments: object, is_draining: Callable[[], bool], **named: object) -> Iterator[ShardReceipt]:
        for index, receipt in enumerate(run_shards_here(*arguments, is_draining=is_draining, **named), start=1):  # type: ignore[arg-type]
            if index == 3:
                assert stop_command.main([str(config), "--build-id", "2026-11-20"]) == DONE
            yield receipt

    monkeypatch.setattr(stop, "POLL_S", 0.0)
    one_each = ("--set", "plan.shard_documents=1")
    with monkeypatch.context() as asking:
        asking.setattr(build, "run_shards", asked_after_three)
        assert night(config, "2026-11-20", *one_each) == INCOMPLETE
    assert "the same command goes on from there" in capsys.readouterr().err
    assert latest_version(store) is None
    assert len(list(store.list("pages/"))) == 3

    assert night(config, "2026-11-20", *one_each) == DONE
    assert "6 documents in 6 shards, 3 to do" in capsys.readouterr().err
    assert len(published(store)) == 6
