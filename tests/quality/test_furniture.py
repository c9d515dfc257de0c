"""Furniture: what comes back at the edges goes, what belongs to the text stays."""

import pytest

from pipeline.quality.furniture import PAGE_X_OF_Y, roman_value, take_furniture, toc_entries
from tests.quality.prose import HARBOUR, MACHINE, SOIL, printed

BODIES = [printed(f"{chr(65 + n)}{text[n * 13 :]}", 60) for n in range(4) for text in (HARBOUR, SOIL, MACHINE)]


def book(head: str, foot: str, num_pages: int = 12, offset: int = 1) -> list[str]:
    return [f"{head}\n{BODIES[n]}\n{foot}".replace("%", str(n + offset)).strip() for n in range(num_pages)]


def test_running_heads_and_page_numbers_go_and_are_kept_beside() -> None:
    pages = take_furniture(book("THE HARBOUR LEDGERS", "%"))
    assert [page.text for page in pages] == BODIES
    assert pages[4].furniture == ("THE HARBOUR LEDGERS", "5")


def test_a_head_that_carries_the_page_number_is_one_head() -> None:
    assert [page.text for page in take_furniture(book("% Annual Report", ""))] == BODIES


def test_left_and_right_pages_may_have_heads_of_their_own() -> None:
    pages = [f"{('A. Mason', 'On Clay Soils')[n % 2]}\n{BODIES[n]}" for n in range(12)]
    assert [page.text for page in take_furniture(pages)] == BODIES


def test_a_chapters_head_goes_though_the_book_has_many_chapters() -> None:
    chapters = [f"CHAPTER OF THE {name}" for name in ("LAMP", "MOLE", "SOIL", "PRESS")]
    pages = [f"{chapters[n // 6]}\n{BODIES[n % 12]}" for n in range(24)]
    assert [page.text for page in take_furniture(pages)] == BODIES * 2


@pytest.mark.parametrize(
    "form", ["%", "- % -", "[%]", "\u2014 % \u2014", "Page % of 40", "% / 40", "S. %", "\u7b2c % \u9875", "% of 40"]
)
def test_page_numbers_of_many_forms_go(form: str) -> None:
    if "/" in form:
        form = form.replace("% / 40", "Page % / 40")
    assert [page.text for page in take_furniture(book("", form, offset=17))] == BODIES


def test_roman_page_numbers_go() -> None:
    numerals = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"]
    assert [page.text for page in take_furniture([f"{b}\n{r}" for b, r in zip(BODIES, numerals, strict=True)])] == BODIES
    assert [roman_value(numeral) for numeral in numerals] == list(range(1, 13))
    assert roman_value("MCMXCIV") == 1994


def test_numbers_that_do_not_count_up_are_text() -> None:
    pages = [f"{body}\n{number}" for body, number in zip(BODIES, [7, 900, 12, 3, 77, 19, 1, 40, 88, 8, 2, 31], strict=True)]
    assert [page.text for page in take_furniture(pages)] == pages


def test_a_short_document_and_short_pages_are_left_alone() -> None:
    three = book("THE HARBOUR LEDGERS", "%", num_pages=3)
    assert [page.text for page in take_furniture(three)] == three
    slides = ["Harbour Board\nOne point\n1"] * 9
    assert [page.text for page in take_furniture(slides)] == slides


def test_a_line_on_two_pages_is_no_furniture() -> None:
    pages = [f"The same line\n{body}" if n < 2 else body for n, body in enumerate(BODIES)]
    assert [page.text for page in take_furniture(pages)] == pages


def test_table_rows_that_come_back_stay() -> None:
    pages = [f"| ship | lamp |\n{body}" for body in BODIES]
    assert [page.text for page in take_furniture(pages)] == pages


def test_a_line_that_comes_back_in_mid_page_stays() -> None:
    pages = [body.replace("\n", "\nThe same line.\n", 5) for body in BODIES]
    kept = take_furniture(pages)
    assert all(page.text.count("The same line.") >= 2 for page in kept)


def test_a_heading_that_the_contents_list_stays() -> None:
    contents = "Contents\n" + "\n".join(
        f"{name} ........ {n}" for n, name in enumerate(("Results", "Methods", "Soils", "Ships"))
    )
    pages = [contents, *(f"# Results\n{body}" for body in BODIES)]
    assert "results" in toc_entries(pages)
    assert all(page.text.startswith("# Results") for page in take_furniture(pages)[1:])


def test_never_more_than_six_lines_and_never_half_of_a_page_are_taken() -> None:
    form = "\n".join(f"Field {name}" for name in "ABCDEFGHIJ")
    assert all(len(page.furniture) == 6 and page.text for page in take_furniture([form] * 20))
    small = "\n".join(f"Field {name}" for name in "ABCD")
    assert all(len(page.furniture) <= 2 for page in take_furniture([small] * 20))


@pytest.mark.parametrize(
    "line",
    [
        "Page 3 of 12",
        "Seite 3 von 12",
        "\u7b2c3\u9875",
        "\u7b2c 3 \u9875 \u5171 12 \u9875",
        "3 \u30da\u30fc\u30b8",
        "стр. 3",
        "p. 3",
    ],
)
def test_worded_page_numbers_are_known(line: str) -> None:
    assert PAGE_X_OF_Y.fullmatch(line)


@pytest.mark.parametrize("line", ["Page", "12 of the men", "page 3 of the ledger", "Side by side", "s 3 4"])
def test_sentences_are_no_page_numbers(line: str) -> None:
    assert not PAGE_X_OF_Y.fullmatch(line)
