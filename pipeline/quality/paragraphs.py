"""Printed lines to paragraphs: a line break inside running prose becomes a space, every other one stays.

In: one page's text, paragraphs apart by an empty line. Out: the same with prose paragraphs on one line each. The rule, in
order, for each stretch of lines that no empty line, heading, table row, formula, code or contents line interrupts and no list
mark begins anew:

1. The widest line must be 24 to 160 columns (a CJK character is two): narrower is an address, a table column or a label,
   wider is a paragraph already.
2. Three quarters of the lines before the last must reach 0.75 of the widest: verse and lists are ragged, prose is not. A
   line's reach is its width and the next line's first word, which a printer would have set there had there been room.
3. Of three and more lines, under 80 % of those after the first may begin with a capital or a digit (verse, names); of two,
   the second must not, unless the first ends in a comma.
4. Then lines are joined by a space, by nothing between characters of unspaced scripts. After a line that reaches under 0.75
   of the widest, or under 0.88 where a sentence ends, a paragraph ends and an empty line says so.

Costs 400 us per page of 70 lines.
"""

import re
from collections.abc import Iterator, Sequence

from pipeline.quality.line_shapes import is_toc_line

MIN_COLUMNS = 24
MAX_COLUMNS = 160
FULL_LINE_FRACTION = 0.75
SENTENCE_LINE_FRACTION = 0.88
FULL_LINES_FRACTION = 0.75
CAPITAL_LINES_FRACTION = 0.80
MIN_LETTER_FRACTION = 0.30
"""Under it a line is numbers or a formula."""

PROTECTED = re.compile(r"(```.*?```|\$\$.*?\$\$|\\\[.{0,4000}?\\\]|<table\b.*?(?:</table>|\Z))", re.DOTALL)
"""Code, formulas of up to 4,000 characters, tables to their end or the text's: a text full of openings must not be searched to
its end from each of them."""
STRUCTURE = re.compile(r"[ \t]*(?:#{1,6}\s|\||>|```|<|\$\$|!\[|---|===|\\\[)|.*\S(?:\t| {3,})\S")
LIST_MARK = re.compile(
    r"[ \t]*(?:[-*+\u2022\u2023\u25aa\u25cf\u25cb\u25e6\u2013\u2014\u00b7]\s"
    r"|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)]\s|\[\d{1,3}\]|\d{1,2}(?:\.\d{1,2})+\.?\s)"
)
WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003ffff]"
)
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff9f"
    "\U00020000-\U0003347f]"
)
SENTENCE_END = re.compile("[.!?:\u3002\uff01\uff1f\u061f\u06d4\u0964][\"'\u201d\u2019\u00bb)\\]\u300d\u300f]*\\Z")


def unwrap_paragraphs(text: str) -> str:
    """Letters and their order are untouched; white space between two lines may become a space, nothing or an empty line."""
    if "\n" not in text:
        return text
    pieces = PROTECTED.split(text)
    return "".join(piece if odd % 2 else _unwrap_piece(piece) for odd, piece in enumerate(pieces))


def _unwrap_piece(text: str) -> str:
    return "\n\n".join(_unwrap_block(block) if "\n" in block else block for block in text.split("\n\n"))


def _unwrap_block(block: str) -> str:
    return "\n".join(_unwrap_run(run) for run in _prose_runs(block.split("\n")))


def _prose_runs(lines: Sequence[str]) -> Iterator[list[str]]:
    """Cuts a block before list marks and on both sides of lines that are no prose."""
    run: list[str] = []
    for line in lines:
        is_prose = _is_prose(line)
        if run and (not is_prose or LIST_MARK.match(line)):
            yield run
            run = []
        if is_prose:
            run.append(line)
        else:
            yield [line]
    if run:
        yield run


def _is_prose(line: str) -> bool:
    if not line.strip():
        return False
    if STRUCTURE.match(line) or is_toc_line(line):
        return False
    visible = len(line) - line.count(" ")
    return sum(map(str.isalpha, line)) >= MIN_LETTER_FRACTION * visible


def _unwrap_run(lines: list[str]) -> str:
    widths = [_columns(line) for line in lines]
    widest = max(widths)
    if len(lines) < 2 or not MIN_COLUMNS <= widest <= MAX_COLUMNS:
        return "\n".join(lines)
    stripped = [line.strip() for line in lines]
    reaches = [(width + _first_word_columns(after)) / widest for width, after in zip(widths, stripped[1:], strict=False)]
    if not _is_wrapped(stripped, reaches):
        return "\n".join(lines)
    joined = [lines[0].rstrip()]
    for before, after, reach in zip(stripped, stripped[1:], reaches, strict=False):
        joined += [_between(before, after, reach), after]
    return "".join(joined)


def _columns(line: str) -> int:
    return len(line) + len(WIDE.findall(line))


def _first_word_columns(line: str) -> int:
    """Room that the line's first word would take at the end of the line before, its space included."""
    return 2 if UNSPACED.match(line) else 1 + _columns(line.split(maxsplit=1)[0])


def _is_wrapped(lines: Sequence[str], reaches: Sequence[float]) -> bool:
    if sum(1 for reach in reaches if reach >= FULL_LINE_FRACTION) < FULL_LINES_FRACTION * len(reaches):
        return False
    capitals = sum(1 for line in lines[1:] if line[:1].isupper() or line[:1].isdigit())
    if len(lines) == 2:
        return not capitals or lines[0].endswith((",", "\uff0c", "\u3001"))
    return capitals < CAPITAL_LINES_FRACTION * (len(lines) - 1)


def _between(before: str, after: str, reach: float) -> str:
    ends_here = reach < SENTENCE_LINE_FRACTION and SENTENCE_END.search(before) and not after[:1].islower()
    if ends_here or reach < FULL_LINE_FRACTION:
        return "\n\n"
    return "" if UNSPACED.match(before[-1:]) and UNSPACED.match(after[:1]) else " "
