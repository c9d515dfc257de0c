"""The engine that reads with a vision-language model: pages of all shards batched continuously by vLLM in this process.

In: page images. Out: PageTexts in the order in which they finish. A page waits for a place in the window, is prepared (its
mode chosen, fitted to it) in the shard's own thread, generated on vLLM's loop, and parsed in the shard's thread again, so
that the loop only moves tokens. A page's own failure is its PageText; a lost vLLM is EngineDead.
"""

import copy
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial

from vllm import envs
from vllm.v1.engine.exceptions import EngineDeadError

from pipeline.config import RereadRung, VlmConfig
from pipeline.engines.vlm.generation import Generation, generate
from pipeline.engines.vlm.profiles import Profile, profile_of
from pipeline.engines.vlm.requests import Requests
from pipeline.engines.vlm.rereading import changed_config
from pipeline.engines.vlm.self_test import check_model
from pipeline.engines.vlm.serving import OpenModel
from pipeline.engines.vlm.spent import Spent
from pipeline.engines.vlm.versions import check_versions
from pipeline.engines.vlm.window import Window
from pipeline.errors import EngineDead, EngineError
from pipeline.records import PageFacts, PageId, PageImage, PageText


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Answer:
    """A page that vLLM is done with, its image let go."""

    page_id: PageId
    facts: PageFacts
    profile: Profile
    mode: str | None
    expected_tokens: int | None
    generation: Future[Generation]
    seconds: float


class VlmEngine:
    """Opened once per worker; `recognize` and `reread` may run in many threads at once."""

    def __init__(self, config: VlmConfig, *, name: str, logits_processors: tuple[str, ...] | None = None) -> None:
        """`logits_processors`: "module:Class" of those to use instead of the profile's, to compare them.

        Raises EngineError when vLLM, the model or the GPU is not what the config asks for; the message says which.
        """
        vllm_version = check_versions(config, _vllm_variables())
        self.name = name
        self.version = f"{config.model}@{config.revision or 'newest'} vllm-{vllm_version} {config.dtype}"
        self._set(config)
        processors = self._profile.logits_processors if logits_processors is None else logits_processors
        self._model = OpenModel(config, architecture=self._profile.architecture, logits_processors=processors)
        self._requests = Requests(self._model.tokenizer)
        try:
            check_model(self._model, self._requests, config)
        except BaseException:
            self._model.close()
            raise

    def with_settings(self, config: VlmConfig) -> "VlmEngine":
        """The same open model read with other settings: mode, prompt, sampling, lengths, window. It has a window and sums of
        its own; closing one of the two closes both.

        Raises EngineError for a config of another model.
        """
        if (config.model, config.revision, config.dtype) != (self._config.model, self._config.revision, self._config.dtype):
            raise EngineError(
                f"{self.version} is open, not {config.model}@{config.revision} {config.dtype}; open an engine for it"
            )
        other = copy.copy(self)
        other._set(config)
        return other

    def _set(self, config: VlmConfig) -> None:
        self._config = config
        self._profile = profile_of(config)
        serving = config.serving
        self._window = Window(serving.max_pages_in_flight, clock=time.monotonic, first_size=serving.first_pages_in_flight)
        self.spent = Spent()

    @property
    def max_pages_in_flight(self) -> int:
        """The largest window, and one page that waits for a place."""
        return self._config.serving.max_pages_in_flight + 1

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        """Raises EngineDead when vLLM is lost or closed. Stopping early aborts the pages in flight."""
        done: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        in_flight: set[Future[Generation]] = set()

        def next_answer() -> PageText:
            answer = done.get()
            in_flight.discard(answer.generation)
            return self._compose(answer)

        try:
            for page in pages:
                entered_s = self._window.try_enter()
                while entered_s is None and in_flight:
                    yield next_answer()
                    entered_s = self._window.try_enter()
                if entered_s is None:
                    entered_s = self._window.enter()
                in_flight.add(self._begin(page, self._config, self._profile, entered_s, done.put))
                while not done.empty():
                    yield next_answer()
            while in_flight:
                yield next_answer()
        finally:
            for generation in in_flight:
                generation.cancel()

    def reread(self, page: PageImage, changes: RereadRung, previous: PageText) -> PageText | None:
        """Reads the page beside those of `recognize`; see `interfaces.Rereader`."""
        config = changed_config(self._config, changes, page, previous)
        if config is None:
            return None
        done: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._begin(page, config, profile_of(config), self._window.enter(), done.put)
        return self._compose(done.get())

    def close(self) -> None:
        self._model.close()

    def _begin(
        self,
        page: PageImage,
        config: VlmConfig,
        profile: Profile,
        entered_s: float,
        on_done: Callable[[_Answer], None],
    ) -> Future[Generation]:
        """Gives a page that has a place to vLLM; `on_done` hears of its end, in vLLM's thread or at once in this one."""
        started_s = time.perf_counter()
        mode = expected_tokens = None
        try:
            question = profile.ask(page)
            mode, expected_tokens = question.mode, question.expected_tokens
            request = self._requests.make(page.page_id, question, config, profile)
            generation = self._model.start(generate(self._model.engine, request))
        except Exception as error:  # noqa: BLE001  handed on: `_compose` tells a page's failure from the engine's
            generation = Future()
            generation.set_exception(error)
        self.spent.add_preparation(time.perf_counter() - started_s)
        leave = partial(self._leave, page.page_id, page.facts, profile, mode, expected_tokens, entered_s, on_done)
        generation.add_done_callback(leave)
        return generation

    def _leave(
        self,
        page_id: PageId,
        facts: PageFacts,
        profile: Profile,
        mode: str | None,
        expected_tokens: int | None,
        entered_s: float,
        on_done: Callable[[_Answer], None],
        generation: Future[Generation],
    ) -> None:
        is_read = not generation.cancelled() and generation.exception() is None
        num_tokens = len(generation.result().token_ids) if is_read else 0
        num_preempted = self._model.preemptions.take()
        seconds = self._window.leave(entered_s, num_tokens=num_tokens, num_preempted=num_preempted)
        self.spent.add_preempted(num_preempted)
        on_done(
            _Answer(
                page_id=page_id,
                facts=facts,
                profile=profile,
                mode=mode,
                expected_tokens=expected_tokens,
                generation=generation,
                seconds=seconds,
            )
        )

    def _compose(self, answer: _Answer) -> PageText:
        """Tokens to text and blocks."""
        try:
            generation = answer.generation.result()
            raw = self._model.tokenizer.decode(list(generation.token_ids), skip_special_tokens=False)
            read = answer.profile.understand(raw, answer.facts)
            text_tokens = min(self._requests.num_tokens(read.text), len(generation.token_ids))
        except EngineDeadError as error:
            raise EngineDead(f"vLLM is lost: {error}; its worker must be replaced") from error
        except CancelledError as error:
            raise EngineDead("the engine was closed while pages were in flight; open a new one") from error
        except EngineDead:
            raise
        except Exception as error:  # noqa: BLE001  one page's failure is its own PageText
            return self._failure(answer, error)
        self.spent.add_page(generation, mode=answer.mode, text_tokens=text_tokens)
        return PageText(
            page_id=answer.page_id,
            text=read.text,
            status="ok",
            engine=self.name,
            engine_version=self.version,
            blocks=read.blocks,
            mean_logprob=generation.mean_logprob,
            finish_reason=generation.finish_reason,
            vision_tokens=generation.num_image_tokens,
            output_tokens=len(generation.token_ids),
            text_tokens=text_tokens,
            expected_tokens=answer.expected_tokens,
            mode=answer.mode,
            seconds=answer.seconds,
            flags=read.flags,
        )

    def _failure(self, answer: _Answer, error: Exception) -> PageText:
        return PageText(
            page_id=answer.page_id,
            text="",
            status="failed",
            engine=self.name,
            engine_version=self.version,
            mode=answer.mode,
            expected_tokens=answer.expected_tokens,
            seconds=answer.seconds,
            error=f"{type(error).__name__}: {error}",
        )


def _vllm_variables() -> dict[str, str]:
    """The variables that decide whether vLLM can work for us, as vLLM itself has read them."""
    variables = {} if envs.VLLM_PLUGINS is None else {"VLLM_PLUGINS": ",".join(envs.VLLM_PLUGINS)}
    if getattr(envs, "VLLM_USE_V2_MODEL_RUNNER", None) is False:  # older versions have one runner and no such variable
        variables["VLLM_USE_V2_MODEL_RUNNER"] = "0"
    return variables
