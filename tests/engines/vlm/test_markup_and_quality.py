"""What the parsers give is measured sanely: tables, figures and formulas are no loops, no words, no furniture."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.config import CleaningConfig, PageRules
from pipeline.engines.vlm.deepseek_markup import read_deepseek
from pipeline.engines.vlm.olmocr_markup import read_olmocr
from pipeline.quality.cleaning import CleanedPage, clean_document
from pipeline.quality.line_shapes import is_figure_mark
from pipeline.quality.rules import Judgement, judge_page
from pipeline.quality.signals import measure_pages
from pipeline.records import PageSignals
from tests.engines.vlm.outputs import ref
from tests.quality.prose import FACTS, HARBOUR, MACHINE, READING, SOIL

CLEANING = CleaningConfig()
RULES = PageRules()
GENERATED = replace(READING, finish_reason="stop", confidence=None)
"""Only an engine that generates is judged for loops."""
NUM_ROWS, NUM_COLUMNS = 40, 8
RNG = random.Random(7)

Cell = Callable[[int, int], str]
CELLS: dict[str, Cell] = {
    "numbers": lambda row, column: f"{RNG.random():.3f}",
    "a blank form": lambda row, column: "" if column else f"{row + 1}.",
    "dashes": lambda row, column: "-" if column else f"Item {row}",
    "mostly zeros": lambda row, column: "0" if RNG.random() < 0.8 else str(RNG.randint(1, 99)),
    "ticks": lambda row, column: ("\u2713" if RNG.random() < 0.5 else "") if column else f"Feature {RNG.randint(0, 9999)}",
    "ticks as formulas": lambda row, column: "\\(\\checkmark\\)" if column else f"Feature {RNG.randint(0, 9999)}",
    "yes and no": lambda row, column: RNG.choice(["Yes", "No", "N/A"]) if column else f"Feature {RNG.randint(0, 9999)}",
}


def table(cell: Cell, num_rows: int = NUM_ROWS, between: str = "") -> str:
    rows = ["".join(f"<td>{cell(row, column)}</td>" for column in range(NUM_COLUMNS)) for row in range(num_rows)]
    return f"<table>{between}{between.join(f'<tr>{row}</tr>' for row in rows)}{between}</table>"


def deepseek(output: str) -> str:
    page = read_deepseek(output, width_pt=612.0, height_pt=792.0)
    assert page.flags == ()
    return page.text


def measured(text: str, layer: str = "") -> tuple[CleanedPage, PageSignals, Judgement]:
    layer_garbled = 0.0 if layer else None
    [page] = clean_document([text], CLEANING)
    [signals] = measure_pages([page.text], layer_texts=[layer], layer_garbled=[layer_garbled])
    facts = replace(FACTS, layer_text=layer, layer_garbled_fraction=layer_garbled, layer_hidden_fraction=layer_garbled)
    return page, signals, judge_page(facts, GENERATED, signals, RULES, configured_dpi=facts.dpi)


@pytest.mark.parametrize("between", ["", "\n"], ids=["on one line", "on a line a row"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_a_table_that_repeats_by_right_is_kept(cell: Cell, between: str) -> None:
    html = table(cell, between=between)
    output = ref("text", "[[1, 2, 3, 4]]", f"{HARBOUR}\n\n") + ref("table", "[[1, 5, 3, 9]]", html)
    page, signals, judgement = measured(deepseek(output))
    assert html in page.text
    assert judgement.reject == ()
    assert signals.table_char_fraction > 0.5
    assert "is_table" in judgement.warnings
    assert signals.language == "en"


def test_olmocrs_table_is_kept_too() -> None:
    fields = "primary_language: en\nis_rotation_valid: True\nrotation_correction: 0\nis_table: True\nis_diagram: False"
    html = table(CELLS["a blank form"], between="\n")
    read = read_olmocr(f"---\n{fields}\n---\n{HARBOUR}\n\n{html}", width_pt=612.0, height_pt=792.0, longest_side_px=1288)
    page, _, judgement = measured(read.text)
    assert html in page.text
    assert (judgement.reject, judgement.warnings) == ((), ("is_table",))


@pytest.mark.parametrize(
    "looping",
    [
        "<table><tr>" + "<td></td>" * 300,
        "<table>" + "<tr><td></td><td>0</td></tr>" * 60,
        "<table>" + "<tr><td>Total revenue</td><td>12.5</td><td>of the whole</td></tr>" * 60 + "</table>",
        "<table>" + "<tr><td>" + "the same cell once more and again " * 40 + "</td></tr></table>",
    ],
    ids=["empty cells", "short rows", "a row that comes back in a table that ends", "one cell"],
)
def test_a_loop_inside_a_table_is_still_a_loop(looping: str) -> None:
    assert "loop" in measured(deepseek(f"{HARBOUR}\n\n{looping}"))[2].reject


def test_figures_are_neither_words_nor_letters_nor_lines() -> None:
    icons = "\n".join(ref("image", f"[[{n}, {n}, {n + 9}, {n + 9}]]") for n in range(60))
    with_icons = measured(deepseek(ref("text", "[[1, 2, 3, 4]]", HARBOUR) + "\n\n" + icons), layer=HARBOUR)
    alone = measured(HARBOUR, layer=HARBOUR)
    assert with_icons[0].text.count("![](#box=") == 60
    assert with_icons[2] == alone[2]
    assert with_icons[1].layer_precision == 1.0
    assert replace(with_icons[1], num_chars=0) == replace(alone[1], num_chars=0)


def test_a_page_of_figures_alone_is_an_image() -> None:
    _, signals, judgement = measured(deepseek("\n".join(ref("image", f"[[{n}, 1, 900, 9]]") for n in range(12))))
    assert (signals.num_words, signals.num_letters) == (0, 0)
    assert (judgement.reject, judgement.warnings) == ((), ("is_image_only",))


def test_formulas_do_not_estrange_a_text_from_its_layer() -> None:
    formula = "\\[ \\mathcal{L}_{%d} = \\sum_{i=%d}^{N} \\left\\| \\mathbf{x}_{i} - y_{%d} \\right\\|_2^2 \\]"
    written = [formula % (n, n, n) for n in range(12)]
    layer = f"{SOIL} " + " ".join(f"L {n} = \u2211 N i={n} \u2225 x i \u2212 y {n} \u2225 2 2" for n in range(12))
    output = f"{SOIL}\n\n" + "\n\n".join(ref("equation", "[[1, 2, 3, 4]]", formula) for formula in written)
    page, _, judgement = measured(deepseek(output), layer)
    assert all(formula in page.text for formula in written)
    assert judgement.reject == ()


def test_cleaning_takes_repeated_headers_and_leaves_figures_and_tables_at_the_edges() -> None:
    prose = [HARBOUR, SOIL, MACHINE, HARBOUR[::-1], SOIL[::-1], MACHINE[::-1]]
    tables = [table(lambda row, column, n=n: f"{n}{row}{column}", num_rows=2) for n in range(6)]
    outputs = [
        ref("image", f"[[{10 + n}, 20, 300, {200 + n}]]")
        + ref("header", "[[1, 2, 30, 4]]", "Annual Report 1931\n\n")
        + ref("text", "[[1, 2, 3, 4]]", text[:300] + "\n\n" + text[300:] + "\n\n")
        + ref("table", "[[1, 800, 3, 900]]", f"<table><tr><td>Total</td></tr></table>\n\n{tables[n]}")
        + ref("page_number", "[[490, 955, 510, 970]]", str(n + 4))
        for n, text in enumerate(prose)
    ]
    pages = clean_document([deepseek(output) for output in outputs], CLEANING)
    for n, page in enumerate(pages):
        assert page.furniture == ("Annual Report 1931", str(n + 4))
        lines = page.text.split("\n")
        assert is_figure_mark(lines[0])
        assert lines[-1] == tables[n]
        assert "<table><tr><td>Total</td></tr></table>" in lines


def test_cleaning_leaves_parsed_markdown_as_it_is() -> None:
    text = deepseek(
        ref("title", "[[1, 2, 3, 4]]", "# Tides\n\n")
        + ref("text", "[[1, 5, 3, 6]]", f"{HARBOUR}\n\n")
        + ref("image", "[[1, 7, 3, 8]]")
        + ref("image_caption", "[[1, 9, 3, 10]]", "<center>Figure 1: Heights. </center>\n\n")
        + ref("equation", "[[1, 11, 3, 12]]", "\\[\nh = a \\sin t\n\\]\n\n")
        + ref("table", "[[1, 13, 3, 14]]", table(CELLS["numbers"], between="\n"))
    )
    assert clean_document([text], CLEANING)[0].text == text
