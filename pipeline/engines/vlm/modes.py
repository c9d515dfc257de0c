"""The resolution modes of DeepSeek-OCR as data, and what a page costs in each: tiles and vision tokens.

In: a model, a mode, the size of a page in pixels. Out: its tile grid, its vision tokens, the next larger mode, and the settings
that vLLM's image processor takes with the request. It knows neither pixels nor text; `geometry` makes the image, `policy`
chooses the mode. Pure arithmetic, 10 us a page.

    mode     view    tiles                 vision tokens, DeepSeek-OCR      DeepSeek-OCR-2
    tiny     512     -                     73                               -
    small    640     -                     111                              -
    base     1024    -                     273                              257
    large    1280    -                     421                              -
    gundam   1024    2 to 6 of 640 (768)   273; 483 to 933 with tiles       257; 545 to 1,121 with tiles

The counts are those of the prompt (rows, row ends and separator), not the 64, 100, 256, 400 of the paper's tables, which leave
out row ends and separator. Source: DeepSeek-OCR at e4ac34e, DeepSeek-OCR-2 at 2f3699e, vLLM's processor (byte-identical from
0.32 to 0.33).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, TypedDict

from pipeline.config import Mode
from pipeline.errors import ConfigError

Fit = Literal["stretched", "padded", "tiled"]
MIN_TILES = 2
MAX_TILES = 6
"""The model takes up to 9; 6 is what the reference recommends and what vLLM has fixed."""
PX_PER_TOKEN = 64
"""Along each side: patches of 16 px, compressed four times by the encoder."""
SEPARATOR_TOKENS = 1


class TileGrid(NamedTuple):
    """1 x 1: no tiles."""

    columns: int
    rows: int


class ProcessorSettings(TypedDict):
    """`mm_processor_kwargs` of a request, named as in vLLM's processor."""

    base_size: int
    image_size: int
    crop_mode: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ModeSpec:
    """One resolution of one model."""

    fit: Fit
    """How a page becomes a view: `stretched` to a square, `padded` to one, or `tiled`: padded, and tiles beside it."""
    view_px: int
    """Side of the square view of the whole page."""
    tile_px: int
    """Side of a tile; that of the view where there are no tiles."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VisionModel:
    """What of a model decides the number of its vision tokens."""

    name: str
    """As in the config."""
    row_end_tokens: int
    """After each row of tokens: 1 in DeepSeek-OCR, 0 in DeepSeek-OCR-2."""
    modes: Mapping[Mode, ModeSpec]
    """Smallest first."""

    def spec(self, mode: Mode) -> ModeSpec:
        """Raises ConfigError for a mode that the model does not have."""
        if mode not in self.modes:
            raise ConfigError(
                f"{self.name} has no mode {mode}; choose of {', '.join(self.modes)} in the mode, policy or ladder"
            )
        return self.modes[mode]


DEEPSEEK_OCR = VisionModel(
    name="deepseek-ocr",
    row_end_tokens=1,
    modes={
        "tiny": ModeSpec(fit="stretched", view_px=512, tile_px=512),
        "small": ModeSpec(fit="stretched", view_px=640, tile_px=640),
        "base": ModeSpec(fit="padded", view_px=1024, tile_px=1024),
        "large": ModeSpec(fit="padded", view_px=1280, tile_px=1280),
        "gundam": ModeSpec(fit="tiled", view_px=1024, tile_px=640),
    },
)
DEEPSEEK_OCR_2 = VisionModel(
    name="deepseek-ocr-2",
    row_end_tokens=0,
    modes={
        "base": ModeSpec(fit="padded", view_px=1024, tile_px=1024),
        "gundam": ModeSpec(fit="tiled", view_px=1024, tile_px=768),
    },
)


def tile_grid(width_px: int, height_px: int, *, tile_px: int) -> TileGrid:
    """How `gundam` cuts a page: the grid of 2 to 6 tiles whose aspect is nearest to the page's; 1 x 1 when the page fits into
    one tile both ways. Between two equally near grids the one with more tiles wins if it is less than twice the page's area."""
    if width_px <= tile_px and height_px <= tile_px:
        return TileGrid(1, 1)
    aspect, area_px = width_px / height_px, width_px * height_px
    nearest, nearest_distance = TileGrid(1, 1), float("inf")
    for grid in _grids():
        distance = abs(aspect - grid.columns / grid.rows)
        is_filled = area_px > 0.5 * tile_px * tile_px * grid.columns * grid.rows
        if distance < nearest_distance or (distance == nearest_distance and is_filled):
            nearest, nearest_distance = grid, distance
    return nearest


def vision_tokens(model: VisionModel, mode: Mode, width_px: int, height_px: int) -> int:
    """Placeholders that a page takes in the prompt. A4 at any dpi in gundam: 273 + (3 * 10) * (2 * 10 + 1) = 903.

    Raises ConfigError for a mode that the model does not have.
    """
    spec = model.spec(mode)
    num_tokens = _grid_tokens(model, spec.view_px, TileGrid(1, 1)) + SEPARATOR_TOKENS
    if spec.fit != "tiled":
        return num_tokens
    grid = tile_grid(width_px, height_px, tile_px=spec.tile_px)
    return num_tokens if grid == (1, 1) else num_tokens + _grid_tokens(model, spec.tile_px, grid)


def by_cost(model: VisionModel, modes: Collection[Mode], width_px: int, height_px: int) -> list[tuple[int, Mode]]:
    """The modes with their vision tokens for this page, fewest first; equal ones (gundam without tiles sees what base sees) in
    the model's order. Raises ConfigError for a mode that the model does not have."""
    costs = {mode: vision_tokens(model, mode, width_px, height_px) for mode in modes}
    return sorted(((costs[mode], mode) for mode in model.modes if mode in costs), key=lambda cost: cost[0])


def larger_mode(model: VisionModel, mode: Mode, width_px: int, height_px: int, *, allowed: Collection[Mode]) -> Mode | None:
    """The cheapest allowed mode that gives this page more vision tokens than `mode` does; None when there is none.

    Above base on an A5 page at 72 dpi is large, not gundam, which would see it without tiles, as base does. Raises ConfigError
    for a mode that the model does not have.
    """
    num_tokens = vision_tokens(model, mode, width_px, height_px)
    return next((larger for cost, larger in by_cost(model, allowed, width_px, height_px) if cost > num_tokens), None)


def processor_settings(model: VisionModel, mode: Mode) -> ProcessorSettings:
    """What the request tells vLLM's processor. Raises ConfigError for a mode that the model does not have.

    Without tiles both sizes are the view's, also in DeepSeek-OCR-2, whose tiles have 768: the processor first resizes an
    uncropped page to `image_size` squared, which must do nothing to the square that `geometry.fit_page` has made.
    """
    spec = model.spec(mode)
    return ProcessorSettings(base_size=spec.view_px, image_size=spec.tile_px, crop_mode=spec.fit == "tiled")


def _grid_tokens(model: VisionModel, side_px: int, grid: TileGrid) -> int:
    tokens_per_side = -(-side_px // PX_PER_TOKEN)
    return tokens_per_side * grid.rows * (tokens_per_side * grid.columns + model.row_end_tokens)


@cache
def _grids() -> tuple[TileGrid, ...]:
    """In the reference's order, fewest tiles first: the order decides between equally near ones."""
    sides = range(1, MAX_TILES + 1)
    grids = [TileGrid(columns, rows) for columns in sides for rows in sides if MIN_TILES <= columns * rows <= MAX_TILES]
    return tuple(sorted(grids, key=lambda grid: grid.columns * grid.rows))
