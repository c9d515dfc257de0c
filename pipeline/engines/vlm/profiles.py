"""Which model reads how: a profile is all that one vision-language model needs beside vLLM itself.

A profile says what is asked (prompt), what is shown (image and the processor's settings, so the mode), and what the answer
means (parser). A further model is one more function here and one more section in `config.engines`. Pure; no vLLM.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, Mode, OlmocrConfig, VlmConfig
from pipeline.engines.vlm.deepseek_markup import read_deepseek
from pipeline.engines.vlm.geometry import fit_page
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, DEEPSEEK_OCR_2, VisionModel, processor_settings
from pipeline.engines.vlm.olmocr_markup import read_olmocr
from pipeline.engines.vlm.plugin import DEEPSEEK_OCR as DEEPSEEK_ARCHITECTURE
from pipeline.engines.vlm.plugin import DEEPSEEK_OCR_2 as DEEPSEEK_2_ARCHITECTURE
from pipeline.engines.vlm.policy import choose_mode
from pipeline.engines.vlm.prompts import DEEPSEEK_PROMPTS, OLMOCR_PROMPT
from pipeline.engines.vlm.reading import ReadPage
from pipeline.errors import EngineError
from pipeline.records import PageFacts, PageImage

NGRAM_PROCESSOR = "pipeline.engines.vlm.ngram_processor:NgramProcessor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a model is asked about one page."""

    prompt: str
    """Holds the image token once."""
    image: Image.Image
    processor_settings: Mapping[str, object]
    mode: Mode | None
    expected_tokens: int | None
    vision_tokens: int | None
    """As the mode's arithmetic has it; None for a model whose processor alone knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One model as one config asks for it."""

    architecture: str | None
    """Our subclass, where upstream's model class cannot do what is asked of it."""
    logits_processors: tuple[str, ...]
    image_token: str
    begins_with_bos: bool
    ask: Callable[[PageImage], Question]
    understand: Callable[[str, PageFacts], ReadPage]
    modes: tuple[Mode | None, ...]
    """Every mode that a page may be read in."""


def profile_of(config: VlmConfig) -> Profile:
    """Raises EngineError for a config that no profile is written for."""
    match config:
        case DeepseekOcrConfig():
            return _deepseek(config, DEEPSEEK_OCR, DEEPSEEK_ARCHITECTURE)
        case DeepseekOcr2Config():
            return _deepseek(config, DEEPSEEK_OCR_2, DEEPSEEK_2_ARCHITECTURE)
        case OlmocrConfig():
            return _olmocr(config)
    raise EngineError(f"no profile reads with a {type(config).__name__}; engines.vlm.profiles lists those there are")


def _deepseek(config: DeepseekOcrConfig | DeepseekOcr2Config, model: VisionModel, architecture: str) -> Profile:
    return Profile(
        architecture=architecture,
        logits_processors=(NGRAM_PROCESSOR,) if config.ngram else (),
        image_token="<image>",
        begins_with_bos=True,
        ask=partial(_ask_deepseek, config=config, model=model),
        understand=_understand_deepseek,
        modes=config.policy.modes if config.mode == "auto" else (config.mode,),
    )


def _ask_deepseek(page: PageImage, *, config: DeepseekOcrConfig | DeepseekOcr2Config, model: VisionModel) -> Question:
    """A fixed mode is a policy with one mode to choose from: the expected tokens are stored all the same."""
    policy = config.policy if config.mode == "auto" else config.policy.model_copy(update={"modes": (config.mode,)})
    choice = choose_mode(page, policy, model)
    return Question(
        prompt=DEEPSEEK_PROMPTS[config.prompt],
        image=fit_page(page.pixels_HWC, model, choice.mode),
        processor_settings={**processor_settings(model, choice.mode)},
        mode=choice.mode,
        expected_tokens=choice.expected_tokens,
        vision_tokens=choice.vision_tokens,
    )


def _understand_deepseek(output: str, facts: PageFacts) -> ReadPage:
    return read_deepseek(output, width_pt=facts.width_pt, height_pt=facts.height_pt)


def _olmocr(config: OlmocrConfig) -> Profile:
    return Profile(
        architecture=None,
        logits_processors=(NGRAM_PROCESSOR,) if config.ngram else (),
        image_token="<|image_pad|>",
        begins_with_bos=False,
        ask=partial(_ask_olmocr, longest_side_px=config.longest_side_px),
        understand=partial(_understand_olmocr, longest_side_px=config.longest_side_px),
        modes=(None,),
    )


def _ask_olmocr(page: PageImage, *, longest_side_px: int) -> Question:
    """The page at the size that olmOCR renders it; Qwen's processor then rounds both sides to 28 px."""
    return Question(
        prompt=OLMOCR_PROMPT,
        image=_scaled(page.pixels_HWC, longest_side_px),
        processor_settings={},
        mode=None,
        expected_tokens=None,
        vision_tokens=None,
    )


def _scaled(pixels_HWC: npt.NDArray[np.uint8], longest_side_px: int) -> Image.Image:
    """RGB, the longer side brought to `longest_side_px`, smaller pages enlarged."""
    image = Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC).convert("RGB")
    scale = longest_side_px / max(image.size)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC)


def _understand_olmocr(output: str, facts: PageFacts, *, longest_side_px: int) -> ReadPage:
    return read_olmocr(output, width_pt=facts.width_pt, height_pt=facts.height_pt, longest_side_px=longest_side_px)
