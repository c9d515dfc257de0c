"""What a parser makes of a model's output: clean Markdown, located blocks, and what it had to repair.

Figures stand in the text as marks (`engines.figures`). Knows no model and no grammar.
"""

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
