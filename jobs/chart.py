"""Curves over time as one SVG, by hand. In: panels of named points. Out: the text of an SVG of a few tens of kB."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH_PX, PANEL_PX, LEFT_PX, LEGEND_PX, MARGIN_PX = 960, 300, 60, 210, 40
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's palette, told apart with any colour vision."""
MAX_POINTS = 400
"""A curve of more is drawn by the largest value of each of so many stretches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    name: str
    points: Sequence[tuple[float, float]]
    """By ascending x."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One diagram: at most seven curves over one pair of axes from zero."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]


def draw(panels: Sequence[Panel]) -> str:
    """The panels one below the other."""
    height_px = PANEL_PX * len(panels)
    body = [line for number, panel in enumerate(panels) for line in _panel(panel, top_px=number * PANEL_PX)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height_px}" font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{WIDTH_PX}" height="{height_px}" fill="white"/>', *body, "</svg>", ""])


def _panel(panel: Panel, *, top_px: int) -> list[str]:
    x_max = _round_up(max((x for curve in panel.curves for x, _ in curve.points), default=1.0))
    y_max = _round_up(max((y for curve in panel.curves for _, y in curve.points), default=1.0))
    plot_width_px, plot_height_px = WIDTH_PX - LEFT_PX - LEGEND_PX, PANEL_PX - 2 * MARGIN_PX
    bottom_px = top_px + MARGIN_PX + plot_height_px

    def place(x: float, y: float) -> str:
        return f"{LEFT_PX + x / x_max * plot_width_px:.1f},{bottom_px - y / y_max * plot_height_px:.1f}"

    lines = [f'<text x="{LEFT_PX}" y="{top_px + 24}" font-weight="bold">{escape(panel.title)}</text>']
    for step in range(5):
        y_px = bottom_px - step / 4 * plot_height_px
        lines.append(f'<path d="M{LEFT_PX} {y_px:.1f}h{plot_width_px}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT_PX - 6}" y="{y_px + 4:.1f}" text-anchor="end">{step / 4 * y_max:g}</text>')
        x_px = LEFT_PX + step / 4 * plot_width_px
        lines.append(f'<text x="{x_px:.1f}" y="{bottom_px + 16}" text-anchor="middle">{step / 4 * x_max:g}</text>')
    middle_px = LEFT_PX + plot_width_px / 2
    lines.append(f'<text x="{middle_px}" y="{bottom_px + 32}" text-anchor="middle">{escape(panel.x_label)}</text>')
    lines.append(f'<text x="{LEFT_PX - 6}" y="{top_px + 32}" text-anchor="end">{escape(panel.y_label)}</text>')
    for number, curve in enumerate(panel.curves):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(place(x, y) for x, y in _thinned(curve.points))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        legend_px = top_px + MARGIN_PX + 16 * number
        lines.append(f'<text x="{WIDTH_PX - LEGEND_PX + 12}" y="{legend_px + 8}" fill="{colour}">{escape(curve.name)}</text>')
    return lines


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    stretch = math.ceil(len(points) / MAX_POINTS)
    return [
        max(points[start : start + stretch], key=lambda point: point[1]) for start in range(0, len(points), max(1, stretch))
    ]


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8 times a power of ten: its quarters are short numbers."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(factor * power for factor in (1, 2, 4, 6, 8, 10) if value <= factor * power)
