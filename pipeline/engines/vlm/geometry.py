"""A page's pixels to the image that vLLM is handed, so that the model sees what its authors' code shows it.

In: pixels, a mode. Out: an RGB image. The authors stretch a page to a square in tiny and small and pad it to one in base and
large; vLLM's processor stretches it in all four. So the square is made here, with the authors' calls and their defaults
(bicubic), and the processor's own resizing then finds nothing left to do. In gundam the processor does as the authors do, and
gets the page as it is. It does not know text or policy.

Costs, A4 grey at 144 dpi on one core (AMD EPYC, median of 30 pages): tiny 11, small 12, base 14, large 16, gundam 5 ms. A grey
page is fitted in grey, in a third to a half of the time of RGB (27, 29, 38, 45, 11 ms) and with the same bytes: Pillow resizes
each channel by itself.
A page is never brought down in two steps: that would change its bytes.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from pipeline.config import Mode
from pipeline.engines.vlm.modes import VisionModel, tile_grid

PADDING_GREY = 127
"""int(0.5 * 255): the mean that the model's normalisation maps to 0."""


def fit_page(pixels_HWC: npt.NDArray[np.uint8], model: VisionModel, mode: Mode) -> Image.Image:
    """The RGB image to hand over, with the settings of `modes.processor_settings`. C is 1 (grey) or 3 (RGB).

    A square of `view_px`, but in gundam, where it is the page in its own size. Raises ConfigError for a mode that the model
    does not have.
    """
    spec = model.spec(mode)
    page = Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)
    square = (spec.view_px, spec.view_px)
    match spec.fit:
        case "stretched":
            fitted = page.resize(square)
        case "padded":
            fitted = ImageOps.pad(page, square, color=PADDING_GREY if page.mode == "L" else (PADDING_GREY,) * 3)
        case "tiled":
            fitted = page
    return fitted.convert("RGB")


def scale_in(model: VisionModel, mode: Mode, width_px: int, height_px: int) -> float:
    """Pixels that the model sees for one of the page, along the side that loses more: letters that are squeezed in width
    read no better than small ones. With tiles: in the tiles, or in the view where that shows more (a slide of 1920 x 1080:
    tiles 0.59, view 0.53). Raises ConfigError for a mode that the model does not have."""
    spec = model.spec(mode)
    in_view = spec.view_px / max(width_px, height_px)
    if spec.fit != "tiled":
        return in_view
    grid = tile_grid(width_px, height_px, tile_px=spec.tile_px)
    if grid == (1, 1):
        return in_view
    return max(in_view, min(grid.columns * spec.tile_px / width_px, grid.rows * spec.tile_px / height_px))
