"""Drawings as SVG that fits any width: shapes stand at percentages, letters keep their size. In: numbers. Out: Markup.

Colours are classes, so that light, dark and paper are matters of the style sheet. A drawing says nothing that the table of its
figure does not say. A title on each mark is what a pointer shows; `assets/page.js` needs to know nothing of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.reporting.embedding import render

NUM_COLOURS = 8
HEIGHT_PX = 180
NUM_TICKS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One colour of stacked columns."""

    name: str
    values: Sequence[float]
    """One for each column; at least 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """What stands under the columns: a label at a place."""

    places: Sequence[tuple[float, str]]
    """0 is the left end, 1 the right."""
    title: str


def stacked_columns(series: Sequence[Series], axis: Axis, *, unit: str, labels: Sequence[str], described: str) -> Markup:
    """Columns of equal width, side by side, each a stack of the series in their order. `labels` names each column for the
    pointer, `described` says for a screen reader what there is to see."""
    num_columns = max((len(each.values) for each in series), default=0)
    totals = [sum(each.values[column] for each in series) for column in range(num_columns)]
    top = _round_up(max(totals, default=0.0))
    marks = []
    for column in range(num_columns):
        base = 0.0
        for number, each in enumerate(series):
            value = each.values[column]
            if value <= 0.0:
                continue
            marks.append(
                {
                    "x": _percent(column / num_columns),
                    "width": _percent(1 / num_columns),
                    "y": _percent(1 - (base + value) / top),
                    "height": _percent(value / top),
                    "colour": number % NUM_COLOURS,
                    "label": f"{labels[column]}: {_spell(value)} {unit}" + (f", {each.name}" if len(series) > 1 else ""),
                }
            )
            base += value
    return render(
        "columns.html.j2",
        marks=marks,
        legend=[(number % NUM_COLOURS, each.name) for number, each in enumerate(series)] if len(series) > 1 else [],
        ticks=[(_percent(1 - tick / NUM_TICKS), _spell(top * tick / NUM_TICKS)) for tick in range(NUM_TICKS + 1)],
        places=[(_percent(place), label, _anchor(place)) for place, label in axis.places],
        axis_title=axis.title,
        unit=unit,
        described=described,
        height=HEIGHT_PX,
    )


def stacked_bar(parts: Sequence[tuple[str, float]], *, spelled: Sequence[str], described: str) -> Markup:
    """One bar cut into parts, which are named below it. `spelled` has each value for people."""
    whole = sum(value for _, value in parts) or 1.0
    marks, legend, at = [], [], 0.0
    for number, ((name, value), text) in enumerate(zip(parts, spelled, strict=True)):
        marks.append(
            {"x": _percent(at / whole), "width": _percent(value / whole), "colour": number, "label": f"{name}: {text}"}
        )
        legend.append((number, name, text, _percent(value / whole)))
        at += value
    return render("bar.html.j2", marks=marks, legend=legend, described=described)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 8, 10 times a power of ten, so that four ticks are round."""
    if value <= 0.0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value * (1 - 1e-9))


def _anchor(place: float) -> str:
    if place <= 0.02:
        return "start"
    return "end" if place >= 0.98 else "middle"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3f}".rstrip("0").rstrip(".") + "%"


def _spell(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g} M" if value % 1e5 == 0 else f"{value:,.0f}"
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"
