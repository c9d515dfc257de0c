"""Section of the page images that are kept beside the pages. Nothing in it changes a text: it is no part of the recipe."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from pipeline.config.values import Section
from pipeline.config.vlm import Mode

SidePx = Annotated[int, Field(ge=16, le=16383)]
"""WebP takes no more."""


class ImagesConfig(Section):
    """One image for each page that was read or is blank, to train vision-language models on."""

    format: Literal["webp", "jpeg", "png"] = "webp"
    """Grey pages of 2 Mpx, a core: webp 70 ms and 165 kB, jpeg 4 ms and 264 kB, png (lossless) 33 ms and 202 kB."""
    quality: Annotated[int, Field(ge=1, le=100)] = 80
    """Of webp and jpeg."""
    max_side_px: SidePx = 2048
    """Longer side of a page that was read in no mode or in one that is not below, or is blank; none is enlarged."""
    side_px_by_mode: Mapping[Mode, SidePx] = {"tiny": 512, "small": 640, "base": 1024, "large": 1280}
    """Longer side of a page by the mode that read it: that of the view. gundam cuts tiles, and takes the page as rendered."""
