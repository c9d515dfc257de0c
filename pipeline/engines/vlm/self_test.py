"""Does this model, in this vLLM, do what the profile says? Run once when a worker opens its engine, one short page a mode.

In: an open model and the config. Out: nothing, or EngineError that says what is wrong and what to do. Costs one prefill and
8 tokens a mode: under a second on a GPU.
"""

from concurrent.futures import Future
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw
from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, VlmConfig
from pipeline.engines.vlm.generation import Generation, Request, generate
from pipeline.engines.vlm.profiles import Question, profile_of
from pipeline.engines.vlm.requests import Requests
from pipeline.engines.vlm.serving import OpenModel
from pipeline.errors import EngineError
from pipeline.records import PageFacts, PageId, PageImage

WIDTH_PX, HEIGHT_PX = 1190, 1684
"""A4 at 144 dpi: gundam cuts it into 2 x 3 tiles."""
NUM_TOKENS = 8
TIMEOUT_S = 600.0
"""For one page; the first one may compile kernels."""
NUM_PROBE_CHOICES = 3


def check_model(model: OpenModel, requests: Requests, config: VlmConfig) -> None:
    """Raises EngineError."""
    page = _draw_page()
    for mode in profile_of(config).modes:
        _check_mode(model, requests, page, _in_mode(config, mode))
    if config.ngram:
        _check_ngram_limit(model, requests, page, config)


def _in_mode(config: VlmConfig, mode: str | None) -> VlmConfig:
    short = {"max_output_tokens": NUM_TOKENS, "min_output_tokens": 0, "repetition": None}
    if isinstance(config, DeepseekOcrConfig | DeepseekOcr2Config):
        return config.model_copy(update={**short, "mode": mode})
    return config.model_copy(update=short)


def _check_mode(model: OpenModel, requests: Requests, page: PageImage, config: VlmConfig) -> None:
    """The prompt begins with BOS, the image takes as many tokens as the mode's arithmetic says, something is generated."""
    profile = profile_of(config)
    question = profile.ask(page)
    request = requests.make(page.page_id, question, config, profile)
    generation = _ask(model, request, question)
    if profile.begins_with_bos and generation.first_prompt_token_id != model.tokenizer.bos_token_id:
        raise EngineError(
            f"vLLM dropped the BOS token from {config.model}'s prompt (it begins with {generation.first_prompt_token_id}); "
            "DeepSeek-OCR reads badly without it. Use a vLLM version in the supported range"
        )
    if question.vision_tokens is not None and generation.num_image_tokens != question.vision_tokens:
        raise EngineError(
            f"mode {question.mode} gave {generation.num_image_tokens} vision tokens instead of {question.vision_tokens}: "
            f"vLLM processes the page otherwise than expected. Check that {config.model} is the model that the engine is "
            "named after, and that Pagemill's vLLM plug-in is installed (pip install pagemill into the same environment)"
        )
    if not generation.token_ids:
        raise EngineError(f"{config.model} generated nothing in mode {question.mode}; are its weights complete?")


def _check_ngram_limit(model: OpenModel, requests: Requests, page: PageImage, config: VlmConfig) -> None:
    """With three tokens to choose from and no pair allowed twice, eight tokens hold seven different pairs; without the
    limit a greedy model repeats one token."""
    profile = profile_of(config)
    question = profile.ask(page)
    asked = requests.make(page.page_id, question, config, profile)
    choices = list(dict.fromkeys(asked.prompt_token_ids[-NUM_PROBE_CHOICES:]))
    sampling = SamplingParams(
        temperature=0.0,
        max_tokens=NUM_TOKENS,
        min_tokens=NUM_TOKENS,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
        allowed_token_ids=choices,
        extra_args={"ngram_size": 2, "window_size": 4 * NUM_TOKENS},
    )
    probe = Request(
        request_id=f"{asked.request_id}-ngram",
        prompt_token_ids=asked.prompt_token_ids,
        image_token_id=asked.image_token_id,
        image=asked.image,
        processor_settings=asked.processor_settings,
        sampling=sampling,
        repetition=None,
    )
    ids = _ask(model, probe, question).token_ids
    pairs = list(pairwise(ids))
    if len(set(pairs)) != len(pairs):
        raise EngineError(
            f"the n-gram limit is not active: {ids} repeats a pair. This vLLM's model runner ignores V1 logits processors; "
            "start the worker with VLLM_USE_V2_MODEL_RUNNER=0 or use vLLM 0.30 or older"
        )


def _ask(model: OpenModel, request: Request, question: Question) -> Generation:
    future: Future[Generation] = model.start(generate(model.engine, request))
    try:
        return future.result(TIMEOUT_S)
    except Exception as error:
        raise EngineError(
            f"the self-test page failed in mode {question.mode}: {type(error).__name__}: {error}; vLLM's log above says more"
        ) from error


def _draw_page() -> PageImage:
    """An A4 page with a few lines on it."""
    image = Image.new("L", (WIDTH_PX, HEIGHT_PX), 255)
    draw = ImageDraw.Draw(image)
    for line in range(12):
        draw.text((120, 140 + 60 * line), f"Line {line}: the mill grinds what the river brings.", fill=0)
    facts = PageFacts(
        width_pt=595.0,
        height_pt=842.0,
        rotation_degrees=0,
        dpi=144.0,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        ink_fraction=0.01,
    )
    return PageImage(page_id=PageId("self-test", 0), facts=facts, pixels_HWC=np.asarray(image)[:, :, None])
