"""What a parser makes of a model's output: clean Markdown, located blocks, and what it had to repair.

A figure stands in the text as a mark, `![caption](#box=72.0,144.0,288.0,216.0)`: a Markdown image whose target is a fragment,
so a renderer fetches no file, and whose numbers are its box in points of the page that was read (x0, y0, x1, y1 from the
upper left corner). The caption is what the model wrote between the brackets, mostly nothing. Knows no model and no grammar.
"""

import math
from dataclasses import dataclass

from pipeline.records import Block, BoxPt

MARKUP_DAMAGED = "markup_damaged"
"""Flag of a page whose markup broke its grammar, or into whose text special tokens had leaked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadPage:
    """One page as a model wrote it, cleaned of the model's own signs."""

    text: str
    """Markdown in reading order, tables as HTML, figures as marks; can be encoded as UTF-8."""
    blocks: tuple[Block, ...] = ()
    """What the model located, in the order of `text`. Text that it gave no box for stands in `text` alone: a block as large
    as the page would say nothing and double the text."""
    flags: tuple[str, ...] = ()
    """Warning names: what had to be repaired, what the model said of the page."""


def box_on_page(edges: tuple[float, float, float, float], *, width_pt: float, height_pt: float) -> BoxPt:
    """Two corners in points, in any order and anywhere, to a box on the page."""
    x0, x1 = sorted(min(max(x, 0.0), width_pt) for x in edges[0::2])
    y0, y1 = sorted(min(max(y, 0.0), height_pt) for y in edges[1::2])
    return x0, y0, x1, y1


def figure_mark(box_pt: BoxPt, caption: str = "") -> str:
    """The mark of a figure; edges are cut, not rounded, to a tenth of a point (0.04 mm), so that they stay on the page.

    >>> figure_mark((72.04, 144.0, 288.0, 216.06), "Rainfall")
    '![Rainfall](#box=72.0,144.0,288.0,216.0)'
    """
    edges = ",".join(f"{math.floor(edge * 10) / 10:.1f}" for edge in box_pt)
    return f"![{caption}](#box={edges})"
