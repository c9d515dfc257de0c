"""Printed lines to paragraphs, and everything that must keep its lines."""

import pytest

from pipeline.quality.paragraphs import unwrap_paragraphs
from tests.quality.prose import HARBOUR, MACHINE, PROSE, SOIL, printed

VERSE = (
    "The lamp is lit, the boats are gone,\nThe gulls have left the sand,\n"
    "And someone walks the mole alone\nWith nothing in his hand.\n"
    "The bell has rung, the tide is slack,\nThe children sleep ashore,\n"
    "And what the water carries back\nIs less than was before."
)
ADDRESS = "Harbour Office\n12 Mole Street\nNorthhaven NH3 4QT\nTelephone 01632 960 123"
LIST = "- check the guard and the lamp before starting\n- turn the switch to position two and wait\n- print ten trial sheets"
NUMBERED = "1. Check the guard and the lamp before starting.\n2. Turn the switch to position two.\n3. Print ten trial sheets."
TABLE = "| harbour | ships | lamps |\n|---|---|---|\n| Northhaven | 12 | 4 |\n| Southhaven | 8 | 2 |"
COLUMNS = "Northhaven harbour    12 ships    4 lamps\nSouthhaven harbour     8 ships    2 lamps\nWest mole landing      1 ship"
CONTENTS = "The harbour and its ledgers ............ 3\nThe soils of the northern slopes ....... 17\nThe press ............ 40"
CODE = "```\nfor lamp in lamps:\n    if lamp.is_lit:\n        count = count + 1\n```"
NUMBERS = "12.5 33.1 88.0 91.7 12.0 44.4\n11.2 30.3 84.2 90.0 13.1 41.9\n10.8 29.9 80.1 87.5 12.2 40.0"
NAMES = "Professor Alma Mason, Northhaven\nDoctor Bernard Wright, Southhaven\nEngineer Clara Stone, West Mole\nCaptain D. Hull"

STORES = "lamp oil and wicks for the winter\nrope\nblue paint for the mole\nladder\nnew charts of the northern coast\ntea"


@pytest.mark.parametrize("columns", [32, 45, 60, 80, 110])
@pytest.mark.parametrize(
    "prose", [HARBOUR, SOIL, MACHINE, *(PROSE[name] for name in ("de", "fr", "es", "ru", "el", "ar", "he"))]
)
def test_a_printed_paragraph_becomes_one_line(prose: str, columns: int) -> None:
    assert unwrap_paragraphs(printed(prose, columns)) == prose


def test_korean_lines_are_joined_with_a_space() -> None:
    assert unwrap_paragraphs(printed(PROSE["ko"], 40)) == PROSE["ko"]


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_chinese_and_japanese_lines_are_joined_without_a_space(language: str) -> None:
    text = PROSE[language]
    assert unwrap_paragraphs("\n".join(text[at : at + 30] for at in range(0, len(text), 30))) == text


def test_thai_lines_are_joined_without_a_space() -> None:
    assert unwrap_paragraphs("ชาวประมงในหมู่บ้านริมทะเล\nตื่นก่อนดวงอาทิตย์ขึ้นทุกวัน") == "ชาวประมงในหมู่บ้านริมทะเลตื่นก่อนดวงอาทิตย์ขึ้นทุกวัน"


def test_paragraphs_apart_by_an_empty_line_stay_apart() -> None:
    page = f"# The Mole\n\n{printed(HARBOUR, 60)}\n\n{printed(SOIL, 60)}"
    assert unwrap_paragraphs(page) == f"# The Mole\n\n{HARBOUR}\n\n{SOIL}"


def test_a_short_line_that_ends_a_sentence_ends_the_paragraph() -> None:
    first = printed(HARBOUR, 60)
    if len(first.split("\n")[-1]) > 40:
        first = first.rsplit(" ", 3)[0] + "."
    page = unwrap_paragraphs(f"{first}\n{printed(SOIL, 60)}")
    assert page.split("\n\n")[1] == SOIL
    assert page.count("\n") == 2


@pytest.mark.parametrize(
    "block",
    [VERSE, ADDRESS, LIST, NUMBERED, TABLE, COLUMNS, CONTENTS, CODE, NUMBERS, NAMES, STORES],
    ids=["verse", "address", "list", "numbered", "table", "columns", "contents", "code", "numbers", "names", "stores"],
)
def test_what_is_not_prose_keeps_its_lines(block: str) -> None:
    assert unwrap_paragraphs(block) == block
    page = f"{printed(HARBOUR, 60)}\n\n{block}\n\n{printed(SOIL, 60)}"
    assert unwrap_paragraphs(page) == f"{HARBOUR}\n\n{block}\n\n{SOIL}"


def test_a_heading_right_above_a_paragraph_is_not_joined_to_it() -> None:
    assert unwrap_paragraphs(f"# The Mole\n{printed(HARBOUR, 60)}") == f"# The Mole\n{HARBOUR}"
    assert unwrap_paragraphs(f"The Mole\n{printed(HARBOUR, 60)}") == f"The Mole\n\n{HARBOUR}"


def test_a_list_item_that_goes_on_is_made_whole_and_the_items_stay_apart() -> None:
    page = "- check the guard and the lamp before you start the\npress in the morning\n- turn the switch to position two"
    assert unwrap_paragraphs(page) == page.replace("the\npress", "the press")


def test_paragraphs_that_are_one_line_each_stay_apart() -> None:
    page = f"{HARBOUR}\n{SOIL}\n{MACHINE}"
    assert unwrap_paragraphs(page) == page


def test_a_formula_over_lines_is_left_alone() -> None:
    page = "$$\na line of letters that looks like prose to a machine\nand another line of letters in the formula\n$$"
    assert unwrap_paragraphs(page) == page
