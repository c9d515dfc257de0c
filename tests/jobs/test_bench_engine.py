"""The measuring instrument: which pages, which truth, whose turn, and what is written down."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from jobs import bench_engine
from jobs.bench_kinds import group_of, with_text_truth
from jobs.bench_pages import (
    BenchPage,
    CorpusDocument,
    fits_language,
    is_running_text,
    list_hash,
    on_page,
    pick_pages,
    picture,
    read_manifest,
    scanned,
)
from jobs.bench_readers import Reading, _cells
from jobs.bench_report import PageSet, page_set_lines
from jobs.bench_rounds import Measurement, in_turn, measure, running_reader, running_readers, score
from jobs.bench_section import append_section
from pipeline.errors import ConfigError, EngineError
from pipeline.quality.scoring import Agreement, BoxedText
from pipeline.records import PageFacts, PageId, PageImage
from pipeline.rendering.layer_words import LayerPage

PROSE = "The mill stands by the river and grinds what the farmers bring to it in autumn. " * 8
FIELDS = ("path", "sha256", "pages", "language", "kind", "password", "ground_truth", "ground_truth_kind")


def draw_pdf(path: Path, pages: Sequence[str], *, render_mode: int = 0, picture_on: bool = False) -> None:
    with pymupdf.open() as document:
        for text in pages:
            page = document.new_page(width=400, height=300)
            page.insert_textbox((20, 20, 380, 280), text, fontsize=9, render_mode=render_mode)
            if picture_on:
                pixmap = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 8, 8))
                page.insert_image((0, 150, 400, 300), pixmap=pixmap)
        document.save(path)


def write_manifest(corpus: Path, rows: Sequence[dict[str, str]]) -> None:
    with (corpus / "manifest.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, FIELDS, restval="")
        writer.writeheader()
        writer.writerows({"sha256": row["path"].encode().hex(), "pages": "3", "language": "en", **row} for row in rows)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Five drawn documents: two honest ones and three whose layer is no truth."""
    folder = tmp_path / "corpus" / "born_digital"
    folder.mkdir(parents=True)
    draw_pdf(folder / "one.pdf", [PROSE + word for word in ("first", "second", "third")])
    draw_pdf(folder / "two.pdf", [PROSE + "alone", "too short"])
    draw_pdf(folder / "hidden.pdf", [PROSE], render_mode=3)
    draw_pdf(folder / "pictures.pdf", [PROSE], picture_on=True)
    draw_pdf(folder / "lies.pdf", [PROSE])
    kinds = {"lies": "text layer is garbage"}
    names = ("one", "two", "hidden", "pictures", "lies")
    write_manifest(folder.parent, [{"path": f"born_digital/{n}.pdf", "kind": kinds.get(n, "paper")} for n in names])
    return folder.parent


def pages_of(corpus: Path, num_pages: int = 10) -> list[BenchPage]:
    return pick_pages(read_manifest(corpus), {"en"}, num_pages)


def named(pages: Sequence[BenchPage]) -> list[str]:
    return sorted(f"{page.document.path.stem}/{page.page_index}" for page in pages)


def test_only_pages_whose_layer_is_the_truth_are_read_and_two_of_a_document(corpus: Path) -> None:
    pages = pages_of(corpus)
    assert [page.document.path.stem for page in pages].count("one") == 2
    assert [name for name in named(pages) if not name.startswith("one")] == ["two/0"]


def test_running_text_has_an_order_and_a_table_or_a_head_stored_last_has_none() -> None:
    def row(y: float, texts: str, gap: float) -> list[BoxedText]:
        return [BoxedText(text, (i * (40 + gap), y, i * (40 + gap) + 40, y + 10)) for i, text in enumerate(texts.split())]

    head, body = row(0, "a running head here", 4), row(30, "some words of text", 4) + row(50, "that go on below", 4)
    assert is_running_text(head + body)
    assert not is_running_text(body + head)
    assert not is_running_text(row(0, "name from until sum", 60) + row(20, "Ann 1 2 3", 60))
    assert not is_running_text(row(0, "10:05 11:05 12:05 13:05", 4) + row(20, "10:25 11:25 12:25 13:25", 4))


def test_a_page_about_other_scripts_is_no_page_in_latin_script() -> None:
    words = tuple((word, (0.0, 0.0, 1.0, 1.0)) for word in ["Greece", "Ελλάς", "Γιώργος", "India"])
    page = LayerPage(page_index=0, width_pt=9, height_pt=9, words=words, image_fraction=0.0, hidden_fraction=0.0)
    assert not fits_language(page, "en")
    assert fits_language(page, "el")


def test_the_page_list_is_the_same_every_time_and_its_hash_knows(corpus: Path) -> None:
    pages = pages_of(corpus)
    assert list_hash(pages_of(corpus)) == list_hash(pages)
    assert list_hash(pages[:-1]) != list_hash(pages)


def test_first_pages_of_all_documents_come_before_second_ones(corpus: Path) -> None:
    assert {page.document.path.stem for page in pages_of(corpus, 2)} == {"one", "two"}


def test_a_corpus_without_a_manifest_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_engine.main([str(tmp_path), "--engines", "scripted"]) == 2
    assert "manifest.csv" in capsys.readouterr().err


def test_an_unknown_engine_is_refused_with_the_known_ones(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_engine.main([str(corpus), "--engines", "rapidorc"]) == 2
    assert "rapidocr" in capsys.readouterr().err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        bench_engine.main(["--help"])
    assert "python -m jobs.bench_engine ../" in capsys.readouterr().out


def blank_image(width: int, height: int) -> PageImage:
    facts = PageFacts(
        width_pt=width, height_pt=height, rotation_degrees=0, dpi=72, width_px=width, height_px=height, ink_fraction=0.1
    )
    return PageImage(page_id=PageId("d", 0), facts=facts, pixels_HWC=np.full((height, width, 1), 255, np.uint8))


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_a_line_found_on_a_scan_is_put_back_where_it_is_on_the_page(seed: int) -> None:
    image = blank_image(800, 600)
    image.pixels_HWC[100:120, 60:360] = 0
    scan = scanned(image, seed=seed)
    rows, columns = np.nonzero(scan.image.pixels_HWC[:, :, 0] < 120)
    found = BoxedText("line", (float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0))
    assert abs(scan.skew_degrees) > 0.1
    assert on_page(found, scan.skew_degrees, 800, 600).box_pt == pytest.approx((60, 100, 360, 120), abs=2.5)


def test_the_scan_of_a_page_is_the_same_every_time(corpus: Path) -> None:
    page = pages_of(corpus)[0]
    scans = [picture(page, dpi=72, channels="grey", look="scan").image.pixels_HWC for _ in range(2)]
    printed = picture(page, dpi=72, channels="grey", look="born_digital").image
    assert np.array_equal(*scans)
    assert not np.array_equal(scans[0], printed.pixels_HWC)
    assert printed.facts.layer_text == ""


def test_the_true_words_lie_where_the_rendered_page_shows_them(corpus: Path) -> None:
    page = pages_of(corpus)[0]
    image = picture(page, dpi=144, channels="grey", look="born_digital").image
    dark = image.pixels_HWC[:, :, 0] < 128
    for word in page.words[:20]:
        x0, y0, x1, y1 = (round(side * 2) for side in word.box_pt)
        assert dark[y0:y1, x0:x1].mean() > 0.03
    reading = Reading(lines=tuple(page.words), text="")
    assert score(page, picture(page, dpi=144, channels="grey", look="born_digital"), reading).cer == 0.0


def test_competitors_read_the_same_pages_in_turns(corpus: Path) -> None:
    with running_readers(["scripted", "scripted"]) as readers:
        rows = list(measure(readers, pages_of(corpus), ("born_digital", "scan"), 2))
    assert [(row.round_index, row.look) for row in rows[::2]] == [
        (0, "born_digital"),
        (1, "scan"),
        (2, "born_digital"),
        (3, "scan"),
    ]
    assert [len(row.pages) for row in rows] == [2, 2, 2, 2, 1, 1, 1, 1]
    assert all(row.peak_rss_bytes > 10_000_000 and row.cpu_s >= 0 for row in rows)
    assert [key for key, _, _ in rows[0].pages] == [key for key, _, _ in rows[1].pages]


def test_every_competitor_goes_first_in_its_turn() -> None:
    assert [in_turn("abc", round_index) for round_index in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_a_competitor_that_does_not_open_is_named() -> None:
    with pytest.raises(EngineError, match="nobody"), running_reader("nobody"):
        pass


def measured(name: str, round_index: int, cpu_s: float) -> Measurement:
    page = ("a/0", "en", Agreement(num_pages=1, num_chars=100, num_errors=2))
    return Measurement(
        competitor=name,
        look="scan",
        round_index=round_index,
        cpu_s=cpu_s,
        wall_s=cpu_s,
        peak_rss_bytes=1_000_000,
        pages=(page,),
    )


def test_ratios_are_taken_within_a_round(corpus: Path) -> None:
    rows = [measured("fast", 0, 1.0), measured("rapidocr", 0, 4.0), measured("fast", 1, 3.0), measured("rapidocr", 1, 18.0)]
    versions = {"fast": "1", "rapidocr": "2"}
    page_set = PageSet(name="n", about="a", pages=pages_of(corpus), versions=versions, measurements=rows)
    (row,) = [line for line in page_set_lines(page_set) if line.startswith("| fast | scan")]
    assert "5.00 (4.00-6.00)" in row
    assert "| 2.00 % |" in row
    assert "| 0.667 |" in row


def test_results_are_added_below_older_ones(tmp_path: Path) -> None:
    page = tmp_path / "new" / "ppocr.md"
    append_section(page, "first", ["one"])
    append_section(page, "second", ["two"])
    text = page.read_text()
    assert text.startswith("# ")
    assert text.index("first") < text.index("one") < text.index("second") < text.index("two")


def test_a_table_row_is_cut_into_its_cells() -> None:
    words = [(1, BoxedText(word, (x, 0.0, x + 30, 10.0))) for word, x in (("net", 0.0), ("sum", 33.0), ("7.00", 200.0))]
    assert [cell.text for cell in _cells(words)] == ["net sum", "7.00"]


def document(**fields: object) -> CorpusDocument:
    values = {"path": Path("x.pdf"), "sha256": "0", "folder": "scanned", "language": "en", "kind": "book pages, English, 1-bit"}
    truth = {"truth_path": Path("x.gt.txt"), "truth_kind": "human (double keyed)"}
    return CorpusDocument(**{**values, **truth, **fields})  # type: ignore[arg-type]


def test_documents_of_one_kind_share_a_row() -> None:
    assert group_of(document()) == ("scanned", "book pages", "en", "human")
    made = group_of(document(truth_kind="regression reference = docling output, not human-made"))
    assert made[3] == "docling's output, not human"
    bare = group_of(document(folder="born_digital", kind="paper two-column biology", truth_path=None, truth_kind=""))
    assert bare == ("born_digital", "paper", "en", "text layer")


def reading(text: str) -> Reading:
    return Reading(lines=tuple(BoxedText(line, (0, 0, 1, 1)) for line in text.splitlines()), text=text)


def test_each_page_is_held_against_its_own_truth_and_a_lost_page_is_unread() -> None:
    agreement = with_text_truth(["first page", "second"], {0: reading("first page")})
    assert (agreement.num_pages, agreement.num_chars, agreement.num_errors) == (2, 15, 6)


def test_one_truth_for_several_pages_is_held_against_all_of_them() -> None:
    agreement = with_text_truth(["first page\nsecond"], {0: reading("first page"), 1: reading("second")})
    assert (agreement.num_pages, agreement.num_errors, agreement.num_errors_page_order) == (2, 0, 0)


def test_a_truth_with_too_few_pages_is_refused() -> None:
    with pytest.raises(ConfigError, match="truth of 2 pages"):
        with_text_truth(["a", "b"], {0: reading("a"), 1: reading("b"), 2: reading("c")})


@pytest.mark.corpus
def test_the_reference_corpus_gives_many_documents_for_the_main_comparison(corpus_dir: Path) -> None:
    pages = pick_pages(read_manifest(corpus_dir), {"en"}, 3)
    assert len({page.document.sha256 for page in pages}) == 3
    assert all(80 <= len(page.words) <= 1500 for page in pages)
