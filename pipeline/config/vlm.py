"""Sections of the engines that are vision-language models: which model, which prompt, which resolution, how vLLM runs it.

Everything but `serving`, `workers` and `gpus` changes what a page says and is part of the recipe.
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline.config.values import Fraction, Section

Mode = Literal["tiny", "small", "base", "large", "gundam"]
"""DeepSeek-OCR's resolutions: 73, 111, 273, 421 and, with tiles, up to 933 vision tokens a page."""
Prompt = Literal["grounded", "plain"]
"""`grounded` gives Markdown with a box for each block, `plain` ("Free OCR.") text alone at fewer tokens."""


class NgramLimit(Section):
    """No run of `size` tokens comes twice within the last `window` tokens. 30 and 90 are those of vLLM's recipe."""

    size: PositiveInt = 30
    window: PositiveInt = 90
    free: tuple[str, ...] = ("<td>", "</td>")
    """Tokens that may always come: empty table cells repeat by right."""


class RepetitionStop(Section):
    """A page is stopped while it is generated, once its tail is one piece over and over."""

    min_count: Annotated[int, Field(ge=2)] = 4
    """Copies of the piece at the end."""
    min_tokens: PositiveInt = 300
    """Tokens that the copies cover; 100 empty table cells are 200."""
    max_pattern_tokens: PositiveInt = 1000
    """Length of the piece."""


class ModePolicy(Section):
    """How `mode: auto` chooses: the cheapest allowed mode that should hold the page."""

    modes: tuple[Mode, ...] = ("tiny", "small", "base", "large", "gundam")
    compression_at_most: PositiveFloat = 9.0
    """Expected text tokens per vision token. The paper's table keeps 97 % precision up to about 10, but counts 64 and 100
    vision tokens for tiny and small where the prompt holds 73 and 111: 9 of ours are 10.3 and 10.0 of the paper's. The next
    bin of small, 10.6, has 91.5 %."""
    line_px_at_least: PositiveFloat = 10.0
    """Pitch of text lines once the page is scaled to the mode. A page of 45 lines in tiny has 11 px and is read at 96.5 %
    in the paper's table."""


class Serving(Section):
    """How vLLM runs the model; none of it changes a text beyond rounding."""

    max_pages_in_flight: PositiveInt = 256
    """Upper limit of the window of pages given to vLLM at once, all shards together; it grows up to this while that helps."""
    first_pages_in_flight: PositiveInt = 32
    """What the window begins with. Equal to `max_pages_in_flight`, the window is fixed."""
    max_num_seqs: PositiveInt = 256
    """Pages that one decoding step may serve."""
    max_batched_tokens: PositiveInt = 8192
    gpu_memory_fraction: Fraction = 0.9
    image_threads: PositiveInt = 2
    """In which vLLM makes views of pages: each makes 12 gundam pages a second (infra/benchmarks/front.md), so one thread bounds
    a fast GPU. vLLM 0.26 has them; 0.32 makes views in one thread, whatever stands here."""
    stream_interval: PositiveInt = 32
    """Tokens between two looks at a page's tail; each look wakes the front end."""
    enforce_eager: bool = False
    """Without CUDA graphs: starts faster, decodes slower."""
    load_format: Literal["auto", "dummy"] = "auto"
    """`dummy`: random weights, for benchmarks of an architecture."""


class VlmConfig(Section):
    """What every vision-language engine has; the defaults are DeepSeek-OCR's."""

    workers: PositiveInt = 1
    gpus: NonNegativeFloat = 1.0
    """Of one worker; 0 reads on the CPU, which only tests do."""
    cpus: PositiveFloat = 2.0
    """Logical CPUs of one worker: preparing images beside the loop that feeds the GPU."""
    model: str
    """A name on the model hub or a folder."""
    revision: str | None = None
    """Commit of the model on the hub; None takes its newest, which a nightly build should not."""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    max_model_tokens: PositiveInt = 8192
    """Vision, prompt and output tokens of one page together."""
    max_output_tokens: PositiveInt | None = None
    """None: what the context has left."""
    min_output_tokens: Annotated[int, Field(ge=0)] = 0
    """Above 0 only in benchmarks, to force a length."""
    temperature: NonNegativeFloat = 0.0
    ngram: NgramLimit | None = NgramLimit()
    repetition: RepetitionStop | None = RepetitionStop()
    serving: Serving = Serving()
