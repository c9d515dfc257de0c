"""Cleaning: each step, and what cleaning never does."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.config import CleaningConfig
from pipeline.quality.cleaning import clean_characters, clean_document, expand_ligatures
from tests.quality.prose import HARBOUR, PROSE, SOIL, printed

CONFIG = CleaningConfig()
NO_FURNITURE = CleaningConfig(remove_furniture=False)


def cleaned(*pages: str) -> list[str]:
    return [page.text for page in clean_document(pages, NO_FURNITURE)]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("one\r\ntwo\rthree\x0cfour\u2028five", "one\ntwo\nthree\nfour\nfive"),
        ("so\u00adme wo\ufffer\u00addS", "some worddS".replace("dd", "d").replace("worS", "wordS")),
        ("infor\u00ad\nmation", "information"),
        ("a\x00b\x07c\x9fd\ufeffe", "abcde"),
        ("lone \ud83d half", "lone \ufffd half"),
        ("\ufb01ne \ufb02ow o\ufb03ce", "fine flow office"),
        ("e\u0301te\u0301 x\u00b2", "\u00e9t\u00e9 x\u00b2"),
        ("end  \t\nof line\n\n\n\n\nhere  ", "end\nof line\n\nhere"),
    ],
)
def test_one_page_alone_loses_what_no_reader_sees(raw: str, clean: str) -> None:
    assert clean_characters(raw) == clean


def test_superscripts_and_full_width_forms_are_kept() -> None:
    assert clean_characters("m\u00b2 \u2460 \uff21 \u00bd") == "m\u00b2 \u2460 \uff21 \u00bd"


def test_a_tag_that_a_page_prints_is_kept() -> None:
    """An engine's own tags are its parser's business (`engines.vlm.deepseek_markup`)."""
    assert clean_characters("Write <|ref|>title<|/ref|> to label it.") == "Write <|ref|>title<|/ref|> to label it."


def test_furniture_and_hyphens_can_be_switched_off() -> None:
    pages = [
        f"Annual Report 1931\n\n{printed(HARBOUR[n * 17 :], 60)}\n\nwell-\ninformed\n\n{printed(SOIL[: -n * 23], 60)}\n{n}"
        for n in range(7, 13)
    ]
    plain = clean_document(pages, CleaningConfig(remove_furniture=False, join_hyphens=False))
    assert all("Annual Report 1931" in page.text and "well-\ninformed" in page.text for page in plain)
    assert all(not page.furniture for page in plain)
    full = clean_document(pages, CONFIG)
    assert all("Annual Report" not in page.text and "wellinformed" in page.text for page in full)
    assert [page.furniture for page in full] == [("Annual Report 1931", str(n)) for n in range(7, 13)]


def test_as_many_pages_come_out_as_go_in_and_empty_ones_stay_empty() -> None:
    assert [page.text for page in clean_document(["", SOIL, "", ""], CONFIG)] == ["", SOIL, "", ""]
    assert clean_document([], CONFIG) == []


@pytest.mark.parametrize("language", PROSE)
def test_prose_that_is_clean_stays_as_it_is(language: str) -> None:
    text = unicodedata.normalize("NFC", PROSE[language])
    assert cleaned(text) == [text]


CHARACTERS = [
    *" \t\n-ae\u00e9\x02\u00ad\ufb01\u3002\ufffe\ud800",
    "-\n",
    "\x02\n",
    "\u2010\n",
    "e\u0301",
    "\u4e2d\u6587",
    "\r\n",
    "42",
]
STRUCTURES = ["# ", "```", "$$", ". . . . 12\n", "1. ", "- ", "| a | b |\n", "\n\n", "<|ref|>x<|/ref|>", "<|im_end|>", ".\n"]
WORDS = ["word", "Word", "und", "a line of prose that is rather long and goes on\n", "A sentence ends here.\n", "กา"]
PIECES = st.sampled_from(CHARACTERS + STRUCTURES + WORDS)
PAGE = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=60))


@example(pages=["a-", "a-", "a"])
@settings(max_examples=250, deadline=None)
@given(st.lists(PAGE, min_size=1, max_size=4))
def test_cleaning_twice_is_cleaning_once(pages: list[str]) -> None:
    once = cleaned(*pages)
    assert cleaned(*once) == once


@settings(max_examples=150, deadline=None)
@given(st.lists(PAGE, min_size=1, max_size=6))
def test_cleaning_adds_no_letter_and_no_visible_character(pages: list[str]) -> None:
    before = Counter("".join(unicodedata.normalize("NFD", expand_ligatures("".join(pages))).split()))
    after = Counter("".join(unicodedata.normalize("NFD", "".join(cleaned(*pages))).split()))
    before["\ufffd"] += sum(before[char] for char in list(before) if "\ud800" <= char <= "\udfff")
    before["-"] += before["\x02"] + before["\u2010"]
    assert not after - before


@settings(max_examples=150, deadline=None)
@given(st.lists(PAGE, min_size=1, max_size=4))
def test_no_control_and_no_empty_margin_is_left(pages: list[str]) -> None:
    for page in cleaned(*pages):
        assert not [char for char in page if unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n"]
        assert page == page.strip()
        assert "\n\n\n" not in page
        page.encode("utf-8")


@pytest.mark.parametrize("unit", [" ", "<table ", "\\[ ", "```\n", "$$ ", "![", "<td>"])
@pytest.mark.timeout(60)
def test_a_long_text_of_openings_is_cleaned_in_linear_time(unit: str) -> None:
    """Spaces took 10 s and tables 1.3 s at an eighth of this, in squares: a text layer is whatever its author wrote."""
    assert cleaned("x" + unit * (300_000 // len(unit)) + "x")[0].startswith("x")


def test_an_unclosed_table_and_a_long_formula_keep_their_lines() -> None:
    rows = "<table>\n" + "a row of a table without an end, as long as prose is\nand one more that would be joined to it\n" * 3
    formula = "\\[\n" + "a formula whose lines are long as prose is, and of words\n" * 9 + "of its own \\\\[2pt]\n\\]"
    for text in (rows.strip(), formula):
        assert cleaned(f"{HARBOUR}\n\n{text}") == [f"{HARBOUR}\n\n{text}"]
