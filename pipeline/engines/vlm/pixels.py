"""Pages to the tensors that vLLM carries from the front end to the model, and there to what the towers read.

In: a PIL page in RGB and a mode's sizes. Out: uint8 views, the same pixels that vLLM's own processor would give, and their
sizes beside them. Resizing, padding and tiling are upstream's. Normalising, `(x / 255 - 0.5) / 0.5` in float32, is left to
the device: vLLM casts only floating tensors to the model's dtype, so bytes reach the model as they are. Measured on A4 at
144 dpi in gundam, one thread, medians of 25: 65 ms of a core a page instead of 83, of which 58 are Pillow's resizing, and
10.5 MB on their way instead of 21 in bfloat16 (42 while they are made).

Knows nothing of prompts and of how many tokens a view becomes.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature, PreTrainedTokenizerFast
from vllm.transformers_utils.processors.deepseek_ocr import DeepseekOCRProcessor

MEAN = STD = 0.5
"""Of all three channels, in the `processor_config.json` of DeepSeek-OCR and DeepSeek-OCR-2."""
CELL_PX = 64
"""Side of the square behind one vision token: patches of 16 px, four by four of them."""
QUERY_SIZES_PX = (768, 1024)
"""DeepSeek-OCR-2 learned queries for views of these sides and no others (`query_768`, `query_1024`)."""


class BytePixels:
    """A PIL view to uint8 (channel, height, width); stands where upstream has ToTensor and Normalize."""

    mean = (MEAN, MEAN, MEAN)
    """Upstream pads with this, as 127."""

    def __call__(self, view: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(np.asarray(view).transpose(2, 0, 1)))


class BytePagesProcessor(DeepseekOCRProcessor):
    """Upstream's image processor with uint8 views, and `view_sizes_px` (global, tile) in its answer.

    Raises ValueError for sizes that the towers cannot read and for a checkpoint with another normalisation: in the front
    end that fails one request, in the model it would lose the engine.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        image_mean: Sequence[float] = BytePixels.mean,
        image_std: Sequence[float] = (STD, STD, STD),
        normalize: bool = True,
        image_token: str = "<image>",
        image_size: int = 640,
        base_size: int = 1024,
        strategy: Literal["v1", "v2"] = "v1",
        max_crops: int = 6,
    ) -> None:
        """Each argument is named and none is keyword-only: transformers silently drops all others."""
        super().__init__(
            tokenizer,
            image_token=image_token,
            image_size=image_size,
            base_size=base_size,
            strategy=strategy,
            max_crops=max_crops,
        )
        _check_sizes(base_size, image_size, strategy)
        if {*image_mean, *image_std} != {MEAN} or not normalize:
            raise ValueError(
                f"the checkpoint normalises pixels with mean {image_mean} and std {image_std}, the model class with "
                f"{MEAN} and {STD}; it is not a DeepSeek-OCR checkpoint as published"
            )
        self.image_transform = BytePixels()

    def __call__(self, *, prompt: str, images: Sequence[Image.Image], crop_mode: bool = True, **kwargs: object) -> BatchFeature:
        features = super().__call__(prompt=prompt, images=images, crop_mode=crop_mode, **kwargs)
        # Without tiles or pages upstream makes an empty float tensor, which would turn a batch with it into floats.
        features["pixel_values"] = features["pixel_values"].to(torch.uint8)
        features["images_crop"] = features["images_crop"].to(torch.uint8)
        features["view_sizes_px"] = torch.tensor([self.base_size, self.image_size])
        return features


def normalize(pixels_NCHW: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """uint8 pixels to -1..1 in `dtype`, bit for bit what ToTensor, Normalize and a cast give.

    The divisor is a tensor: CUDA multiplies by the reciprocal of a Python number, which is off by one unit in the last
    place for some of the 256 values.
    """
    divisor = torch.full((1,), 255.0, device=pixels_NCHW.device)
    return pixels_NCHW.to(torch.float32).div_(divisor).sub_(MEAN).div_(STD).to(dtype)


def _check_sizes(global_px: int, tile_px: int, strategy: str) -> None:
    for size_px in (global_px, tile_px):
        if size_px <= 0 or size_px % CELL_PX:
            raise ValueError(f"views of {size_px} px cannot be read: a side has to be a multiple of {CELL_PX} px")
        if strategy == "v2" and size_px not in QUERY_SIZES_PX:
            raise ValueError(f"DeepSeek-OCR-2 reads views of {QUERY_SIZES_PX} px only, not {size_px} px")
