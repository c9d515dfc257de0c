"""What kind of lines a page is made of: contents with dot leaders, references, table rows; and the text less its markup.

In: one text. Out: shares, or the text as it is measured. Each test looks for its tell-tale first, so that ordinary prose
costs 5 us a page.
"""

import re

TOC_LINE = re.compile(r"(?:(?:[.\u2026\u00b7_][ \t]?){3,}|\u2026)[ \t]*[0-9ivxlcIVXLC]{1,5}$")
"""Dot leaders and a page number: 13 of 14 pages with a quarter of such lines are contents or lists of tables (A3)."""
TOC_TELLTALES = ("..", ". .", "\u2026", "\u00b7\u00b7", "\u00b7 \u00b7", "___")
LEADERS = re.compile(r"([.\u2026\u00b7_])(?:[ \t]?\1){3,}")
TOC_MIN_LINES = 8
REFERENCE_START = re.compile(r"^[ \t]*(?:[-*][ \t]+)?(?:\[\d{1,3}\]|\(\d{1,3}\)|\d{1,3}\.)[ \t]", re.MULTILINE)
YEAR = re.compile(r"(?<!\d)(?:1[6-9]|20)\d\d(?!\d)")
MAX_REFERENCE_LINES = 8
"""Printed lines of one reference; a longer stretch after a number is something else."""
MIN_REFERENCES = 3
TABLE_TAG = re.compile(r"</?t(?:able|r|d|h|head|body)\b[^<>]{0,200}>", re.IGNORECASE)
TABLE_TAGS = re.compile(rf"(?:{TABLE_TAG.pattern}\s*)+", re.IGNORECASE)
SHORT_CELL = re.compile(r"(<(t[dh])\b[^<>]{0,200}>)(?:\\\([^<>()]{1,20}\\\)|[^<>]{0,8})(?=</\2>)", re.IGNORECASE)
"""Empty, a number, Yes, N/A, or one sign as a formula, as `\\(\\checkmark\\)` is: a column repeats them by right."""
FIGURE_MARK = re.compile(r"!\[[^\[\]\n]{0,4000}\]\([^()\s]{0,300}\)")
HTML_TABLE = re.compile(r"<table\b.*?(?:</table>|\Z)", re.DOTALL | re.IGNORECASE)


def has_leaders(text: str) -> bool:
    """Cheap look for dots in a row, before TOC_LINE is tried."""
    return any(telltale in text for telltale in TOC_TELLTALES)


def shorten_leaders(text: str) -> str:
    """Four and more equal dots or underscores in a row, with or without single spaces, to one: a page of contents would else
    look like a loop of ". . ." (30 of 60 pages of a manual's contents and index did)."""
    return LEADERS.sub(r"\1", text) if has_leaders(text) else text


def without_markup(text: str) -> str:
    """What stands on the page: table tags and figure marks to a space for each run. Cells set without spaces would else be one
    long word and their page `glued`, and the numbers of a figure's box words that no text layer holds."""
    if "![" in text:
        text = FIGURE_MARK.sub(" ", text)
    return TABLE_TAGS.sub(_space_or_newline, text) if "<t" in text else text


def _space_or_newline(tags: re.Match[str]) -> str:
    return "\n" if "\n" in tags[0] else " "


def without_short_cells(text: str) -> str:
    """HTML tables less the cells of at most eight characters: of nine tables without a loop (blank forms, dashes, zeros, ticks,
    Yes and No), eight looked like one to compression or 10-grams. A loop that never leaves its table still has its tail."""
    return SHORT_CELL.sub(r"\1", text) if "<t" in text else text


def toc_line_fraction(text: str) -> float:
    """Share of non-empty lines that end in dot leaders and a page number; 0 for a page of under 8 lines."""
    if not has_leaders(text):
        return 0.0
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    if len(lines) < TOC_MIN_LINES:
        return 0.0
    return sum(1 for line in lines if is_toc_line(line)) / len(lines)


def is_toc_line(line: str) -> bool:
    """Dot leaders and a page number at the end; the line without trailing space."""
    return has_leaders(line) and TOC_LINE.search(line) is not None


def reference_line_fraction(text: str) -> float:
    """Share of non-empty lines that belong to a numbered entry with a year, `[n]`, `(n)` or `n.`; 0 under three entries.
    Continuation lines count with their entry, at most eight lines each."""
    starts = [match.start() for match in REFERENCE_START.finditer(text)]
    if len(starts) < MIN_REFERENCES:
        return 0.0
    entries = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    dated = [min(_num_lines(entry), MAX_REFERENCE_LINES) for entry in entries if YEAR.search(entry)]
    return sum(dated) / _num_lines(text) if len(dated) >= MIN_REFERENCES else 0.0


def table_char_fraction(text: str) -> float:
    """Share of characters in Markdown table rows and HTML tables."""
    if not text or ("|" not in text and "<table" not in text):
        return 0.0
    html_chars = sum(len(table) for table in HTML_TABLE.findall(text))
    rows = [line for line in HTML_TABLE.sub("", text).split("\n") if is_table_row(line)]
    return min((html_chars + sum(len(row) + 1 for row in rows)) / len(text), 1.0)


def is_table_row(line: str) -> bool:
    """A Markdown row: starts with a bar and holds another."""
    line = line.strip()
    return line.startswith("|") and line.count("|") >= 2


def is_html_row(line: str) -> bool:
    """A line of an HTML table that begins with one of its tags."""
    return TABLE_TAG.match(line.lstrip()) is not None


def is_figure_mark(line: str) -> bool:
    """A Markdown image and nothing else."""
    return FIGURE_MARK.fullmatch(line.strip()) is not None


def _num_lines(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())
