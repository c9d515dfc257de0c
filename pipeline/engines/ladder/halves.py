"""A page as an upper and a lower half that overlap, and two readings of them as one. Pure.

In: a PageImage; readings of its halves. Out: a PageImage for each half (views, no pixels are copied); a PageText of the whole
page. A half knows nothing of the page's text layer: it cannot be told which part of it the half shows.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from pipeline.engines.figures import move_figures
from pipeline.engines.ladder.seam import join_at_seam, nearly_equal
from pipeline.records import Block, BoxPt, PageImage, PageText

WORSE_LAST = (None, "stop", "repetition", "length")
"""Ends of a reading, in the order of how much of the page they lose."""


class Halves(NamedTuple):
    """The two halves of a page, and where the lower one begins."""

    upper: PageImage
    lower: PageImage
    lower_top_pt: float
    overlap_share: float
    """Part of a half's height that the other half shows too, 0..1."""

    def onto_page(self, box_pt: BoxPt) -> BoxPt:
        """A box on the lower half to its place on the page."""
        x0, y0, x1, y1 = box_pt
        return (x0, y0 + self.lower_top_pt, x1, y1 + self.lower_top_pt)


def cut_in_halves(page: PageImage, *, overlap_fraction: float) -> Halves:
    """`overlap_fraction` of the page's height is in both halves."""
    height_px = page.pixels_HWC.shape[0]
    upper_bottom_px = math.ceil(height_px * (0.5 + overlap_fraction / 2))
    lower_top_px = math.floor(height_px * (0.5 - overlap_fraction / 2))
    return Halves(
        upper=_part_of(page, 0, upper_bottom_px),
        lower=_part_of(page, lower_top_px, height_px),
        lower_top_pt=page.facts.height_pt * lower_top_px / height_px,
        overlap_share=overlap_fraction / (0.5 + overlap_fraction / 2),
    )


def join_readings(upper: PageText, lower: PageText, halves: Halves) -> PageText:
    """One reading of the page. It failed when a half failed, and ended as the half that ended worse."""
    seconds = upper.seconds + lower.seconds
    for half in (upper, lower):
        if half.status == "failed":
            return replace(half, error=f"half of the page: {half.error}", seconds=seconds)
    weights = (len(upper.text), len(lower.text))
    return replace(
        max(upper, lower, key=lambda half: half.vision_tokens or 0),
        text=join_at_seam(upper.text, move_figures(lower.text, halves.onto_page), overlap_share=halves.overlap_share),
        blocks=_join_blocks(upper.blocks, lower.blocks, halves),
        confidence=_mean((upper.confidence, lower.confidence), weights),
        mean_logprob=_mean((upper.mean_logprob, lower.mean_logprob), weights),
        finish_reason=max(upper.finish_reason, lower.finish_reason, key=_rank),
        vision_tokens=_sum(upper.vision_tokens, lower.vision_tokens),
        output_tokens=_sum(upper.output_tokens, lower.output_tokens),
        text_tokens=_sum(upper.text_tokens, lower.text_tokens),
        expected_tokens=_sum(upper.expected_tokens, lower.expected_tokens),
        seconds=seconds,
        flags=tuple(dict.fromkeys((*upper.flags, *lower.flags))),
    )


def _part_of(page: PageImage, top_px: int, bottom_px: int) -> PageImage:
    part_HWC = page.pixels_HWC[top_px:bottom_px]
    facts = replace(
        page.facts,
        height_px=part_HWC.shape[0],
        height_pt=page.facts.height_pt * part_HWC.shape[0] / page.pixels_HWC.shape[0],
        layer_text="",
        layer_garbled_fraction=None,
        layer_hidden_fraction=None,
    )
    return replace(page, facts=facts, pixels_HWC=part_HWC)


def _join_blocks(upper: tuple[Block, ...], lower: tuple[Block, ...], halves: Halves) -> tuple[Block, ...]:
    """The lower half's blocks moved to their place on the page; one that the upper half has too is dropped."""
    overlapping = [block for block in upper if block.box_pt[3] > halves.lower_top_pt]
    moved = (_move(block, halves.onto_page) for block in lower)
    bottom_pt = halves.upper.facts.height_pt
    new = (block for block in moved if block.box_pt[1] >= bottom_pt or not any(_is_same(block, other) for other in overlapping))
    return (*upper, *new)


def _move(block: Block, move: Callable[[BoxPt], BoxPt]) -> Block:
    return replace(block, box_pt=move(block.box_pt), text=move_figures(block.text, move))


def _is_same(block: Block, other: Block) -> bool:
    return block.label == other.label and block.text.strip() != "" and nearly_equal(block.text, other.text)


def _rank(finish_reason: str | None) -> int:
    return WORSE_LAST.index(finish_reason) if finish_reason in WORSE_LAST else len(WORSE_LAST)


def _sum(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


def _mean(values: Iterable[float | None], weights: tuple[int, int]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
