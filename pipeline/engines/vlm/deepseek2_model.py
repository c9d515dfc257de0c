"""DeepSeek-OCR-2 inside vLLM with the mode chosen by each request: upstream's model, towers and weights, our counting.

It knows two modes: base (1024 px, 257 tokens) and gundam (tiles of 768 px, up to 1,121 tokens); a request without
`mm_processor_kwargs` is gundam. Known to vLLM by the name in `plugin.py` and imported by vLLM only.
"""

from collections.abc import Mapping

import torch
import vllm.model_executor.models.deepseek_ocr2 as upstream
from transformers import BatchFeature
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.parse import ImageSize, MultiModalDataItems
from vllm.multimodal.processing import PromptReplacement

from pipeline.engines.vlm.pixels import CELL_PX, BytePagesProcessor
from pipeline.engines.vlm.request_modes import add_view_sizes, pixel_inputs, replace_placeholder

GUNDAM = {"base_size": 1024, "image_size": 768, "crop_mode": True}
"""What a request without a mode gets: upstream's default."""


def count_vision_tokens(global_px: int, tile_px: int, tiles_wide: int, tiles_high: int) -> int:
    """Tokens of one page: its cells, with no newline tokens, and a separator.

    >>> count_vision_tokens(1024, 768, 2, 3)  # 6 x 144 + 256 + 1
    1121
    """
    num_tokens = (global_px // CELL_PX) ** 2 + 1
    if tiles_wide * tiles_high > 1:
        num_tokens += tiles_wide * tiles_high * (tile_px // CELL_PX) ** 2
    return num_tokens


class ProcessingInfo(upstream.DeepseekOCR2ProcessingInfo):
    def get_hf_processor(self, **kwargs: object) -> BytePagesProcessor:
        return self.ctx.get_hf_processor(BytePagesProcessor, **{**GUNDAM, "strategy": "v2", **kwargs})

    def get_image_size_with_most_features(self) -> ImageSize:
        """Six tiles: 1,121 tokens. vLLM sizes its memory by this page; upstream's has four."""
        return ImageSize(width=768, height=6 * 768)


class Processor(upstream.DeepseekOCR2MultiModalProcessor):
    def _get_mm_fields_config(
        self, hf_inputs: BatchFeature, hf_processor_mm_kwargs: Mapping[str, object]
    ) -> dict[str, MultiModalFieldConfig]:
        return add_view_sizes(super()._get_mm_fields_config(hf_inputs, hf_processor_mm_kwargs), hf_inputs)

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> list[PromptReplacement]:
        image_token_id = self.info.get_hf_processor(**hf_processor_mm_kwargs).image_token_id
        return replace_placeholder(image_token_id, mm_items, out_mm_kwargs, count_vision_tokens)


@MULTIMODAL_REGISTRY.register_processor(Processor, info=ProcessingInfo, dummy_inputs=upstream.DeepseekOCR2DummyInputsBuilder)
class PagemillDeepseekOCR2ForCausalLM(upstream.DeepseekOCR2ForCausalLM):
    def _parse_and_validate_image_input(self, **kwargs: object) -> upstream.DeepseekOCRImagePixelInputs | None:
        return pixel_inputs(kwargs, self.view_seperator.dtype)

    def _encode_local_features(self, patches: torch.Tensor) -> torch.Tensor | None:
        if not len(patches):
            return None
        features = self.projector(self.qwen2_model(self.sam_model(patches)))
        return features.view(-1, features.shape[-1])
