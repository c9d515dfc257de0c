"""Every hostile file of the shared corpus through a real build, good documents between them in the same shards."""

import csv
import shutil
from pathlib import Path

import pyarrow.dataset
import pytest

from pipeline.builds.publish import publish
from pipeline.builds.verify import verify
from tests.conftest import draw_pdf, prose_of
from tests.test_isolation import built, config_for

REFUSALS = {"encrypted", "damaged", "empty", "not_a_document", "no_pages", "too_large", "deadline", "same_bytes"}


@pytest.mark.ray
@pytest.mark.corpus
@pytest.mark.slow
def test_every_hostile_file_is_accounted_for_and_its_neighbours_are_read(
    ray_cluster: None, corpus_dir: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(corpus_dir / "hostile", corpus)
    hostile = sorted(path.name for path in corpus.iterdir())
    for number, name in enumerate(hostile[::50]):
        draw_pdf(corpus / f"{name}~good.pdf", [prose_of(number, 0), prose_of(number, 1)])
    config = config_for(
        corpus,
        tmp_path / "out",
        engine={"name": "scripted", "workers": 2},
        render={"dpi": 30, "page_deadline_s": 30, "document_deadline_s": 60},
        plan={"shard_documents": 60},
    )
    store, receipts, num_lost = built(config)
    assert num_lost == 0
    assert len({receipt.worker for receipt in receipts}) <= 2
    publish(store, config)
    report = verify(store, "main")
    assert report.findings == ()
    table = pyarrow.dataset.dataset(tmp_path / "out" / "pages", format="parquet")
    rows = table.to_table(["uri", "status", "error"]).to_pylist()
    opened = {Path(row["uri"]).name for row in rows}
    refused = {Path(each.document.uri).name: each.reason for receipt in receipts for each in receipt.quarantined}
    aliases = report.num_documents_planned - len(opened) - len(refused)
    assert aliases == 0
    good = [row["status"] for row in rows if row["uri"].endswith("~good.pdf")]
    assert good == ["ok", "ok"] * len(hostile[::50])
    assert set(refused.values()) <= REFUSALS
    assert wrong_reasons(corpus_dir, refused, opened) == {}
    assert all(row["error"] for row in rows if row["status"] == "failed")


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
