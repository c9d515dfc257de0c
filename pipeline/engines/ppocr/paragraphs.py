"""Lines in reading order to the text of a page: pieces of one printed row joined, paragraphs and headings apart.

One printed line is one line of text; a blank line divides paragraphs; cells of one row are divided by a tab. Pure
geometry; no word is changed. A heading (clearly taller than the page's usual line) stands as a paragraph of its own and
gets no markdown sign: line height alone cannot tell its level.
Array legend: N lines in reading order; 4 is x0, y0, x1, y1, any unit.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]

HEADING_HEIGHT = 1.3
"""Times the usual line height."""
SAME_ROW_OVERLAP = 0.5
"""Of the lower one of two heights."""
CELL_GAP_LINES = 1.0
"""Pieces of a row further apart than this, in line heights, are cells."""
PITCH_ABOVE = 1.35
"""A step between lines above this many times the usual one begins a paragraph."""
UNKNOWN_PITCH = 1.3
INDENT_LINES = 0.8
SHORT_LINE_LINES = 3.0
PARAGRAPH = "\n\n"
LINE = "\n"
CELL = "\t"
PIECE = " "


def find_headings(boxes_N4: Boxes, num_chars: Sequence[int]) -> list[bool]:
    """Which lines stand clearly taller than the usual one, weighted by characters."""
    if len(boxes_N4) == 0:
        return []
    heights = boxes_N4[:, 3] - boxes_N4[:, 1]
    return [bool(h > HEADING_HEIGHT * _usual_height(heights, num_chars)) for h in heights]


def join_lines(boxes_N4: Boxes, texts: Sequence[str], headings: Sequence[bool]) -> str:
    """The page's text. `texts` are the lines in reading order, none of them empty."""
    if not texts:
        return ""
    heights = boxes_N4[:, 3] - boxes_N4[:, 1]
    line_height = _usual_height(heights, [len(text) for text in texts])
    pitch = _usual_pitch(boxes_N4)
    pieces = [texts[0]]
    for i in range(1, len(texts)):
        if _is_same_row(boxes_N4[i - 1], boxes_N4[i]):
            is_cell = boxes_N4[i, 0] - boxes_N4[i - 1, 2] > CELL_GAP_LINES * line_height
            pieces.append(CELL if is_cell else PIECE)
        elif headings[i] != headings[i - 1] or _begins_paragraph(boxes_N4, i, line_height, pitch):
            pieces.append(PARAGRAPH)
        else:
            pieces.append(LINE)
        pieces.append(texts[i])
    return "".join(pieces)


def _begins_paragraph(boxes_N4: Boxes, i: int, line_height: float, pitch: float) -> bool:
    above, line = boxes_N4[i - 1], boxes_N4[i]
    if line[1] < above[1] or line[0] > above[2] or line[2] < above[0]:
        return not _continues_in_next_column(boxes_N4, i, line_height)
    if _step(above, line) > PITCH_ABOVE * pitch:
        return True
    is_indented = INDENT_LINES * line_height < line[0] - above[0] < 4 * line_height
    is_after_short = above[2] < line[2] - SHORT_LINE_LINES * line_height and line[0] <= above[0] + INDENT_LINES * line_height
    return bool(is_indented or is_after_short)


def _continues_in_next_column(boxes_N4: Boxes, i: int, line_height: float) -> bool:
    """A column that ends in a full line goes on at the top of the next one."""
    above, line = boxes_N4[i - 1], boxes_N4[i]
    if i < 2 or line[1] > above[1]:
        return False
    is_full = above[2] > boxes_N4[i - 2, 2] - SHORT_LINE_LINES * line_height / 2
    has_same_width = abs((line[2] - line[0]) - (above[2] - above[0])) < 2 * line_height
    return bool(is_full and has_same_width)


def _is_same_row(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> bool:
    overlap = min(left[3], right[3]) - max(left[1], right[1])
    return bool(overlap > SAME_ROW_OVERLAP * min(left[3] - left[1], right[3] - right[1]) and right[0] > _middle(left))


def _usual_height(heights: npt.NDArray[np.float64], num_chars: Sequence[int]) -> float:
    order = np.argsort(heights)
    reached = np.cumsum(np.asarray(num_chars, dtype=np.float64)[order])
    return max(float(heights[order][np.searchsorted(reached, reached[-1] / 2)]), 1e-6)


def _usual_pitch(boxes_N4: Boxes) -> float:
    steps = [_step(above, line) for above, line in pairwise(boxes_N4)]
    usual = [step for step in steps if 0.5 < step < 2.5]
    return float(np.median(usual)) if usual else UNKNOWN_PITCH


def _step(above: npt.NDArray[np.float64], line: npt.NDArray[np.float64]) -> float:
    """From line to line, in their mean height: the same in small print and large."""
    heights = (above[3] - above[1]) + (line[3] - line[1])
    return float((line[1] + line[3] - above[1] - above[3]) / max(heights, 1e-6))


def _middle(box: npt.NDArray[np.float64]) -> float:
    return float(box[0] + box[2]) / 2
