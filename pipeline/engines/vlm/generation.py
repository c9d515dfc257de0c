"""One page through vLLM: a request in, the generated tokens out, streamed so that a page that loops is stopped early.

It knows the model only by its prompt and settings. Costs nothing beside vLLM's own front end but a look at the page's tail
every `stream_interval` tokens.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from PIL import Image
from vllm import SamplingParams
from vllm.inputs import TokensPrompt
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM

from pipeline.config import RepetitionStop, VlmConfig
from pipeline.engines.vlm.tail import is_looping
from pipeline.errors import EngineError

FinishReason = Literal["stop", "length", "repetition"]
NUM_LOGPROBS = 0
"""vLLM: 0 gives the log probability of the sampled token alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What vLLM is asked for one page."""

    request_id: str
    prompt_token_ids: tuple[int, ...]
    """Holds the image token once; vLLM puts as many in its place as the image takes."""
    image_token_id: int
    image: Image.Image
    processor_settings: Mapping[str, object]
    sampling: SamplingParams
    repetition: RepetitionStop | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """What vLLM made of it."""

    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    mean_logprob: float | None
    """Nats per token; None when nothing was generated."""
    first_prompt_token_id: int
    num_image_tokens: int
    """Placeholders in the expanded prompt: the page's vision tokens."""
    process_s: float
    """vLLM's image processing in this process, and the wait for its threads."""
    queue_s: float
    """From there until the first step took the page up."""
    prefill_s: float
    decode_s: float


def sampling_params(config: VlmConfig, *, free_token_ids: tuple[int, ...], seed: int) -> SamplingParams:
    """`max_output_tokens: None` leaves the length to vLLM, which takes what the context has left after the expanded prompt.
    The seed only matters above temperature 0."""
    ngram: dict[str, object] = {}
    if config.ngram:
        ngram = {
            "ngram_size": config.ngram.size,
            "window_size": config.ngram.window,
            "whitelist_token_ids": list(free_token_ids),
        }
    return SamplingParams(
        temperature=config.temperature,
        max_tokens=config.max_output_tokens,
        min_tokens=config.min_output_tokens,
        seed=seed if config.temperature else None,
        logprobs=NUM_LOGPROBS,
        detokenize=False,
        skip_special_tokens=False,
        output_kind=RequestOutputKind.DELTA,
        extra_args=ngram or None,
    )


async def generate(engine: AsyncLLM, request: Request) -> Generation:
    """Raises what vLLM raises (EngineDeadError when the engine is lost), and EngineError when it gives no end.

    The image is processed before `AsyncLLM.generate` sees the page: given a raw prompt, vLLM 0.26 would do that on the event
    loop, 65 ms for a page in gundam in which no other page moves.
    """
    prompt = TokensPrompt(
        prompt_token_ids=list(request.prompt_token_ids),
        multi_modal_data={"image": request.image},
        mm_processor_kwargs=dict(request.processor_settings),
    )
    asked_s = time.monotonic()
    processed = await engine.renderer.process_for_engine_async(prompt, time.time())
    process_s = time.monotonic() - asked_s
    token_ids: list[int] = []
    output = None
    finish_reason: str | None = None
    stream = engine.generate(processed, request.sampling, request.request_id)
    async for output in stream:
        token_ids += output.outputs[0].token_ids
        finish_reason = output.outputs[0].finish_reason
        if finish_reason is None and request.repetition and is_looping(token_ids, request.repetition):
            finish_reason = "repetition"
            await stream.aclose()
            break
    if output is None or finish_reason not in ("stop", "length", "repetition"):
        raise EngineError(f"vLLM ended request {request.request_id} with {finish_reason!r} after {len(token_ids)} tokens")
    logprob = output.outputs[0].cumulative_logprob
    times = output.metrics
    expanded = output.prompt_token_ids or []
    return Generation(
        token_ids=tuple(token_ids),
        finish_reason=cast(FinishReason, finish_reason),
        mean_logprob=logprob / len(token_ids) if logprob is not None and token_ids else None,
        first_prompt_token_id=expanded[0],
        num_image_tokens=expanded.count(request.image_token_id),
        process_s=process_s,
        queue_s=times.scheduled_ts - times.queued_ts,
        prefill_s=times.first_token_ts - times.scheduled_ts,
        decode_s=times.last_token_ts - times.first_token_ts,
    )
