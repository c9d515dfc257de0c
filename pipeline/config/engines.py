"""Which engine reads, and how: one section for each engine, told apart by `name`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from pipeline.config.values import Fraction, Section
from pipeline.config.vlm import Mode, ModePolicy, NgramLimit, Prompt, VlmConfig


class PpocrConfig(Section):
    """PP-OCR on the CPU, weights from the `rapidocr` wheel."""

    name: Literal["ppocr"] = "ppocr"
    workers: PositiveInt = 1
    threads: PositiveInt = 1
    """Per worker. One worker per core with one thread each reads the most pages."""
    scripts: Literal["all"] | tuple[Literal["latin", "han", "kana"], ...] = "all"
    """`[latin]` cuts the vocabulary (Latin and Greek letters, symbols); a page in another script is noticed, flagged
    `script_mismatch` and read with the whole vocabulary. `kana` is Japanese, kanji included. Pages in any other script are
    rejected as `unreadable_script`."""
    runtime: Literal["auto", "openvino", "onnxruntime"] = "auto"
    precision: Literal["auto", "int8", "f32"] = "auto"
    """Of both networks; "auto" is int8 where the processor has instructions for it, in OpenVINO, f32 elsewhere."""
    detection_scale: Annotated[float, Field(gt=0.0, le=2.0)] = 0.8
    """Detection works on the page scaled by this."""
    squeeze: Annotated[float, Field(gt=0.3, le=1.0)] = 0.8
    """Lines are narrowed by this before recognition."""
    reread_below: Fraction = 0.95
    """Lines under this confidence are read again at full width."""
    window_pages: PositiveInt = 8
    """Pages whose lines share recognition batches, per shard in work. Each takes up to about three times its pixels
    in bytes; with 16 a worker on two shards of mixed scans was measured at 2.5 GB, engine included."""

    @property
    def gpus(self) -> float:
        return 0.0

    @property
    def cpus(self) -> float:
        """Logical CPUs of one worker."""
        return float(self.threads)


class ScriptedConfig(Section):
    """Canned answers with a set timing: tests, drills, scale simulations."""

    name: Literal["scripted"] = "scripted"
    workers: PositiveInt = 1
    gpus: NonNegativeFloat = 0.0
    """Of one worker, as Ray counts them; a node may be started with GPUs that it has not."""
    seconds_per_page: NonNegativeFloat = 0.0
    """Of the page alone; with many in flight, that many are read in this time."""
    pages_in_flight: PositiveInt = 1
    """Read at once, as a GPU engine batches them: at most `pages_in_flight / seconds_per_page` a second."""
    seconds_sigma: NonNegativeFloat = 0.0
    """Spread of the seconds from page to page, of the logarithm, about the same mean; 1 is a long tail: one page in a hundred
    takes six times the mean."""
    fail_every: Annotated[int, Field(ge=0)] = 0
    """Every n-th page (by hash of its identity and shape) fails; 0 never."""
    loop_every: Annotated[int, Field(ge=0)] = 0
    """Every n-th page runs in circles and is stopped; 0 never."""
    truncate_every: Annotated[int, Field(ge=0)] = 0
    """Every n-th page ends in its middle, for want of tokens; 0 never."""
    heal_fraction: Fraction = 0.5
    """Share of these faults that a rereading heals (by hash of the page and the settings changed)."""

    @property
    def cpus(self) -> float:
        """Logical CPUs of one worker."""
        return 1.0


class DeepseekOcrConfig(VlmConfig):
    """DeepSeek-OCR on vLLM: the headline engine."""

    name: Literal["deepseek-ocr"] = "deepseek-ocr"
    model: str = "deepseek-ai/DeepSeek-OCR"
    prompt: Prompt = "grounded"
    mode: Mode | Literal["auto"] = "auto"
    """`auto` chooses for each page by `policy`."""
    policy: ModePolicy = ModePolicy()


class DeepseekOcr2Config(VlmConfig):
    """DeepSeek-OCR-2 on vLLM: it knows two modes only, 257 vision tokens without tiles and up to 1,121 with."""

    name: Literal["deepseek-ocr-2"] = "deepseek-ocr-2"
    model: str = "deepseek-ai/DeepSeek-OCR-2"
    prompt: Prompt = "grounded"
    mode: Literal["auto", "base", "gundam"] = "auto"
    policy: ModePolicy = ModePolicy(modes=("base", "gundam"))


class OlmocrConfig(VlmConfig):
    """olmOCR-2 (Qwen2.5-VL 7B) on vLLM."""

    name: Literal["olmocr-2"] = "olmocr-2"
    model: str = "allenai/olmOCR-2-7B-1025"
    longest_side_px: PositiveInt = 1288
    """The page is scaled to this before it is cut into patches of 28 px."""
    max_model_tokens: PositiveInt = 16384
    temperature: NonNegativeFloat = 0.1
    ngram: NgramLimit | None = None


EngineConfig = Annotated[
    PpocrConfig | ScriptedConfig | DeepseekOcrConfig | DeepseekOcr2Config | OlmocrConfig, Field(discriminator="name")
]

ENGINE_SECTIONS: Mapping[str, type[Section]] = {
    "ppocr": PpocrConfig,
    "scripted": ScriptedConfig,
    "deepseek-ocr": DeepseekOcrConfig,
    "deepseek-ocr-2": DeepseekOcr2Config,
    "olmocr-2": OlmocrConfig,
}
