"""The image handed to vLLM against the resizing that the reference code and vLLM's processor do, written out here."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pipeline.config import Mode
from pipeline.engines.vlm.geometry import fit_page, scale_in
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, DEEPSEEK_OCR_2, VisionModel, processor_settings
from pipeline.errors import ConfigError

GREY = (127, 127, 127)
REFERENCE_SIDE: dict[Mode, int] = {"tiny": 512, "small": 640, "base": 1024, "large": 1280}
UNTILED = [*((DEEPSEEK_OCR, mode) for mode in REFERENCE_SIDE), (DEEPSEEK_OCR_2, "base")]


def noise(height: int, width: int, channels: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def as_rgb(pixels_HWC: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.repeat(pixels_HWC, 3, axis=2) if pixels_HWC.shape[2] == 1 else pixels_HWC)


def reference_view(page: Image.Image, mode: Mode) -> Image.Image:
    """What DeepSeek's own code feeds the encoder: `image_size <= 640` is resized, the rest padded."""
    side = REFERENCE_SIDE[mode]
    if side <= 640:
        return page.resize((side, side))
    return ImageOps.pad(page, (side, side), color=GREY)


def processor_view(page: Image.Image, model: VisionModel, mode: Mode) -> Image.Image:
    """What vLLM's processor makes of an image: resized to `image_size` unless cropping, then padded to `base_size`."""
    told = processor_settings(model, mode)
    if not told["crop_mode"]:
        page = page.resize((told["image_size"], told["image_size"]))
    return ImageOps.pad(page, (told["base_size"], told["base_size"]), color=GREY)


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 900),
    width=st.integers(1, 900),
    channels=st.sampled_from([1, 3]),
    choice=st.sampled_from(UNTILED),
    seed=st.integers(0, 9),
)
def test_behind_the_processor_the_page_is_byte_for_byte_what_the_reference_shows(
    height: int, width: int, channels: int, choice: tuple[VisionModel, Mode], seed: int
) -> None:
    model, mode = choice
    pixels = noise(height, width, channels, seed)
    handed_over = fit_page(pixels, model, mode)
    wanted = reference_view(as_rgb(pixels), mode)
    assert handed_over.mode == "RGB"
    assert handed_over.tobytes() == wanted.tobytes()
    assert processor_view(handed_over, model, mode).tobytes() == wanted.tobytes()


def test_without_our_padding_the_processor_would_stretch_the_page() -> None:
    page = as_rgb(noise(300, 200, 3))
    assert processor_view(page, DEEPSEEK_OCR, "base").tobytes() != reference_view(page, "base").tobytes()


@pytest.mark.parametrize("mode", ["base", "large"])
def test_a_padded_page_keeps_its_aspect_between_bars_of_the_mean_grey(mode: Mode) -> None:
    image = fit_page(np.zeros((800, 400, 1), dtype=np.uint8), DEEPSEEK_OCR, mode)
    side = REFERENCE_SIDE[mode]
    row_WC = np.asarray(image)[side // 2]
    assert image.size == (side, side)
    assert (row_WC[: side // 4] == 127).all()
    assert (row_WC[side // 4 : side - side // 4] == 0).all()
    assert (row_WC[side - side // 4 :] == 127).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_in_gundam_the_page_goes_over_as_it_is(channels: int) -> None:
    pixels = noise(90, 70, channels)
    for model in (DEEPSEEK_OCR, DEEPSEEK_OCR_2):
        image = fit_page(pixels, model, "gundam")
        assert image.mode == "RGB"
        assert image.tobytes() == as_rgb(pixels).tobytes()


def test_a_mode_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="no mode large"):
        fit_page(noise(9, 9, 1), DEEPSEEK_OCR_2, "large")


@pytest.mark.parametrize(
    ("mode", "size", "scale"),
    [
        ("tiny", (1190, 1684), 512 / 1684),
        ("large", (1684, 1190), 1280 / 1684),
        ("gundam", (1190, 1684), 2 * 640 / 1190),
        ("gundam", (1920, 1080), 640 / 1080),
        ("gundam", (420, 595), 1024 / 595),
        ("gundam", (10, 6000), 640 * 6 / 6000),
    ],
)
def test_the_scale_of_a_mode_is_that_of_the_side_that_loses_more(mode: Mode, size: tuple[int, int], scale: float) -> None:
    assert scale_in(DEEPSEEK_OCR, mode, *size) == pytest.approx(scale)
