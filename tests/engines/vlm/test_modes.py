"""Modes, tiles and vision tokens against a table that vLLM's own processor made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Mode
from pipeline.engines.vlm.modes import (
    DEEPSEEK_OCR,
    DEEPSEEK_OCR_2,
    VisionModel,
    by_cost,
    larger_mode,
    processor_settings,
    tile_grid,
    vision_tokens,
)
from pipeline.errors import ConfigError

UNTILED = {"tiny": 73, "small": 111, "base": 273, "large": 421}
UNTILED_2 = {"base": 257}
TILED: tuple[tuple[int, int, int, tuple[int, int], int, tuple[int, int]], ...] = (
    (640, 640, 273, (1, 1), 257, (1, 1)),
    (641, 640, 693, (2, 2), 257, (1, 1)),
    (640, 641, 693, (2, 2), 257, (1, 1)),
    (1, 1, 273, (1, 1), 257, (1, 1)),
    (420, 595, 273, (1, 1), 257, (1, 1)),
    (100, 900, 933, (1, 6), 1121, (1, 6)),
    (900, 100, 883, (6, 1), 1121, (6, 1)),
    (595, 842, 903, (2, 3), 1121, (2, 3)),
    (1190, 1684, 903, (2, 3), 1121, (2, 3)),
    (1684, 1190, 893, (3, 2), 1121, (3, 2)),
    (1224, 1584, 903, (2, 3), 1121, (2, 3)),
    (1584, 1224, 893, (3, 2), 1121, (3, 2)),
    (2381, 3368, 903, (2, 3), 1121, (2, 3)),
    (768, 768, 693, (2, 2), 257, (1, 1)),
    (769, 768, 693, (2, 2), 833, (2, 2)),
    (760, 760, 693, (2, 2), 257, (1, 1)),
    (1000, 1000, 693, (2, 2), 833, (2, 2)),
    (960, 540, 483, (2, 1), 545, (2, 1)),
    (1920, 1080, 483, (2, 1), 545, (2, 1)),
    (1440, 1080, 893, (3, 2), 1121, (3, 2)),
    (300, 3000, 933, (1, 6), 1121, (1, 6)),
    (3000, 300, 883, (6, 1), 1121, (6, 1)),
    (700, 2100, 603, (1, 3), 689, (1, 3)),
    (2100, 700, 583, (3, 1), 689, (3, 1)),
    (900, 3600, 713, (1, 4), 833, (1, 4)),
    (640, 3840, 933, (1, 6), 1121, (1, 6)),
    (650, 780, 693, (2, 2), 833, (2, 2)),
    (1000, 1200, 693, (2, 2), 833, (2, 2)),
    (10, 6000, 933, (1, 6), 1121, (1, 6)),
    (4000, 6000, 903, (2, 3), 1121, (2, 3)),
    (1000, 800, 693, (2, 2), 833, (2, 2)),
    (1250, 1000, 893, (3, 2), 833, (2, 2)),
    (2000, 1600, 893, (3, 2), 1121, (3, 2)),
    (1600, 2000, 903, (2, 3), 1121, (2, 3)),
    (1400, 800, 483, (2, 1), 545, (2, 1)),
    (1750, 1000, 893, (3, 2), 545, (2, 1)),
    (1810, 1050, 893, (3, 2), 1121, (3, 2)),
    (1000, 400, 483, (2, 1), 545, (2, 1)),
    (2500, 1000, 583, (3, 1), 689, (3, 1)),
    (700, 200, 583, (3, 1), 257, (1, 1)),
    (3500, 1000, 683, (4, 1), 833, (4, 1)),
    (4500, 1000, 783, (5, 1), 977, (5, 1)),
    (5500, 1000, 883, (6, 1), 1121, (6, 1)),
)
"""Width, height; tokens and tiles of gundam in DeepSeek-OCR; the same in DeepSeek-OCR-2. Made once by
`DeepseekOCRProcessor.tokenize_with_images` of vLLM 0.32.0 (strategy v1 with tiles of 640, v2 with 768), which gave the UNTILED
counts for each of these pages as well. Even grids such as 1250 x 1000 and 2000 x 1600 lie half-way between two aspects."""
A4 = (1190, 1684)
SLIDE = (1920, 1080)

sizes = st.integers(1, 8000)
models = st.sampled_from([DEEPSEEK_OCR, DEEPSEEK_OCR_2])


@pytest.mark.parametrize("row", TILED, ids=lambda row: f"{row[0]}x{row[1]}")
def test_tiles_and_tokens_of_gundam_are_those_of_the_reference_processor(
    row: tuple[int, int, int, tuple[int, int], int, tuple[int, int]],
) -> None:
    width, height, tokens, grid, tokens_2, grid_2 = row
    assert tile_grid(width, height, tile_px=640) == grid
    assert tile_grid(width, height, tile_px=768) == grid_2
    assert vision_tokens(DEEPSEEK_OCR, "gundam", width, height) == tokens
    assert vision_tokens(DEEPSEEK_OCR_2, "gundam", width, height) == tokens_2


@given(width=sizes, height=sizes)
def test_modes_without_tiles_cost_the_same_on_any_page(width: int, height: int) -> None:
    assert {mode: vision_tokens(DEEPSEEK_OCR, mode, width, height) for mode in UNTILED} == UNTILED
    assert {mode: vision_tokens(DEEPSEEK_OCR_2, mode, width, height) for mode in UNTILED_2} == UNTILED_2


@given(width=sizes, height=sizes, tile=st.sampled_from([640, 768]))
def test_a_page_gets_two_to_six_tiles_or_none(width: int, height: int, tile: int) -> None:
    grid = tile_grid(width, height, tile_px=tile)
    fits = width <= tile and height <= tile
    assert (grid == (1, 1)) == fits
    assert fits or 2 <= grid.columns * grid.rows <= 6


@given(width=sizes, height=sizes)
def test_no_page_costs_more_than_the_documented_most(width: int, height: int) -> None:
    assert vision_tokens(DEEPSEEK_OCR, "gundam", width, height) <= 933
    assert vision_tokens(DEEPSEEK_OCR_2, "gundam", width, height) <= 1121


@given(model=models, width=sizes, height=sizes, data=st.data())
def test_the_next_larger_mode_costs_more_and_nothing_allowed_lies_between(
    model: VisionModel, width: int, height: int, data: st.DataObject
) -> None:
    mode: Mode = data.draw(st.sampled_from(list(model.modes)))
    allowed = data.draw(st.sets(st.sampled_from(list(model.modes)), min_size=1))
    above = {
        other for other in allowed if vision_tokens(model, other, width, height) > vision_tokens(model, mode, width, height)
    }
    larger = larger_mode(model, mode, width, height, allowed=allowed)
    if not above:
        assert larger is None
        return
    assert larger in above
    assert vision_tokens(model, larger, width, height) == min(vision_tokens(model, other, width, height) for other in above)


def test_the_ladder_of_modes_of_an_a4_page_ends_at_gundam() -> None:
    ladder: list[Mode | None] = ["tiny"]
    while ladder[-1] is not None:
        ladder.append(larger_mode(DEEPSEEK_OCR, ladder[-1], *A4, allowed=DEEPSEEK_OCR.modes))
    assert ladder == ["tiny", "small", "base", "large", "gundam", None]
    assert larger_mode(DEEPSEEK_OCR_2, "base", *A4, allowed=DEEPSEEK_OCR_2.modes) == "gundam"


def test_gundam_is_not_larger_than_base_on_a_page_that_gets_no_tiles() -> None:
    assert larger_mode(DEEPSEEK_OCR, "base", 420, 595, allowed=DEEPSEEK_OCR.modes) == "large"
    assert larger_mode(DEEPSEEK_OCR, "base", 420, 595, allowed=("base", "gundam")) is None
    assert by_cost(DEEPSEEK_OCR, ("gundam", "base"), 420, 595) == [(273, "base"), (273, "gundam")]


def test_modes_are_ordered_by_what_they_cost_on_this_page() -> None:
    assert by_cost(DEEPSEEK_OCR, ("gundam", "large", "tiny"), *SLIDE) == [(73, "tiny"), (421, "large"), (483, "gundam")]
    assert [mode for _, mode in by_cost(DEEPSEEK_OCR, ("large", "gundam"), 420, 595)] == ["gundam", "large"]


def test_the_processor_is_told_the_sizes_of_the_reference_config() -> None:
    sizes_of = {mode: tuple(processor_settings(DEEPSEEK_OCR, mode).values()) for mode in DEEPSEEK_OCR.modes}
    assert sizes_of == {
        "tiny": (512, 512, False),
        "small": (640, 640, False),
        "base": (1024, 1024, False),
        "large": (1280, 1280, False),
        "gundam": (1024, 640, True),
    }
    assert processor_settings(DEEPSEEK_OCR_2, "base") == {"base_size": 1024, "image_size": 1024, "crop_mode": False}
    assert processor_settings(DEEPSEEK_OCR_2, "gundam") == {"base_size": 1024, "image_size": 768, "crop_mode": True}


def test_a_mode_that_the_model_does_not_have_is_named_with_those_it_has() -> None:
    with pytest.raises(ConfigError, match="deepseek-ocr-2 has no mode tiny; choose of base, gundam"):
        vision_tokens(DEEPSEEK_OCR_2, "tiny", *A4)
