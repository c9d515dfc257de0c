"""Every hostile file of the shared corpus through a real build, good documents between them in the same shards."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow.dataset
import pytest

from pipeline.cluster import seats
from pipeline.publishing.verify import verify
from tests.builds.factory import publish
from tests.conftest import draw_pdf, prose_of
from tests.test_isolation import built, config_for, worker_that_marks

REFUSALS = {"encrypted", "damaged", "empty", "not_a_document", "no_pages", "too_large", "deadline"}


pytestmark = [pytest.mark.ray, pytest.mark.corpus]


@pytest.mark.slow
def test_every_hostile_file_is_accounted_for_and_its_neighbours_are_read(
    ray_cluster: None, corpus_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_build(sorted((corpus_dir / "hostile").iterdir()), corpus_dir, tmp_path, monkeypatch)


def test_hostile_files_are_accounted_for_and_their_neighbours_are_read(
    ray_cluster: None, corpus_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample: every thirtieth file."""
    check_build(sorted((corpus_dir / "hostile").iterdir())[::30], corpus_dir, tmp_path, monkeypatch)


def check_build(files: Sequence[Path], corpus_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds the files with a good document before every eighth, and looks at what became of each."""
    corpus, opened = tmp_path / "corpus", tmp_path / "opened"
    corpus.mkdir()
    opened.mkdir()
    for number, file in enumerate(files):
        shutil.copy(file, corpus)
        if number % 8 == 0:
            draw_pdf(corpus / f"{file.name}~good.pdf", [prose_of(number, 0), prose_of(number, 1)])
    monkeypatch.setattr(seats, "Worker", worker_that_marks(opened))
    config = config_for(
        corpus,
        tmp_path / "out",
        engine={"name": "scripted", "workers": 1},
        render={"dpi": 30, "page_deadline_s": 20, "document_deadline_s": 60},
        plan={"shard_documents": 60},
    )
    store, receipts, num_lost = built(config)
    assert num_lost == 0
    assert len(list(opened.iterdir())) == 1
    publish(store, config)
    assert verify(store, "main").findings == ()
    rows = pyarrow.dataset.dataset(tmp_path / "out" / "pages", format="parquet").to_table(["uri", "page", "status", "error"])
    pages = rows.to_pylist()
    read = {Path(row["uri"]).name for row in pages}
    refused = {Path(each.document.uri).name: each.reason for receipt in receipts for each in receipt.quarantined}
    assert read | refused.keys() == {path.name for path in corpus.iterdir()}
    assert not read & refused.keys()
    good = [row["status"] for row in pages if row["uri"].endswith("~good.pdf")]
    assert good == ["ok", "ok"] * len(list(corpus.glob("*~good.pdf")))
    assert set(refused.values()) <= REFUSALS
    assert all(each.error for receipt in receipts for each in receipt.quarantined)
    assert all(row["error"] for row in pages if row["status"] == "failed")
    assert wrong_reasons(corpus_dir, refused, read) == {}


def wrong_reasons(corpus_dir: Path, refused: dict[str, str], opened: set[str]) -> dict[str, str]:
    """Against the corpus's own notes: a password asked for is `encrypted`, an empty file `empty`, what needs none opens."""
    wrong = {}
    with (corpus_dir / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            folder, _, name = row["path"].partition("/")
            if folder != "hostile" or name not in refused.keys() | opened:
                continue
            found = refused.get(name, "opened")
            expected = {"encrypted_password": "encrypted", "encrypted_opens": "opened", "empty": "empty"}.get(row["kind"])
            if expected and found != expected:
                wrong[name] = f"{found}, where {row['note']} should be {expected}"
    return wrong
