"""A figure: numbers, what they mean, and how anybody gets them again. In: values. Out: Markup of one card of the page.

The rows of a figure are what its query answers, column by column, so a test can run the query and compare. A drawing shows the
same rows to the eye; where there is none, the table is the drawing, with a bar in each row. Formats are for people; the
rows keep every digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from markupsafe import Markup

from pipeline.reporting.embedding import render

Cell = str | int | float | datetime | None
Kind = Literal["text", "count", "number", "fraction", "percent", "seconds", "time"]
MAX_TEXT_CHARS = 160
MAX_TABLE_ROWS = 60
NOT_KNOWN = "-"
NOTHING = Markup()
SECONDS_PER_MINUTE, SECONDS_PER_HOUR = 60, 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a figure's rows."""

    name: str
    """As the query calls it."""
    title: str
    kind: Kind = "count"


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What `pagemill sql` answers with the rows of the figure."""

    sql: str
    table: Literal["build", "version"] = "build"
    """What the command line must name: the build, or the version as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """How it follows from stored JSON objects."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    figure_id: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    source: Query | Formula
    told: str = ""
    """How to read it, one sentence."""
    drawing: Markup = NOTHING
    """"": the table is the drawing."""
    bar: str = ""
    """Name of the column whose bar stands in each row of the table; "" for none."""
    whole: float | None = None
    """What the full length of a bar stands for; the longest bar's value without it."""
    is_wide: bool = False
    """Takes the whole width of the page."""


def figure_card(figure: Figure, command: str) -> Markup:
    """`command` is the beginning of the command line that answers the figure's query."""
    return render("figure.html.j2", figure=figure, command=command, rows=_shown_rows(figure), is_query=_is_query(figure))


def _is_query(figure: Figure) -> bool:
    return isinstance(figure.source, Query)


def _shown_rows(figure: Figure) -> list[list[dict[str, object]]]:
    names = [column.name for column in figure.columns]
    longest = (
        figure.whole or max((_number(row[names.index(figure.bar)]) for row in figure.rows), default=0.0) if figure.bar else 0.0
    )
    shown = []
    for row in figure.rows[:MAX_TABLE_ROWS]:
        cells: list[dict[str, object]] = []
        for column, value in zip(figure.columns, row, strict=True):
            part = _number(value) / longest if column.name == figure.bar and longest else None
            cells.append(
                {"text": spell(value, column.kind), "kind": column.kind, "title": _full(value), "percent": _percent(part)}
            )
        shown.append(cells)
    return shown


def _percent(part: float | None) -> str | None:
    return None if part is None else f"{min(1.0, max(0.0, part)):.2%}"


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _full(value: Cell) -> str:
    """The whole text of one that is cut, when that is no novel."""
    return value if isinstance(value, str) and MAX_TEXT_CHARS < len(value) < 10 * MAX_TEXT_CHARS else ""


def spell(value: Cell, kind: Kind) -> str:
    """A value for people: 12,345; 1.63; 97.4 %; 3 min 20 s; 2026-11-22 04:00:12."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str):
        return cut(value)
    match kind:
        case "fraction" | "percent":
            return percent(value)
        case "seconds":
            return duration(value)
        case "count":
            return f"{value:,.0f}"
        case _:
            return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(fraction: float) -> str:
    """One decimal, two below 1 %; 100 % and 0 % only for all and nothing."""
    if fraction in (0.0, 1.0):
        return f"{fraction:.0%}".replace("%", " %")
    digits = 2 if abs(fraction) < 0.01 else 1
    text = f"{fraction:.{digits}%}"
    if text in ("100.0%", "0.00%"):
        text = ("over 99.9%" if fraction < 1 else "over 100%") if fraction > 0.5 else "under 0.01%"
    return text.replace("%", " %")


def duration(seconds: float) -> str:
    """65 ms, 0.0 s, 4.2 s, 3 min 20 s, 26 h 4 min."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds:.1f} s"
    if seconds < SECONDS_PER_HOUR:
        return f"{seconds // SECONDS_PER_MINUTE:.0f} min {seconds % SECONDS_PER_MINUTE:.0f} s"
    return f"{seconds // SECONDS_PER_HOUR:,.0f} h {seconds % SECONDS_PER_HOUR // SECONDS_PER_MINUTE:.0f} min"


def money(worth: float) -> str:
    """1,234.50; 0.0031: two decimals, or two digits of what is less than one."""
    return f"{worth:,.2f}" if worth >= 1.0 or worth == 0.0 else f"{worth:.2g}"


def cut(text: str) -> str:
    """A text that fits a table; a longer one says how long it is."""
    if len(text) <= MAX_TEXT_CHARS:
        return text
    return f"{text[: MAX_TEXT_CHARS - 40]} ... {text[-20:]} ({len(text):,} characters)"
