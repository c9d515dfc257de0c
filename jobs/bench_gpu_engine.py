"""Part `engine` of the GPU bench: pages of a folder through the engine alone, in modes and windows, on one open model.

In: an engine config, pages, modes, windows. Out: an EngineRun for each round. Needs vLLM, and neither Ray nor PyMuPDF. Two
threads feed the engine, as a worker's two shards do. Not timed: opening the model, and a first look at each mode.

A page's seconds run from the beginning of its preparation to its last token: prepare (mode chosen, page fitted, in the
feeding thread), process (vLLM's image processor, in threads of this process, and waiting for them), queue (waiting for the
first step), prefill (towers and prompt, from the first step to the first token), decode. Pages overlap, so a share says where
pages spend their time, not what the GPU does.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jobs.bench_gpu_pages import repeated
from pipeline.config import DeepseekOcrConfig, Mode
from pipeline.errors import EngineError
from pipeline.records import PageImage, PageText

if TYPE_CHECKING:
    from pipeline.engines.vlm.engine import VlmEngine

RunMode = Mode | Literal["auto"]
Ngram = Literal["ours", "stock", "none"]
STOCK_NGRAM = "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor"
NUM_FEEDERS = 2
"""Shards that a worker reads at once."""
WARM_UP_TOKENS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRun:
    """One round of one mode and window."""

    round_index: int
    ngram: Ngram
    mode: RunMode
    window_pages: int
    num_pages: int
    num_failed: int
    first_error: str
    seconds: float
    steady_pages_per_s: float | None
    """Between the first and the last window's worth of pages: without filling and emptying the window. None for fewer than
    three windows of pages."""
    vision_tokens: int
    output_tokens: int
    prepare_s: float
    process_s: float
    queue_s: float
    prefill_s: float
    decode_s: float
    num_preempted: int
    """Always 0 with a vLLM that does not count them for a request (0.26)."""
    front_cores: float
    """CPU seconds of this process a second: preparing, vLLM's front end, parsing."""
    pages_by_mode: dict[str, int]
    gpu_used_mib: int | None
    """None without nvidia-smi."""

    @property
    def pages_per_s(self) -> float:
        return self.num_pages / self.seconds

    @property
    def shares(self) -> dict[str, float]:
        """Of the pages' seconds, 0..1, adding up to 1."""
        stages = {
            "prepare": self.prepare_s,
            "process": self.process_s,
            "queue": self.queue_s,
            "prefill": self.prefill_s,
            "decode": self.decode_s,
        }
        total_s = sum(stages.values()) or 1.0
        return {name: seconds / total_s for name, seconds in stages.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class EnginePlan:
    """What to measure."""

    modes: tuple[RunMode, ...]
    windows_pages: tuple[int, ...]
    ngrams: tuple[Ngram, ...]
    rounds: int
    windows_per_run: float
    """Pages of a run, in windows."""
    stop_after_s: float
    """No run is begun later than this after the first engine was asked for."""


def forced(config: DeepseekOcrConfig, *, output_tokens: int, ngram: Ngram) -> DeepseekOcrConfig:
    """Every page gives `output_tokens`, loop or not."""
    updates = {"max_output_tokens": output_tokens, "min_output_tokens": output_tokens, "repetition": None}
    return config.model_copy(update={**updates, **({"ngram": None} if ngram == "none" else {})})


def measure(config: DeepseekOcrConfig, pages: Sequence[PageImage], plan: EnginePlan) -> Iterator[EngineRun]:
    """Yields runs as they end. `config` is already `forced`, but for the n-gram limit. Raises EngineError."""
    begun_s = time.monotonic()
    serving = config.serving.model_copy(update={"max_num_seqs": max(plan.windows_pages)})
    for ngram in plan.ngrams:
        setup = config.model_copy(update={"serving": serving, **({"ngram": None} if ngram == "none" else {})})
        engine = _open(setup, ngram)
        try:
            for mode in plan.modes:
                _warm_up(engine, setup, mode, pages)
            for round_index, window_pages, mode in _turns(plan):
                if time.monotonic() - begun_s > plan.stop_after_s:
                    return
                num_pages = max(1, round(plan.windows_per_run * window_pages))
                reader = engine.with_settings(_settings(setup, mode, window_pages))
                yield _run(reader, pages, num_pages, round_index=round_index, ngram=ngram, mode=mode, window_pages=window_pages)
        finally:
            engine.close()


def _open(config: DeepseekOcrConfig, ngram: Ngram) -> "VlmEngine":
    from pipeline.engines.vlm.engine import VlmEngine

    return VlmEngine(config, name="deepseek-ocr", logits_processors=(STOCK_NGRAM,) if ngram == "stock" else None)


def _turns(plan: EnginePlan) -> Iterator[tuple[int, int, RunMode]]:
    """Every window in every mode, once a round; the modes begin elsewhere in each round."""
    for round_index in range(plan.rounds):
        start = round_index % len(plan.modes)
        for window_pages in plan.windows_pages:
            for mode in (*plan.modes[start:], *plan.modes[:start]):
                yield round_index, window_pages, mode


def _settings(config: DeepseekOcrConfig, mode: RunMode, window_pages: int) -> DeepseekOcrConfig:
    window = {"max_pages_in_flight": window_pages, "first_pages_in_flight": window_pages}
    return config.model_copy(update={"mode": mode, "serving": config.serving.model_copy(update=window)})


def _warm_up(engine: "VlmEngine", config: DeepseekOcrConfig, mode: RunMode, pages: Sequence[PageImage]) -> None:
    """Every page that will be measured, once with a short answer: all shapes are compiled. Raises EngineError."""
    short = min(WARM_UP_TOKENS, config.max_output_tokens or WARM_UP_TOKENS)
    settings = _settings(config, mode, min(len(pages), config.serving.max_num_seqs))
    settings = settings.model_copy(update={"max_output_tokens": short, "min_output_tokens": short})
    failed = [answer for answer in engine.with_settings(settings).recognize(pages) if answer.status == "failed"]
    if failed:
        raise EngineError(f"{len(failed)} of {len(pages)} pages failed in mode {mode} before any measure: {failed[0].error}")


def _run(
    engine: "VlmEngine",
    pages: Sequence[PageImage],
    num_pages: int,
    *,
    round_index: int,
    ngram: Ngram,
    mode: RunMode,
    window_pages: int,
) -> EngineRun:
    started_s, started_cpu_s = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(NUM_FEEDERS) as feeders:
        feeds = [feeders.submit(_feed, engine, pages, num_pages, feeder) for feeder in range(NUM_FEEDERS)]
        answers = [timed for feed in feeds for timed in feed.result()]
    seconds, cpu_s = time.monotonic() - started_s, time.process_time() - started_cpu_s
    spent = engine.spent.snapshot()
    errors = [answer.error for _, answer in answers if answer.status == "failed"]
    return EngineRun(
        round_index=round_index,
        ngram=ngram,
        mode=mode,
        window_pages=window_pages,
        num_pages=len(answers),
        num_failed=len(errors),
        first_error=errors[0] if errors else "",
        seconds=seconds,
        steady_pages_per_s=steady_rate([ended_s for ended_s, _ in answers], window_pages),
        vision_tokens=sum(answer.vision_tokens or 0 for _, answer in answers),
        output_tokens=sum(answer.output_tokens or 0 for _, answer in answers),
        prepare_s=spent.prepare_s,
        process_s=spent.process_s,
        queue_s=spent.queue_s,
        prefill_s=spent.prefill_s,
        decode_s=spent.decode_s,
        num_preempted=spent.num_preempted,
        front_cores=cpu_s / seconds,
        pages_by_mode=spent.pages_by_mode,
        gpu_used_mib=gpu_used_mib(),
    )


def _feed(engine: "VlmEngine", pages: Sequence[PageImage], num_pages: int, feeder: int) -> list[tuple[float, PageText]]:
    """Reads every NUM_FEEDERS-th page; each answer with the time it came, in monotonic seconds."""
    mine = (page for page in repeated(pages, num_pages, "bench") if page.page_id.page_index % NUM_FEEDERS == feeder)
    return [(time.monotonic(), answer) for answer in engine.recognize(mine)]


def steady_rate(ended_s: Sequence[float], window_pages: int) -> float | None:
    """Pages a second from the end of page `window_pages` to that of the page a window before the last; None for fewer than
    three windows of pages.

    >>> steady_rate([0.0, 5.0, 6.0, 7.0, 8.0, 8.1], window_pages=2)
    1.0
    """
    if len(ended_s) < 3 * window_pages:
        return None
    middle_s = sorted(ended_s)[window_pages - 1 : len(ended_s) - window_pages]
    return (len(middle_s) - 1) / max(middle_s[-1] - middle_s[0], 1e-9)


def gpu_used_mib() -> int | None:
    """Memory in use on the first GPU, all processes; None where no nvidia-smi answers."""
    answer = ask_gpu("memory.used")
    return int(answer) if answer else None


def ask_gpu(field: str) -> str:
    """One field of `nvidia-smi --query-gpu` for the first GPU; "" where no nvidia-smi answers."""
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30.0).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.splitlines()[0].strip() if answer.strip() else ""
