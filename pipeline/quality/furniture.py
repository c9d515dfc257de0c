"""Running heads, running feet and page numbers: what a printer put on a page and its author did not.

In: the page texts of one document, in order, "" where a page has none. Out: the texts without furniture, and what was taken.
Knows nothing of positions on the paper, only of lines. A line is furniture when it stands in the first or last three lines
and either its key (digits to 0, no spaces, no case) comes back at that edge of many pages, or it is a page number that counts
up with the pages. Costs 170 us a page. One pass only: a second one would begin to eat text that repeats, as on forms.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from pipeline.quality.line_shapes import TOC_LINE, has_leaders, is_figure_mark, is_html_row, is_table_row

MIN_PAGES = 4
"""Shorter documents repeat too little to tell a running head from a title (A4)."""
MIN_LINES = 4
"""A page with fewer lines may be all there is: a slide, a title page (A4)."""
EDGE_LINES = 3
MIN_COPIES = 3
ALL_PAGES_FRACTION = 0.30
HALF_PAGES_FRACTION = 0.50
"""A4: on 30 % of all pages, or on half of the odd or of the even ones; never on fewer than three."""
STRETCH_COPIES = 5
STRETCH_FRACTION = 0.40
"""A chapter's running head: on five pages, and on 40 % of the pages from its first to its last (every second page is 50 %)."""
COUNTED_PAGES = 3
"""A lone number is a page number when on three pages it is ahead of the page index by the same amount."""

Side = Literal["top", "bottom"]

DIGITS = re.compile(r"\d+")
DECORATION = " \t-\u2013\u2014|\u00b7\u2022[](){}<>.*_#~"
ARABIC = re.compile(r"\d{1,5}")
ROMAN = re.compile(r"(?=[ivxlcdm])m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
ROMAN_VALUES: Mapping[str, int] = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
PAGE_X_OF_Y = re.compile(
    r"(?:page|pg\.?|p\.|pag\.?|p\u00e1gina|pagina|p\u00e1g\.|seite|s\.|side|sida|strona|str\.|sayfa|halaman|trang|stranica"
    r"|\u0441\u0442\u0440\.?|\u0441\u0442\u0440\u0430\u043d\u0438\u0446\u0430)\s*\d{1,5}"
    r"(?:\s*(?:of|/|von|de|di|sur|av|af|z|dari|\u0438\u0437)\s*\d{1,5})?"
    r"|\d{1,5}\s*(?:of|von|sur|\u0438\u0437)\s*\d{1,5}"
    r"|\u7b2c\s*\d{1,5}\s*[\u9875\u9801\u30da](?:\u30fc\u30b8)?(?:\s*[/,\uff0c]?\s*\u5171\s*\d{1,5}\s*[\u9875\u9801])?"
    r"|\d{1,5}\s*(?:\u30da\u30fc\u30b8|\u9875|\u9801|\ucabd|\ud398\uc774\uc9c0)",
    re.IGNORECASE,
)
"""page 3 of 12, Seite 3 von 12, Russian str. 3, Chinese and Japanese "number 3 page", Korean 3 jjok."""


class EdgeLine(NamedTuple):
    """A line near the top or bottom of a page."""

    page_index: int
    line_index: int
    side: Side
    text: str


class Furnished(NamedTuple):
    """A page's text and what was taken out of it, top to bottom."""

    text: str
    furniture: tuple[str, ...]


def take_furniture(pages: Sequence[str]) -> list[Furnished]:
    """One Furnished per page; untouched where the document has under four pages with text."""
    lines = [page.split("\n") for page in pages]
    edges = [edge for index, page_lines in enumerate(lines) for edge in edge_lines(index, page_lines)]
    text_pages = [index for index, page in enumerate(pages) if page]
    if len(text_pages) < MIN_PAGES:
        return [Furnished(page, ()) for page in pages]
    entries = toc_entries(pages)
    taken: dict[int, set[int]] = defaultdict(set)
    for edge in (*repeated_lines(edges, text_pages), *counted_lines(edges)):
        if not (edge.text.lstrip().startswith("#") and key_of(edge.text) in entries):
            taken[edge.page_index].add(edge.line_index)
    return [_without(lines[index], taken[index]) if index in taken else Furnished(page, ()) for index, page in enumerate(pages)]


def edge_lines(page_index: int, lines: Sequence[str]) -> Iterator[EdgeLine]:
    """At most three lines of each edge, never over half of the page, never a table row, none of a page under four. A figure's
    mark is no line: figures have nothing but their boxes to tell them apart, and keys leave numbers out."""
    filled = [index for index, line in enumerate(lines) if line.strip() and not is_figure_mark(line)]
    if len(filled) < MIN_LINES:
        return
    depth = min(EDGE_LINES, (len(filled) - 1) // 2)
    sides: tuple[tuple[Side, list[int]], ...] = (("top", filled[:depth]), ("bottom", filled[-depth:]))
    for side, indices in sides:
        for index in indices:
            if not is_table_row(lines[index]) and not is_html_row(lines[index]):
                yield EdgeLine(page_index, index, side, lines[index])


def repeated_lines(edges: Sequence[EdgeLine], text_pages: Sequence[int]) -> Iterator[EdgeLine]:
    """Lines whose key comes back at the same edge of enough pages."""
    by_key: dict[tuple[Side, str], list[EdgeLine]] = defaultdict(list)
    for edge in edges:
        key = key_of(edge.text)
        if sum(map(str.isalpha, key)) >= 2:
            by_key[edge.side, key].append(edge)
    for same in by_key.values():
        if _comes_back({edge.page_index for edge in same}, text_pages):
            yield from same


def _comes_back(found: set[int], text_pages: Sequence[int]) -> bool:
    if len(found) < MIN_COPIES:
        return False
    if len(found) >= ALL_PAGES_FRACTION * len(text_pages):
        return True
    for parity in (0, 1):
        half = sum(1 for page in text_pages if page % 2 == parity)
        copies = sum(1 for page in found if page % 2 == parity)
        if copies >= max(MIN_COPIES, HALF_PAGES_FRACTION * half):
            return True
    return len(found) >= STRETCH_COPIES and len(found) >= STRETCH_FRACTION * (max(found) - min(found) + 1)


def counted_lines(edges: Sequence[EdgeLine]) -> Iterator[EdgeLine]:
    """Lines that are nothing but a page number: "page 3 of 12" in words, or a number that counts up with the pages."""
    by_offset: dict[tuple[Side, bool, int], list[EdgeLine]] = defaultdict(list)
    for edge in edges:
        bare = edge.text.strip(DECORATION)
        if PAGE_X_OF_Y.fullmatch(bare):
            yield edge
        elif ARABIC.fullmatch(bare):
            by_offset[edge.side, True, int(bare) - edge.page_index].append(edge)
        elif ROMAN.fullmatch(bare):
            by_offset[edge.side, False, roman_value(bare) - edge.page_index].append(edge)
    for counted in by_offset.values():
        if len({edge.page_index for edge in counted}) >= COUNTED_PAGES:
            yield from counted


def roman_value(numeral: str) -> int:
    """xiv is 14; the numeral must be well formed."""
    values = [ROMAN_VALUES[letter] for letter in numeral.lower()]
    return sum(-value if value < max(values[at:]) else value for at, value in enumerate(values))


def toc_entries(pages: Sequence[str]) -> frozenset[str]:
    """Keys of the titles that a table of contents lists."""
    listed = (line for page in pages if has_leaders(page) for line in page.split("\n"))
    return frozenset(key_of(match.string[: match.start()]) for line in listed if (match := TOC_LINE.search(line)))


def key_of(line: str) -> str:
    """Digits to one 0, no spaces, no markup, no case: "12  The Whale" and "#The whale 13" differ only in the 0's place."""
    return DIGITS.sub("0", "".join(line.strip(DECORATION).split())).casefold()


def _without(lines: Sequence[str], taken: set[int]) -> Furnished:
    kept = "\n".join(line for index, line in enumerate(lines) if index not in taken)
    return Furnished(re.sub(r"\n{3,}", "\n\n", kept).strip(), tuple(lines[index].strip() for index in sorted(taken)))
