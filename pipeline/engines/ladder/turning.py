"""A page turned by a quarter or a half, and boxes turned back. In: a PageImage, or a reading of one turned. Out: the other.

Pure; costs one copy of the pixels.
"""

from dataclasses import replace
from typing import Literal

import numpy as np

from pipeline.engines.figures import move_figures
from pipeline.records import BoxPt, PageFacts, PageImage, PageText

Degrees = Literal[90, 180, 270]
"""Clockwise."""


def turn_page(page: PageImage, degrees: Degrees) -> PageImage:
    """The page as it lies after turning it clockwise."""
    return replace(
        page,
        facts=_turn_facts(page.facts, degrees),
        pixels_HWC=np.ascontiguousarray(np.rot90(page.pixels_HWC, k=-(degrees // 90))),
    )


def turn_back(reading: PageText, facts: PageFacts, degrees: Degrees) -> PageText:
    """A reading of the turned page with its boxes on the page as it was, flagged `turned_180` and so on. `facts` are those of
    the page before it was turned."""

    def back(box_pt: BoxPt) -> BoxPt:
        return _turn_box_back(box_pt, facts, degrees)

    blocks = tuple(replace(block, box_pt=back(block.box_pt), text=move_figures(block.text, back)) for block in reading.blocks)
    return replace(reading, text=move_figures(reading.text, back), blocks=blocks, flags=(*reading.flags, f"turned_{degrees}"))


def _turn_facts(facts: PageFacts, degrees: Degrees) -> PageFacts:
    rotation_degrees = (facts.rotation_degrees + degrees) % 360
    if degrees == 180:
        return replace(facts, rotation_degrees=rotation_degrees)
    return replace(
        facts,
        width_pt=facts.height_pt,
        height_pt=facts.width_pt,
        width_px=facts.height_px,
        height_px=facts.width_px,
        rotation_degrees=rotation_degrees,
    )


def _turn_box_back(box_pt: BoxPt, facts: PageFacts, degrees: Degrees) -> BoxPt:
    """On a page of 600 x 800 pt turned by 90, the box (0, 0, 10, 20) at the new top left was at the old bottom left:
    (0, 790, 20, 800)."""
    x0, y0, x1, y1 = box_pt
    match degrees:
        case 90:
            return (y0, facts.height_pt - x1, y1, facts.height_pt - x0)
        case 180:
            return (facts.width_pt - x1, facts.height_pt - y1, facts.width_pt - x0, facts.height_pt - y0)
        case 270:
            return (facts.width_pt - y1, x0, facts.width_pt - y0, x1)
