"""Lines, pitch and strokes on pages drawn with known type, and on pages that are hard to look at."""

import io
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from pipeline.engines.vlm.density import measure_lines

Pixels = npt.NDArray[np.uint8]
DPI = 144
WORDS = (
    "The miller counted seven sacks of barley and one of rye while rain fell on the wheel, and nobody crossed the bridge "
    "that day except the postman, who carried two letters and a parcel wrapped in brown paper to the house by the river. "
)
SIZE_PT = 10.0
LEADING_PT = 12.0
PITCH_PX = LEADING_PT * DPI / 72


def set_column(
    page: pymupdf.Page, x0: float, x1: float, num_lines: int, *, size: float = SIZE_PT, lead: float = LEADING_PT
) -> None:
    """Lines of WORDS that fill a column from 60 pt down."""
    words = iter((WORDS * 200).split())
    for k in range(num_lines):
        line = next(words)
        while pymupdf.get_text_length(f"{line} and then", fontsize=size) < x1 - x0:
            line = f"{line} {next(words)}"
        page.insert_text((x0, 60 + k * lead), line, fontsize=size)


def rendered(page: pymupdf.Page, dpi: int = DPI) -> Pixels:
    pixmap = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
    return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 1).copy()


def one_column(dpi: int = DPI, num_lines: int = 40) -> Pixels:
    with pymupdf.open() as document:
        page = document.new_page()
        set_column(page, 60, 535, num_lines)
        return rendered(page, dpi)


def as_scan(pixels: Pixels) -> Pixels:
    """Grey ink on shaded paper, noise of sigma 9, JPEG."""
    rng = np.random.default_rng(5)
    shade = np.linspace(-20, 20, pixels.shape[1])[None, :, None]
    grainy = np.clip(50 + pixels * 0.7 + shade + rng.normal(0, 9, pixels.shape), 0, 255).astype(np.uint8)
    packed = io.BytesIO()
    Image.fromarray(grainy[:, :, 0]).save(packed, "JPEG", quality=60)
    return np.asarray(Image.open(packed))[:, :, None]


@pytest.fixture(scope="module")
def prose() -> Pixels:
    return one_column()


def test_the_lines_of_a_column_are_counted_and_their_pitch_is_known(prose: Pixels) -> None:
    lines = measure_lines(prose)
    assert lines.num_lines == 40
    assert lines.line_pitch_px == pytest.approx(PITCH_PX, rel=0.05)
    assert not lines.is_turned
    # The column is 475 of 595 pt wide and 40 * 12 of 842 pt high: 0.45 of the page; ragged ends and strips blur it.
    assert lines.text_fraction == pytest.approx(0.45, abs=0.08)


def test_two_columns_are_counted_once_and_have_the_strokes_of_both() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        set_column(page, 40, 290, 50, size=9, lead=10.5)
        single = measure_lines(rendered(page))
        set_column(page, 310, 560, 50, size=9, lead=10.5)
        both = measure_lines(rendered(page))
    assert both.num_lines == pytest.approx(50, abs=2)
    assert both.line_pitch_px == pytest.approx(10.5 * 2, rel=0.05)
    assert both.num_strokes == pytest.approx(2 * single.num_strokes, rel=0.1)


def test_columns_set_at_different_heights_do_not_hide_each_others_lines() -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        set_column(page, 40, 290, 40, lead=12)
        page.set_cropbox(pymupdf.Rect(0, 6, 595, 842))
        left = rendered(page)
    with pymupdf.open() as document:
        page = document.new_page()
        set_column(page, 310, 560, 40, lead=12)
        page.set_cropbox(pymupdf.Rect(0, 0, 595, 836))
        right = rendered(page)
    lines = measure_lines(np.minimum(left, right))
    assert lines.line_pitch_px == pytest.approx(PITCH_PX, rel=0.05)
    assert lines.num_lines == pytest.approx(40, abs=2)


def test_white_on_black_measures_as_black_on_white(prose: Pixels) -> None:
    assert asdict(measure_lines(255 - prose)) == pytest.approx(asdict(measure_lines(prose)), rel=0.02)


def test_grey_and_rgb_of_the_same_page_measure_the_same(prose: Pixels) -> None:
    assert measure_lines(np.repeat(prose, 3, axis=2)) == measure_lines(prose)


def test_a_shaded_noisy_scan_keeps_lines_and_pitch(prose: Pixels) -> None:
    clean, scan = measure_lines(prose), measure_lines(as_scan(prose))
    assert scan.num_lines == pytest.approx(clean.num_lines, abs=2)
    assert scan.line_pitch_px == pytest.approx(PITCH_PX, rel=0.05)
    assert scan.num_strokes == pytest.approx(clean.num_strokes, rel=0.25)


def test_lines_and_pitch_hold_at_any_resolution() -> None:
    for dpi in (110, 200, 288):
        lines = measure_lines(one_column(dpi))
        assert lines.line_pitch_px == pytest.approx(LEADING_PT * dpi / 72, rel=0.05)
        assert lines.num_lines == pytest.approx(40, abs=1)


@pytest.mark.parametrize("quarter_turns", [1, 3])
def test_a_page_turned_by_a_quarter_is_noticed_and_measured_upright(prose: Pixels, quarter_turns: int) -> None:
    turned = measure_lines(np.rot90(prose, quarter_turns).copy())
    assert turned.is_turned
    assert turned.line_pitch_px == pytest.approx(PITCH_PX, rel=0.05)
    assert turned.num_strokes == pytest.approx(measure_lines(prose).num_strokes, rel=0.1)


def test_a_page_upside_down_measures_as_upright(prose: Pixels) -> None:
    down, up = measure_lines(np.rot90(prose, 2).copy()), measure_lines(prose)
    assert not down.is_turned
    assert down.num_lines == up.num_lines
    assert down.line_pitch_px == pytest.approx(PITCH_PX, rel=0.05)


def test_rules_frames_and_flat_colour_are_no_text() -> None:
    page = np.full((1684, 1190, 1), 255, dtype=np.uint8)
    page[100:104, 100:1000] = 0
    page[100:1500, 100:103] = 0
    page[100:1500, 1000:1003] = 0
    page[800:1000, 300:600] = 90
    for top in range(1050, 1450, 40):
        page[top : top + 24, 700:703] = 0
    lines = measure_lines(page)
    assert lines.num_lines == 0
    assert lines.line_pitch_px is None
    assert lines.num_strokes == lines.line_length_px == lines.text_fraction == 0.0


def test_a_rule_under_every_line_adds_no_lines(prose: Pixels) -> None:
    ruled = prose.copy()
    for k in range(40):
        row = round((60 + k * LEADING_PT + 4.5) * DPI / 72)
        ruled[row : row + 2, 120:1070] = 0
    assert measure_lines(ruled).num_lines == measure_lines(prose).num_lines


def test_a_photograph_adds_little_to_the_text_around_it(prose: Pixels) -> None:
    rng = np.random.default_rng(3)
    photo = np.asarray(
        Image.fromarray(rng.integers(0, 256, (30, 50), dtype=np.uint8)).resize((700, 420), Image.Resampling.BICUBIC)
    )
    page = np.full_like(prose, 255)
    page[:600] = prose[:600]
    before = measure_lines(page)
    page[1100:1520, 200:900, 0] = photo
    after = measure_lines(page)
    assert after.line_pitch_px == pytest.approx(PITCH_PX, rel=0.05)
    assert after.num_strokes == pytest.approx(before.num_strokes, rel=0.15)


def test_a_single_line_has_the_pitch_of_its_letters() -> None:
    lines = measure_lines(one_column(num_lines=1))
    assert lines.num_lines == 1
    assert lines.line_pitch_px == pytest.approx(PITCH_PX, rel=0.4)


def test_a_blank_page_has_no_lines() -> None:
    lines = measure_lines(np.full((1684, 1190, 1), 255, dtype=np.uint8))
    assert (lines.num_lines, lines.line_pitch_px, lines.num_strokes) == (0, None, 0.0)


@settings(max_examples=60, deadline=None)
@given(
    pixels=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 3])),
        elements=st.sampled_from([0, 128, 255]),
    )
)
def test_any_pixels_are_measured_within_bounds(pixels: Pixels) -> None:
    lines = measure_lines(pixels)
    assert lines.num_lines >= 0
    assert 0.0 <= lines.text_fraction <= 1.0
    assert lines.num_strokes >= 0.0
    assert lines.line_pitch_px is None or lines.line_pitch_px > 0.0
    assert (lines.line_pitch_px is None) == (lines.line_length_px == 0.0)


def test_a_very_large_page_is_measured_in_its_own_pixels() -> None:
    wide = np.full((3000, 40, 1), 255, dtype=np.uint8)
    assert measure_lines(wide).line_pitch_px is None
    lines = measure_lines(one_column(500))
    assert lines.line_pitch_px == pytest.approx(LEADING_PT * 500 / 72, rel=0.05)
