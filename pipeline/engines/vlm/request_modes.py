"""What makes the resolution mode a setting of each request inside one vLLM engine, for both DeepSeek-OCR models.

Upstream reads the sizes from the pixel tensors but counts placeholder tokens from module constants: a request in another
mode stops the whole engine ("Attempted to assign 73 = 73 multimodal tokens to 903 placeholders"). Here both come from the
same tensors. And a batch of the encoder never mixes modes: `view_sizes_px` is a shared field, and vLLM puts two requests
into one batch only where shared fields are equal.

Functions that the two subclasses call from vLLM's hooks; the hooks have had these names and arguments since vLLM 0.26.
"""

from collections.abc import Callable, Mapping

import torch
from transformers import BatchFeature
from vllm.model_executor.models.deepseek_ocr import DeepseekOCRImagePixelInputs
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.parse import ImageEmbeddingItems, ImageProcessorItems, MultiModalDataItems
from vllm.multimodal.processing import PromptReplacement

from pipeline.engines.vlm.pixels import normalize

CountTokens = Callable[[int, int, int, int], int]
"""Vision tokens of a page, from (global_px, tile_px, tiles wide, tiles high)."""


def add_view_sizes(fields: Mapping[str, MultiModalFieldConfig], hf_inputs: BatchFeature) -> dict[str, MultiModalFieldConfig]:
    """For the hook `_get_mm_fields_config`: upstream's fields and the one that keeps modes apart."""
    num_pages = len(hf_inputs.get("images_spatial_crop", ()))
    return {**fields, "view_sizes_px": MultiModalFieldConfig.shared("image", num_pages, keep_on_cpu=True)}


def replace_placeholder(
    image_token_id: int, mm_items: MultiModalDataItems, out_mm_kwargs: MultiModalKwargsItems, count_tokens: CountTokens
) -> list[PromptReplacement]:
    """For the hook `_get_prompt_updates`: the image token of a prompt, repeated as often as its tensors become tokens."""

    def placeholders(index: int) -> list[int]:
        pages = mm_items.get_items("image", (ImageEmbeddingItems, ImageProcessorItems))
        if isinstance(pages, ImageEmbeddingItems):
            return [image_token_id] * pages.get_feature_size(index)
        tensors = out_mm_kwargs["image"][index].get_data()
        global_px, tile_px = tensors["view_sizes_px"].tolist()
        tiles_wide, tiles_high = tensors["images_spatial_crop"].tolist()
        return [image_token_id] * count_tokens(global_px, tile_px, tiles_wide, tiles_high)

    return [PromptReplacement(modality="image", target=[image_token_id], replacement=placeholders)]


def pixel_inputs(kwargs: Mapping[str, object], dtype: torch.dtype) -> DeepseekOCRImagePixelInputs | None:
    """For the hook `_parse_and_validate_image_input`: uint8 views of any size to what the towers read; None without pages.

    Upstream takes pixels that sum to zero for "no page" (vLLM 0.26) or "no tiles" (to this day): a page half black, half white
    loses its tokens there, and with them the engine. So the subclasses count tiles instead, which also saves the device a
    wait for each page.
    """
    views, tiles = kwargs.get("pixel_values"), kwargs.get("images_crop")
    if not isinstance(views, torch.Tensor) or not isinstance(tiles, torch.Tensor):
        return None
    return DeepseekOCRImagePixelInputs(
        type="pixel_values",
        data=normalize(views, dtype),
        images_crop=normalize(tiles, dtype),
        images_spatial_crop=kwargs["images_spatial_crop"],
        resolve_bindings={"base_size": views.shape[-1], "image_size": tiles.shape[-1]},
    )
