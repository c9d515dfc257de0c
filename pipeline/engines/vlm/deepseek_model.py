"""DeepSeek-OCR inside vLLM with the mode chosen by each request: upstream's model, towers and weights, our counting.

A request carries `mm_processor_kwargs` of `base_size`, `image_size` and `crop_mode`; without them it is gundam. Known to vLLM
by the name in `plugin.py` and imported by vLLM only. Costs nothing over upstream. vLLM's CUDA graphs of the encoder
(`cudagraph_mm_encoder`, off by default) must stay off: upstream captures them at gundam's sizes.
"""

from collections.abc import Mapping

import torch
import vllm.model_executor.models.deepseek_ocr as upstream
from transformers import BatchFeature
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.parse import ImageSize, MultiModalDataItems
from vllm.multimodal.processing import PromptReplacement

from pipeline.engines.vlm.pixels import CELL_PX, BytePagesProcessor
from pipeline.engines.vlm.request_modes import add_view_sizes, pixel_inputs, replace_placeholder

GUNDAM = {"base_size": 1024, "image_size": 640, "crop_mode": True}
"""What a request without a mode gets: upstream's default."""


def count_vision_tokens(global_px: int, tile_px: int, tiles_wide: int, tiles_high: int) -> int:
    """Tokens of one page: a row of cells ends with a newline token, a separator ends the page.

    >>> count_vision_tokens(1024, 640, 2, 3)  # gundam, A4 upright: 16 x 17 + 1 and 30 x 21
    903
    """
    side = global_px // CELL_PX
    num_tokens = side * (side + 1) + 1
    if tiles_wide * tiles_high > 1:
        tile_side = tile_px // CELL_PX
        num_tokens += tiles_high * tile_side * (tiles_wide * tile_side + 1)
    return num_tokens


class ProcessingInfo(upstream.DeepseekOCRProcessingInfo):
    def get_hf_processor(self, **kwargs: object) -> BytePagesProcessor:
        return self.ctx.get_hf_processor(BytePagesProcessor, **{**GUNDAM, "strategy": "v1", **kwargs})

    def get_image_size_with_most_features(self) -> ImageSize:
        """Six tiles on top of each other: 933 tokens. vLLM sizes its memory by this page; upstream's has 693."""
        return ImageSize(width=640, height=6 * 640)


class Processor(upstream.DeepseekOCRMultiModalProcessor):
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


@MULTIMODAL_REGISTRY.register_processor(Processor, info=ProcessingInfo, dummy_inputs=upstream.DeepseekOCRDummyInputsBuilder)
class PagemillDeepseekOCRForCausalLM(upstream.DeepseekOCRForCausalLM):
    def _parse_and_validate_image_input(self, **kwargs: object) -> upstream.DeepseekOCRImagePixelInputs | None:
        return pixel_inputs(kwargs, self.view_seperator.dtype)

    def _encode_local_features(self, patches: torch.Tensor, crop_shape: torch.Tensor) -> torch.Tensor | None:
        if not len(patches):
            return None
        fine = self.sam_model(patches)
        coarse = self.vision_model(patches, fine)
        features = torch.cat((coarse[:, 1:], fine.flatten(2).permute(0, 2, 1)), dim=-1)
        return self._assemble_patch_grid(self.projector(features), crop_shape)
