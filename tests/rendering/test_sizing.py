"""Pixels, points and caps."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import RenderConfig
from pipeline.rendering.sizing import capped_dpi, dpi_of_image, size_of_image

SIDE_PT = st.floats(1.0, 50_000.0)


@given(SIDE_PT, SIDE_PT, st.floats(10, 1200), st.integers(100, 20_000), st.integers(10_000, 100_000_000))
def test_a_page_never_passes_a_cap_and_keeps_its_dpi_where_it_can(
    width_pt: float, height_pt: float, dpi: float, max_side_px: int, max_pixels: int
) -> None:
    config = RenderConfig(max_side_px=max_side_px, max_pixels=max_pixels)
    drawn_dpi = capped_dpi(width_pt, height_pt, dpi, config)
    width_px, height_px = math.ceil(width_pt * drawn_dpi / 72 - 1e-6), math.ceil(height_pt * drawn_dpi / 72 - 1e-6)
    assert 0 < drawn_dpi <= dpi
    assert max(width_px, height_px) <= max_side_px
    assert width_px * height_px <= max_pixels
    if drawn_dpi < dpi * 0.999:
        assert max(width_px, height_px) >= max_side_px - 2 or (width_px + 1) * (height_px + 1) >= max_pixels * 0.9


@pytest.mark.parametrize(
    ("pixels", "tag_dpi", "size_pt", "scan_dpi", "drawn_dpi"),
    [
        ((2550, 3300), (300, 300), (612, 792), 300, 150),  # a tagged scan
        ((1700, 2200), None, (612, 792), 200, 150),  # taken for a letter page
        ((1728, 1100), (204, 98), (609.9, 808.2), 204, 150),  # a fax, its pixels not square
        ((850, 1100), (72, 72), (612, 792), 100, 100),  # 72 is no tag; 100 dpi is not enlarged
        ((600, 800), None, (594, 792), 72.7, 145.5),  # small letters are doubled, not more
        ((6000, 9000), None, (1440, 2160), 300, 150),  # a newspaper, not a letter page at 818 dpi
        ((4000, 3000), (72, 72), (960, 720), 300, 150),  # a photograph
        ((300, 200), (1200, 1200), (792, 528), 27.3, 54.5),  # a quarter of an inch is no page
    ],
)
def test_an_image_becomes_a_page(
    pixels: tuple[int, int],
    tag_dpi: tuple[float, float] | None,
    size_pt: tuple[float, float],
    scan_dpi: float,
    drawn_dpi: float,
) -> None:
    size = size_of_image(*pixels, tag_dpi)
    assert (size.width_pt, size.height_pt) == pytest.approx(size_pt, abs=0.5)
    assert size.scan_dpi == pytest.approx(scan_dpi, abs=0.1)
    assert dpi_of_image(size, RenderConfig(dpi=150)) == pytest.approx(drawn_dpi, abs=0.1)
