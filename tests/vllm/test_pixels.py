"""Bytes normalised on the device are the pixels of upstream's processor, bit for bit."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer
from vllm.transformers_utils.processors.deepseek_ocr import DeepseekOCRProcessor

from pipeline.engines.vlm.pixels import BytePagesProcessor, normalize
from tests.vllm.reading import V1_MODES, V2_MODES, draw_page

MODES = {f"v1 {name}": ("v1", mode) for name, mode in V1_MODES.items()}
MODES |= {f"v2 {name}": ("v2", mode) for name, mode in V2_MODES.items()}
PAGES = [
    draw_page(),
    draw_page((1650, 1275), seed=1),
    draw_page((300, 200), seed=2),
    Image.effect_noise((900, 700), 90).convert("RGB"),
    Image.new("RGB", (1, 1), (3, 200, 90)),
    Image.linear_gradient("L").convert("RGB").resize((3000, 500)),
]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_pixels_are_those_of_upstream(deepseek_model_dir: Path, mode: str, dtype: torch.dtype) -> None:
    strategy, sizes = MODES[mode]
    tokenizer = AutoTokenizer.from_pretrained(deepseek_model_dir)
    settings = {"image_size": sizes["image_size"], "base_size": sizes["base_size"], "strategy": strategy}
    upstream, ours = DeepseekOCRProcessor(tokenizer, **settings), BytePagesProcessor(tokenizer, **settings)
    for page in PAGES:
        expected = upstream(prompt="<image>", images=[page], crop_mode=sizes["crop_mode"])
        found = ours(prompt="<image>", images=[page], crop_mode=sizes["crop_mode"])
        assert torch.equal(found["images_spatial_crop"], expected["images_spatial_crop"])
        for name in ("pixel_values", "images_crop"):
            assert found[name].dtype == torch.uint8
            assert torch.equal(normalize(found[name], dtype), expected[name].to(dtype)), name


def test_every_byte_is_normalised_as_upstream_does() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    expected = ((pixels.to(torch.float32) / 255) - 0.5) / 0.5
    assert torch.equal(normalize(pixels, torch.float32), expected)


def test_another_normalisation_is_refused(deepseek_model_dir: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(deepseek_model_dir)
    with pytest.raises(ValueError, match="normalises pixels"):
        BytePagesProcessor(tokenizer, image_mean=(0.48, 0.46, 0.41))


@pytest.mark.parametrize(("size_px", "strategy"), [(1000, "v1"), (0, "v1"), (640, "v2")])
def test_a_size_that_the_towers_cannot_read_is_refused(deepseek_model_dir: Path, size_px: int, strategy: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(deepseek_model_dir)
    with pytest.raises(ValueError, match=f"{size_px} px"):
        BytePagesProcessor(tokenizer, base_size=size_px, image_size=768, strategy=strategy)
