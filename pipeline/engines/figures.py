"""Figures in a text: the mark that stands where the page has a picture, and the mark moved with its page.

`![caption](#box=72.0,144.0,288.0,216.0)`: a Markdown image whose target is a fragment, so a renderer fetches no file, and whose
numbers are its box in points of the page (x0, y0, x1, y1 from the upper left corner). The caption is what the engine read
there, mostly nothing. Pure.
"""

import math
import re
from collections.abc import Callable

from pipeline.records import BoxPt

BOX = re.compile(r"(?<=\]\(#box=)(\d+\.\d),(\d+\.\d),(\d+\.\d),(\d+\.\d)(?=\))")


def figure_mark(box_pt: BoxPt, caption: str = "") -> str:
    """The mark of a figure; edges are cut, not rounded, to a tenth of a point (0.04 mm), so that they stay on the page.

    >>> figure_mark((72.04, 144.0, 288.0, 216.06), "Rainfall")
    '![Rainfall](#box=72.0,144.0,288.0,216.0)'
    """
    return f"![{caption}](#box={_edges(box_pt)})"


def move_figures(text: str, move: Callable[[BoxPt], BoxPt]) -> str:
    """The text with every mark's box moved, for a page that was read turned or in parts.

    >>> move_figures("![](#box=0.0,0.0,10.0,20.0)", lambda box: (box[0], box[1] + 400.0, box[2], box[3] + 400.0))
    '![](#box=0.0,400.0,10.0,420.0)'
    """

    def moved(mark: re.Match[str]) -> str:
        x0, y0, x1, y1 = map(float, mark.groups())
        return _edges(move((x0, y0, x1, y1)))

    return BOX.sub(moved, text)


def _edges(box_pt: BoxPt) -> str:
    return ",".join(f"{math.floor(edge * 10 + 1e-6) / 10:.1f}" for edge in box_pt)
