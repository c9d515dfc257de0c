"""Lines that detection merged across two columns are divided again, at a gap in their ink that other lines share.

A wide gap inside one line may be a tab or a table cell; a gap that neighbouring lines leave free at the same place is a
gutter. Pixels and boxes in, boxes out.
Array legend: H, W page pixels; N lines; 4 is x0, y0, x1, y1 in pixels.
"""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
Interval = tuple[float, float]

INK_CONTRAST = 48
"""Grey levels that ink differs from the paper of its own line, 0..255."""
MIN_INK_PX = 2
"""Ink in one column of pixels; a lone pixel is a speck of noise. Dashes and points are 2 px high at 150 dpi."""
GAP_LINES = 0.55
"""Narrowest gap, in heights of the line; a space between words is about 0.3."""
NEAR_LINES = 7.0
"""Neighbours within this many line heights vote."""
EDGE_LINES = 0.6
MIN_SUPPORT = 3
MAX_EDGE_VOTES = 4
MAX_CROSSING_FRACTION = 0.34
MIN_HEIGHT_PX = 6


def split_at_gutters(grey_HW: npt.NDArray[np.uint8], boxes_N4: Boxes) -> Boxes:
    """The boxes, those that cross a gutter divided at it; never fewer than came in."""
    if len(boxes_N4) == 0:
        return boxes_N4
    line_height = float(np.median(boxes_N4[:, 3] - boxes_N4[:, 1]))
    gaps = [ink_gaps(grey_HW, box) for box in boxes_N4]
    divided: list[list[float]] = []
    for i, box in enumerate(boxes_N4):
        cuts = [gap for gap in gaps[i] if _is_gutter(gap, i, boxes_N4, gaps, line_height)]
        starts = [float(box[0]), *[end - 2 for _, end in cuts]]
        ends = [*[start + 2 for start, _ in cuts], float(box[2])]
        divided.extend([start, float(box[1]), end, float(box[3])] for start, end in zip(starts, ends, strict=True))
    return np.array(divided)


def ink_gaps(grey_HW: npt.NDArray[np.uint8], box: npt.NDArray[np.float64]) -> list[Interval]:
    """Stretches without ink inside a line, as x0, x1 on the page; not at its ends."""
    x0, y0, x1, y1 = (int(v) for v in box)
    height, width = y1 - y0, x1 - x0
    if height < MIN_HEIGHT_PX or width < 3 * height:
        return []
    line_HW = grey_HW[y0 + int(height * 0.12) : y0 + int(height * 0.88), x0:x1].astype(np.int16)
    is_blank = (np.abs(line_HW - int(np.median(line_HW))) > INK_CONTRAST).sum(axis=0) < MIN_INK_PX
    edges = np.diff(np.concatenate([[0], is_blank.astype(np.int8), [0]]))
    return [
        (float(x0 + start), float(x0 + end))
        for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
        if end - start >= GAP_LINES * height and start > 0.5 * height and end < width - 0.5 * height
    ]


def _is_gutter(gap: Interval, i: int, boxes_N4: Boxes, gaps: list[list[Interval]], line_height: float) -> bool:
    start, end = gap
    centres = (boxes_N4[:, 1] + boxes_N4[:, 3]) / 2
    is_near = np.abs(centres - centres[i]) < NEAR_LINES * line_height
    is_near[i] = False
    reaches = is_near & (boxes_N4[:, 0] < end - 0.45 * line_height) & (boxes_N4[:, 2] > start + 0.45 * line_height)
    sharing = sum(_overlap(gap, gaps[j]) >= 0.4 * line_height for j in np.flatnonzero(reaches))
    crossing = int(reaches.sum()) - sharing
    ending = int((is_near & (np.abs(boxes_N4[:, 2] - start) < EDGE_LINES * line_height)).sum())
    starting = int((is_near & (np.abs(boxes_N4[:, 0] - end) < EDGE_LINES * line_height)).sum())
    support = sharing + min(ending, MAX_EDGE_VOTES) + min(starting, MAX_EDGE_VOTES)
    return support >= MIN_SUPPORT and crossing <= MAX_CROSSING_FRACTION * (sharing + ending + starting)


def _overlap(gap: Interval, others: list[Interval]) -> float:
    return max((min(gap[1], end) - max(gap[0], start) for start, end in others), default=0.0)
