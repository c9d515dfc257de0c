"""How much ink a page carries: what decides that a page is blank."""

import numpy as np
import numpy.typing as npt
from PIL import Image

REDUCED_DPI = 50.0
CONTRAST = 32
"""Grey levels (0..255) between paper and ink."""


def ink_fraction(pixels_HWC: npt.NDArray[np.uint8], dpi: float) -> float:
    """Share of pixels, 0..1, that differ by more than 32 grey levels from the median grey (the paper) once the page is reduced
    to about 50 dpi by averaging: filters_and_schemas.md, A4 row 1. Blank pages stay below 0.0005 there."""
    image = Image.fromarray(pixels_HWC[:, :, 0]) if pixels_HWC.shape[2] == 1 else Image.fromarray(pixels_HWC).convert("L")
    small_HW = np.asarray(image.reduce(max(1, round(dpi / REDUCED_DPI))), dtype=np.int16)
    counts = np.bincount(small_HW.ravel(), minlength=256)
    median = int(np.searchsorted(np.cumsum(counts), (small_HW.size + 1) // 2))
    return float(np.count_nonzero(np.abs(small_HW - median) > CONTRAST)) / small_HW.size
