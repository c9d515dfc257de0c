"""Pagemill's DeepSeek classes with vision towers that a CPU runs in a moment.

Upstream builds its towers at a fixed size (SAM of 12 x 768, CLIP of 24 x 1024, a Qwen2 encoder of 24 x 896), whatever the
config says. These subclasses build small ones where `vision_config.tiny_tower_layers` is set; `tiny_models.py` has weights
that fit.
"""

import contextlib
from collections.abc import Iterator
from unittest import mock

import vllm.model_executor.models.deepseek_ocr as upstream
import vllm.model_executor.models.deepseek_ocr2 as upstream2
from tiny_towers_plugin import CLIP_MLP_DIM, ENCODER_DIM, SAM_DIM, SAM_MLP_DIM
from vllm.model_executor.models.deepencoder import ImageEncoderViT
from vllm.model_executor.models.deepencoder2 import build_qwen2_decoder_as_encoder

from pipeline.engines.vlm.deepseek2_model import PagemillDeepseekOCR2ForCausalLM
from pipeline.engines.vlm.deepseek_model import PagemillDeepseekOCRForCausalLM


@contextlib.contextmanager
def tiny_towers(num_layers: int) -> Iterator[None]:
    """Within it upstream builds small towers; 0 leaves it as it is."""
    if not num_layers:
        yield
        return

    def tiny_sam(**sizes: object) -> ImageEncoderViT:
        small = {"depth": num_layers, "embed_dim": SAM_DIM, "num_heads": 2, "mlp_ratio": SAM_MLP_DIM / SAM_DIM}
        return ImageEncoderViT(**{**sizes, **small, "global_attn_indexes": (num_layers - 1,)})

    def tiny_sam_of_v1() -> ImageEncoderViT:
        return tiny_sam(img_size=1024, patch_size=16, qkv_bias=True, use_rel_pos=True, window_size=14, out_chans=256)

    def tiny_clip_config(**sizes: object) -> upstream.CLIPVisionConfig:
        return clip_config(**{**sizes, "num_hidden_layers": num_layers, "intermediate_size": CLIP_MLP_DIM})

    def tiny_sam_of_v2(**sizes: object) -> ImageEncoderViT:
        return tiny_sam(**{**sizes, "last_conv_output": ENCODER_DIM})

    def tiny_encoder() -> object:
        return build_qwen2_decoder_as_encoder(num_layers, ENCODER_DIM, 2, 1, ENCODER_DIM)

    clip_config = upstream.CLIPVisionConfig
    with (
        mock.patch.multiple(upstream, build_sam_vit_b=tiny_sam_of_v1, CLIPVisionConfig=tiny_clip_config),
        mock.patch.multiple(upstream2, ImageEncoderViT=tiny_sam_of_v2, build_qwen2_decoder_as_encoder=tiny_encoder),
    ):
        yield


class TinyDeepseekOCR(PagemillDeepseekOCRForCausalLM):
    def __init__(self, *, vllm_config, prefix=""):
        with tiny_towers(getattr(vllm_config.model_config.hf_config.vision_config, "tiny_tower_layers", 0)):
            super().__init__(vllm_config=vllm_config, prefix=prefix)


class TinyDeepseekOCR2(PagemillDeepseekOCR2ForCausalLM):
    def __init__(self, *, vllm_config, prefix=""):
        with tiny_towers(getattr(vllm_config.model_config.hf_config.vision_config, "tiny_tower_layers", 0)):
            super().__init__(vllm_config=vllm_config, prefix=prefix)
