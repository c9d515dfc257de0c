"""vLLM's async engine, open in this process on an event loop of its own: no HTTP, no port.

In: a config. Out: an OpenModel that takes coroutines from any thread. Opening costs the model's loading time (20 to 60 s for
a tiny one on the CPU, most of it imports); closing stops vLLM's processes.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Protocol, TypeVar, cast

from vllm import AsyncEngineArgs
from vllm.v1.engine.async_llm import AsyncLLM

from pipeline.config import VlmConfig
from pipeline.engines.vlm.leash import LEASH_CLASS
from pipeline.engines.vlm.preemptions import PreemptionCount
from pipeline.errors import EngineDead, EngineError

Value = TypeVar("Value")
OPEN_TIMEOUT_S = 1800.0
"""Weights from a model hub, compilation and CUDA graphs; a model that takes longer will not come."""

CLOSE_TIMEOUT_S = 10.0


class Tokenizer(Protocol):
    """As much of a Hugging Face tokenizer as is used here."""

    bos_token_id: int | None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...


class OpenModel:
    """Holds the engine and its loop. Thread-safe."""

    def __init__(self, config: VlmConfig, *, architecture: str | None, logits_processors: tuple[str, ...]) -> None:
        """`architecture`: the model class to use instead of the one that the model's config names. Raises EngineError."""
        self.preemptions = PreemptionCount()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vllm", daemon=True)
        self._thread.start()
        args = _engine_args(config, architecture=architecture, logits_processors=logits_processors)
        try:
            self.engine = self.start(_open(args, self.preemptions)).result(OPEN_TIMEOUT_S)
        except Exception as error:
            self._stop_loop()
            raise EngineError(
                f"vLLM could not open {config.model}: {type(error).__name__}: {error}; its own log above says more. "
                "Check engine.model, that the GPU is free, and engine.serving.gpu_memory_fraction"
            ) from error
        self.tokenizer = cast(Tokenizer, self.engine.get_tokenizer())

    def start(self, work: Coroutine[object, object, Value]) -> Future[Value]:
        """Runs a coroutine on the loop. Raises EngineDead once the model is closed."""
        if self._loop.is_closed() or not self._thread.is_alive():
            work.close()
            raise EngineDead("the model is closed; open a new engine")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stops vLLM and its processes; closing twice is fine."""
        if self._loop.is_closed():
            return
        self._cancel_tasks()
        self.engine.shutdown()
        self._stop_loop()
        del self.engine

    def _cancel_tasks(self) -> None:
        """Before vLLM goes, so that its output handler does not report the end as a loss."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(CLOSE_TIMEOUT_S)

    def _stop_loop(self) -> None:
        self._cancel_tasks()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _open(args: AsyncEngineArgs, preemptions: PreemptionCount) -> AsyncLLM:
    """On the loop, so that vLLM's output handler lives there."""
    engine = AsyncLLM.from_engine_args(args, stat_loggers=[preemptions])
    if not all(await engine.collective_rpc("end_with_parent", args=(os.getpid(),))):
        engine.shutdown()
        raise EngineError("vLLM's engine process is not a child of this one, so it could outlive it and keep the GPU")
    return engine


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _engine_args(config: VlmConfig, *, architecture: str | None, logits_processors: tuple[str, ...]) -> AsyncEngineArgs:
    """Caches are off: no two pages are alike, and a page read again is read in another way."""
    serving = config.serving
    return AsyncEngineArgs(
        model=config.model,
        revision=config.revision,
        hf_overrides={"architectures": [architecture]} if architecture else {},
        dtype=config.dtype,
        load_format=serving.load_format,
        max_model_len=config.max_model_tokens,
        max_num_seqs=serving.max_num_seqs,
        max_num_batched_tokens=serving.max_batched_tokens,
        gpu_memory_utilization=serving.gpu_memory_fraction,
        enforce_eager=serving.enforce_eager,
        stream_interval=serving.stream_interval,
        logits_processors=list(logits_processors),
        limit_mm_per_prompt={"image": 1},
        enable_prefix_caching=False,
        mm_processor_cache_gb=0,
        renderer_num_workers=serving.image_threads,
        distributed_executor_backend="uni",  # the worker lives in EngineCore, where the leash must be
        worker_extension_cls=LEASH_CLASS,
        disable_log_stats=True,  # of vLLM's own loggers; the figures are kept as soon as there is any logger
        enable_log_requests=False,
    )
