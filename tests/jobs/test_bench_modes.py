"""The bench of modes on a small drawn corpus: every page is counted, and what cannot be believed is no measure."""

import csv
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from jobs import bench_modes
from jobs.bench_pages import read_manifest
from pipeline.engines.vlm.policy import layer_tokens

LINE = "The postman carried two letters and a parcel over the bridge."
FIELDS = ("path", "sha256", "pages", "language", "kind", "password", "ground_truth", "ground_truth_kind")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A book of four pages, a PDF whose layer lies, a hidden layer, and a file of a folder that is no sample."""
    folder = tmp_path / "corpus"
    rows = {"born_digital/book.pdf": ("paper", 4, 0), "born_digital/lies.pdf": ("text layer is garbage", 1, 0)}
    rows |= {"scanned/hidden.pdf": ("scan", 1, 3), "hostile/bad.pdf": ("crafted", 1, 0)}
    with_sha = []
    for number, (path, (kind, num_pages, render_mode)) in enumerate(rows.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with pymupdf.open() as document:
            for _ in range(num_pages):
                page = document.new_page()
                for k in range(30):
                    page.insert_text((60, 60 + 14 * k), LINE, fontsize=11, render_mode=render_mode)
            document.save(folder / path)
        sha256 = f"{number:064x}"
        with_sha.append({"path": path, "sha256": sha256, "pages": str(num_pages), "language": "en", "kind": kind})
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, FIELDS, restval="")
        writer.writeheader()
        writer.writerows(with_sha)
    return folder


def test_the_section_counts_every_page_of_the_sample_and_its_gain(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "modes.md"
    assert bench_modes.main([str(corpus), "--pages-per-document", "3", "--out", str(out)]) == 0
    rows = {
        cells[1]: cells[2:] for line in out.read_text().split("\n") if len(cells := [c.strip() for c in line.split("|")]) > 3
    }
    assert rows["born_digital"][0] == "4"
    assert rows["scanned"][0] == "1"
    assert rows["all"][0] != "0"
    assert "hostile" not in rows
    small_tokens, gundam_tokens = (int(cell) for cell in rows["born_digital"][-4:-2])
    assert (small_tokens, gundam_tokens) == (111, 903)


def test_only_layers_that_may_be_believed_and_transcripts_are_the_measure_of_a_guess(corpus: Path) -> None:
    (corpus / "truth.txt").write_text(" ".join([LINE] * 90))
    documents = read_manifest(corpus)
    transcribed = replace(documents[2], truth_path=corpus / "truth.txt")
    model, policy = bench_modes.MODELS["deepseek-ocr"]
    (book,), (lies,), (hidden,), (bad,), (scan,) = (
        [bench_modes.sample_of(document, image, model, policy) for image in bench_modes.drawn_pages(document, 1)]
        for document in (*documents, transcribed)
    )
    assert lies.true_tokens is hidden.true_tokens is bad.true_tokens is None
    assert book.true_tokens == book.choice.expected_tokens == layer_tokens("\n".join([LINE] * 30))
    assert scan.true_tokens == pytest.approx(3 * book.true_tokens, abs=5)
    assert scan.true_mode == "base"
    assert scan.group == bench_modes.TRANSCRIBED


def test_drawing_pages_again_draws_the_same(corpus: Path) -> None:
    book = read_manifest(corpus)[0]
    twice = [[image.page_id.page_index for image in bench_modes.drawn_pages(book, 2)] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(set(twice[0])) == 2


def test_a_folder_without_pages_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.csv").write_text(",".join(FIELDS))
    assert bench_modes.main([str(tmp_path)]) == 2
    assert "give the reference corpus" in capsys.readouterr().err
