"""How large a page is drawn, and how long a document may be: dpi and caps to pixels. Pure arithmetic."""

import math
from dataclasses import dataclass

from pipeline.config import RenderConfig

MIN_TAG_DPI = 100.0
"""Below it a tag says 72 or 96, which software writes when it does not know."""
MAX_TAG_DPI = 2400.0
PAGE_SIDE_IN = (1.0, 30.0)
"""Long sides that a tag may claim: a label to a broadsheet."""
ASSUMED_SIDE_IN = 11.0
"""Long side of a letter page (A4: 11.7), for an image that does not say."""
ASSUMED_DPI = 300.0
"""Most that is assumed: a larger image is a larger page (a newspaper), not a finer scan, and must not shrink to mud."""
MAX_ENLARGEMENT = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSize:
    """An image file as a page."""

    width_pt: float
    height_pt: float
    scan_dpi: float
    """Of the finer axis: fax lines are 204 by 98 dpi."""


def size_of_image(width_px: int, height_px: int, tag_dpi: tuple[float, float] | None) -> ImageSize:
    """The page that an image of this many pixels shows. A sane tag is believed; without one the page is as long as a letter
    page, or larger when that would make it a scan of more than 300 dpi."""
    across_dpi, down_dpi = (
        tag_dpi if tag_dpi and _is_sane(width_px, height_px, tag_dpi) else (_assumed(width_px, height_px),) * 2
    )
    return ImageSize(
        width_pt=width_px * 72.0 / across_dpi, height_pt=height_px * 72.0 / down_dpi, scan_dpi=max(across_dpi, down_dpi)
    )


def dpi_of_image(size: ImageSize, config: RenderConfig) -> float:
    """The configured dpi, but never finer than the scan: more pixels hold no more text. Only a scan below 100 dpi, whose
    letters are smaller than engines were trained on, is enlarged, at most twice."""
    finest = size.scan_dpi if size.scan_dpi >= MIN_TAG_DPI else size.scan_dpi * MAX_ENLARGEMENT
    return capped_dpi(size.width_pt, size.height_pt, min(config.dpi, finest), config)


def capped_dpi(width_pt: float, height_pt: float, dpi: float, config: RenderConfig) -> float:
    """`dpi`, or the largest below it at which the page keeps to `max_side_px` and `max_pixels`, although each side is rounded
    up: (w s + 1)(h s + 1) <= max_pixels, solved for the scale s."""
    width_px, height_px = width_pt * dpi / 72.0, height_pt * dpi / 72.0
    by_side = (config.max_side_px - 1) / max(width_px, height_px)
    half_sum, area = (width_px + height_px) / 2.0, width_px * height_px
    by_pixels = (math.sqrt(half_sum * half_sum + area * (config.max_pixels - 1)) - half_sum) / area
    return dpi * min(1.0, by_side, by_pixels)


def pixels_at(width_pt: float, height_pt: float, dpi: float) -> tuple[int, int]:
    """Width and height in pixels, at least 1."""
    return max(1, round(width_pt * dpi / 72.0)), max(1, round(height_pt * dpi / 72.0))


def _is_sane(width_px: int, height_px: int, tag_dpi: tuple[float, float]) -> bool:
    across_dpi, down_dpi = tag_dpi
    coarse, fine = sorted((across_dpi, down_dpi))
    if not (coarse * 3.0 > fine and MIN_TAG_DPI <= fine <= MAX_TAG_DPI):
        return False
    shortest_in, longest_in = PAGE_SIDE_IN
    return shortest_in <= max(width_px / across_dpi, height_px / down_dpi) <= longest_in


def _assumed(width_px: int, height_px: int) -> float:
    return min(ASSUMED_DPI, max(width_px, height_px) / ASSUMED_SIDE_IN)


def too_many_pages(num_pages: int, config: RenderConfig) -> str:
    """Why a document of this many pages is not read."""
    return f"{num_pages} pages, above render.max_document_pages ({config.max_document_pages}); raise it to read the document"
