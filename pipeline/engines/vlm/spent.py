"""Where an engine's time and tokens went, summed over pages. In: finished generations. Out: a snapshot for benchmarks."""

import threading
from collections import Counter
from dataclasses import dataclass

from pipeline.engines.vlm.generation import Generation


@dataclass(frozen=True, kw_only=True, slots=True)
class SpentSnapshot:
    """Sums since the engine was opened. Stages of one page follow each other; stages of different pages overlap."""

    num_pages: int
    prepare_s: float
    """Choosing the mode and fitting the page, in the shards' threads."""
    process_s: float
    """vLLM's image processing, and waiting for it."""
    queue_s: float
    """Waiting for vLLM's first step."""
    prefill_s: float
    decode_s: float
    num_preempted: int
    pages_by_mode: dict[str, int]
    vision_tokens_by_mode: dict[str, int]
    text_tokens_by_mode: dict[str, int]
    output_tokens_by_mode: dict[str, int]


class Spent:
    """Thread-safe sums."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: Counter[str] = Counter()
        self._seconds: dict[str, float] = {"prepare": 0.0, "process": 0.0, "queue": 0.0, "prefill": 0.0, "decode": 0.0}
        self._by_mode: dict[str, Counter[str]] = {
            "pages": Counter(),
            "vision": Counter(),
            "text": Counter(),
            "output": Counter(),
        }

    def add_preparation(self, seconds: float) -> None:
        with self._lock:
            self._seconds["prepare"] += seconds

    def add_preempted(self, num_pages: int) -> None:
        with self._lock:
            self._sums["preempted"] += num_pages

    def add_page(self, generation: Generation, *, mode: str | None, text_tokens: int) -> None:
        key = mode or "none"
        with self._lock:
            self._sums["pages"] += 1
            self._seconds["process"] += generation.process_s
            self._seconds["queue"] += generation.queue_s
            self._seconds["prefill"] += generation.prefill_s
            self._seconds["decode"] += generation.decode_s
            self._by_mode["pages"][key] += 1
            self._by_mode["vision"][key] += generation.num_image_tokens
            self._by_mode["text"][key] += text_tokens
            self._by_mode["output"][key] += len(generation.token_ids)

    def snapshot(self) -> SpentSnapshot:
        with self._lock:
            return SpentSnapshot(
                num_pages=self._sums["pages"],
                prepare_s=self._seconds["prepare"],
                process_s=self._seconds["process"],
                queue_s=self._seconds["queue"],
                prefill_s=self._seconds["prefill"],
                decode_s=self._seconds["decode"],
                num_preempted=self._sums["preempted"],
                pages_by_mode=dict(self._by_mode["pages"]),
                vision_tokens_by_mode=dict(self._by_mode["vision"]),
                text_tokens_by_mode=dict(self._by_mode["text"]),
                output_tokens_by_mode=dict(self._by_mode["output"]),
            )
