"""Which model reads how: a profile is all that one vision-language model needs beside vLLM itself.

A profile says what is asked (prompt), what is shown (image and the processor's settings, so the mode), and what the answer
means (parser). A further model is one more function here and one more section in `config.engines`. Pure; no vLLM.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from PIL import Image

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, Mode, OlmocrConfig, VlmConfig
from pipeline.engines.vlm.deepseek_markup import parse_deepseek
from pipeline.engines.vlm.geometry import fit_page
from pipeline.engines.vlm.modes import processor_settings, vision_tokens
from pipeline.engines.vlm.olmocr_markup import parse_olmocr
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
        case DeepseekOcrConfig() | DeepseekOcr2Config():
            return _deepseek(config)
        case OlmocrConfig():
            return _olmocr(config)
    raise EngineError(f"no profile reads with a {type(config).__name__}; engines.vlm.profiles lists those there are")


def _deepseek(config: DeepseekOcrConfig | DeepseekOcr2Config) -> Profile:
    is_first = isinstance(config, DeepseekOcrConfig)
    return Profile(
        architecture="PagemillDeepseekOCRForCausalLM" if is_first else "PagemillDeepseekOCR2ForCausalLM",
        logits_processors=(NGRAM_PROCESSOR,),
        image_token="<image>",
        begins_with_bos=True,
        ask=partial(_ask_deepseek, config=config),
        understand=parse_deepseek,
        modes=config.policy.modes if config.mode == "auto" else (config.mode,),
    )
