"""Part `front` of the GPU bench: what a page costs the CPU before the GPU sees it, one thread, no GPU and no engine.

In: pages, modes, a folder with a tokenizer. Out: CPU milliseconds of each step, and the cores that keep one GPU fed. Steps:
rendering (PDFs alone), preparing (mode choice, page fitted: `profile.ask`), and vLLM's image processor as our plug-in has
it, called directly. Not in it: what vLLM does with the tensors afterwards (a copy to the engine's process).
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TypeVar

from jobs.bench_gpu_engine import RunMode
from jobs.bench_gpu_pages import DPI
from pipeline.config import DeepseekOcrConfig, Mode, RenderConfig
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, ProcessorSettings, processor_settings
from pipeline.engines.vlm.profiles import Question, profile_of
from pipeline.errors import EngineError
from pipeline.records import DocumentRef, PageImage

Given = TypeVar("Given")
Result = TypeVar("Result")
SECONDS_PER_DAY = 86_400.0
Process = Callable[[Question], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepCost:
    """CPU seconds of one step, over pages; of each page the median of the rounds."""

    seconds: tuple[float, ...]

    @property
    def mean_ms(self) -> float:
        """What cores are counted from: costs add up over pages, and some pages cost much more."""
        return 1000.0 * sum(self.seconds) / len(self.seconds)

    @property
    def median_ms(self) -> float:
        return 1000.0 * median(self.seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontCost:
    """All steps; `prepare` and `process` by mode."""

    render: StepCost | None
    """None without PDFs."""
    prepare: Mapping[RunMode, StepCost]
    process: Mapping[RunMode, StepCost]

    def page_ms(self, mode: RunMode) -> float:
        """Mean of all steps that were measured."""
        rendering = self.render.mean_ms if self.render else 0.0
        return rendering + self.prepare[mode].mean_ms + self.process[mode].mean_ms

    def cores_for(self, mode: RunMode, pages_per_s: float) -> float:
        return pages_per_s * self.page_ms(mode) / 1000.0


def measure_front(
    config: DeepseekOcrConfig, pages: Sequence[PageImage], modes: Sequence[RunMode], *, model_dir: Path, rounds: int
) -> tuple[Mapping[RunMode, StepCost], Mapping[RunMode, StepCost]]:
    """Costs of preparing and of vLLM's processor by mode. Modes take turns on each page. Raises EngineError without vLLM."""
    process = _open_processor(model_dir)
    asks = {mode: profile_of(config.model_copy(update={"mode": mode})).ask for mode in modes}
    for mode in modes:
        process(asks[mode](pages[0]))
    prepared: dict[RunMode, list[float]] = {mode: [] for mode in modes}
    processed: dict[RunMode, list[float]] = {mode: [] for mode in modes}
    for page in pages:
        trials: dict[RunMode, list[tuple[float, float]]] = {mode: [] for mode in modes}
        for _ in range(rounds):
            for mode in modes:
                question, prepare_s = _timed(asks[mode], page)
                _, process_s = _timed(process, question)
                trials[mode].append((prepare_s, process_s))
        for mode in modes:
            prepared[mode].append(median(prepare_s for prepare_s, _ in trials[mode]))
            processed[mode].append(median(process_s for _, process_s in trials[mode]))
    return (
        {mode: StepCost(seconds=tuple(prepared[mode])) for mode in modes},
        {mode: StepCost(seconds=tuple(processed[mode])) for mode in modes},
    )


def measure_rendering(paths: Iterable[Path], *, per_document: int, at_most: int) -> StepCost | None:
    """Rendering in this process, as RGB: of each page the time between two events of the renderer. None without pages."""
    from pipeline.rendering import render_document

    seconds: list[float] = []
    for path in paths:
        data = path.read_bytes()
        document = DocumentRef(uri=str(path), size_bytes=len(data), version="bench")
        events = render_document(document, data, config=RenderConfig(dpi=DPI, channels="rgb"))
        started_s = time.thread_time()
        for event in islice(events, 1 + per_document):
            if isinstance(event, PageImage):
                seconds.append(time.thread_time() - started_s)
            started_s = time.thread_time()
        if len(seconds) >= at_most:
            break
    return StepCost(seconds=tuple(seconds[:at_most])) if seconds else None


def _open_processor(model_dir: Path) -> Process:
    """Our plug-in's image processor, one for each mode, as vLLM keeps them."""
    try:
        import torch
        from transformers import AutoTokenizer

        from pipeline.engines.vlm.pixels import BytePagesProcessor
    except ImportError as error:
        raise EngineError(f"this part calls vLLM's image processor, and vLLM cannot be imported here: {error}") from error
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(str(model_dir))
    settings: dict[Mode | None, ProcessorSettings] = {
        mode: processor_settings(DEEPSEEK_OCR, mode) for mode in DEEPSEEK_OCR.modes
    }
    processors = {
        mode: BytePagesProcessor(tokenizer, base_size=sizes["base_size"], image_size=sizes["image_size"])
        for mode, sizes in settings.items()
    }

    def process(question: Question) -> object:
        crop_mode = settings[question.mode]["crop_mode"]
        return processors[question.mode](prompt="<image>", images=[question.image], crop_mode=crop_mode)

    return process


def _timed(step: Callable[[Given], Result], given: Given) -> tuple[Result, float]:
    """The result and this thread's CPU seconds, into which other processes on the machine do not count."""
    started_s = time.thread_time()
    result = step(given)
    return result, time.thread_time() - started_s
