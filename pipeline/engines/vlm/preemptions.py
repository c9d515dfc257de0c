"""How many pages vLLM has put back: it does so when the key-value cache is full, and prefills them again later.

vLLM's figures of one request hold the number in 0.32 and not in 0.26; the sum over all requests is in every
version, and reaches a stat logger.
"""

from typing import Protocol

from vllm.config import VllmConfig
from vllm.v1.metrics.loggers import StatLoggerBase


class Iteration(Protocol):
    """As much of vLLM's IterationStats as is used here."""

    num_preempted_reqs: int


class PreemptionCount(StatLoggerBase):  # type: ignore[misc]  # vLLM is not there when types are checked
    """Counts; `AsyncLLM` makes one logger for an engine through `__call__`."""

    def __init__(self) -> None:
        self._num_preempted = 0

    def __call__(self, vllm_config: VllmConfig, engine_index: int = 0) -> "PreemptionCount":
        return self

    def record(self, scheduler_stats: object, iteration_stats: Iteration | None, *_: object, **__: object) -> None:
        if iteration_stats is not None:
            self._num_preempted += iteration_stats.num_preempted_reqs

    def log_engine_initialized(self) -> None:
        """There is nothing to say."""

    def take(self) -> int:
        """Those since the last call."""
        taken, self._num_preempted = self._num_preempted, 0
        return taken
