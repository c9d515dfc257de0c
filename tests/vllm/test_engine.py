"""The engine on the real vLLM: the contract of all engines, modes, rereading, stopping, and what a lost vLLM means."""

import os
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, OlmocrConfig, RepetitionStop, RereadRung, Serving, VlmConfig
from pipeline.engines import open_engine
from pipeline.engines.vlm.engine import VlmEngine, _Answer
from pipeline.engines.vlm.generation import generate
from pipeline.engines.vlm.profiles import Profile, Question, profile_of
from pipeline.engines.vlm.requests import Requests
from pipeline.engines.vlm.self_test import check_model
from pipeline.engines.vlm.serving import OpenModel
from pipeline.errors import EngineDead, EngineError
from pipeline.records import PageImage, PageText
from tests.engines.contract import *  # noqa: F403  every test of the contract, run here with the fixture below
from tests.engines.pages import PROSE, draw_grey, page_image, write_lines
from tests.vllm.processes import engine_cores

SERVING = Serving(enforce_eager=True, max_num_seqs=8, max_batched_tokens=2048, max_pages_in_flight=8, stream_interval=8)
V1_TOKENS = {"tiny": 73, "small": 111, "base": 273, "large": 421, "gundam": 903}
A4 = {"width_pt": 595.0, "height_pt": 842.0}


def deepseek_config(model_dir: Path) -> DeepseekOcrConfig:
    return DeepseekOcrConfig(
        model=str(model_dir),
        gpus=0,
        max_model_tokens=1200,
        repetition=RepetitionStop(min_count=4, min_tokens=40, max_pattern_tokens=100),
        serving=SERVING,
    )


@pytest.fixture(scope="session")
def deepseek(deepseek_model_dir: Path) -> Iterator[VlmEngine]:
    engine = VlmEngine(deepseek_config(deepseek_model_dir), name="deepseek-ocr")
    yield engine
    engine.close()


@pytest.fixture
def engine(deepseek: VlmEngine) -> VlmEngine:
    return deepseek


@pytest.fixture(scope="session")
def prose_grey() -> npt.NDArray[np.uint8]:
    return draw_grey(lambda page: write_lines(page, PROSE), height_pt=200.0)


@pytest.fixture(scope="session")
def a4_page() -> PageImage:
    return page_image(draw_grey(lambda page: write_lines(page, PROSE * 8), **A4), "a4")


def read_with(engine: VlmEngine, page: PageImage, **settings: object) -> PageText:
    """One page with settings that no rung can change; `min_output_tokens` keeps the model from ending the page."""
    config = engine._config.model_copy(update=settings)
    done: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    engine._begin(page, config, profile_of(config), engine._window.enter(), done.put)
    return engine._compose(done.get())


def question_of(engine: VlmEngine, page: PageImage) -> tuple[Question, VlmConfig, Profile]:
    return engine._profile.ask(page), engine._config, engine._profile


def reread_in(engine: VlmEngine, page: PageImage, **changes: object) -> PageText:
    (first,) = engine.recognize([page])
    answer = engine.reread(page, RereadRung(name="again", **changes), first)
    assert answer is not None
    return answer


def test_a_page_says_in_which_mode_it_was_read_and_what_that_cost(deepseek: VlmEngine, a4_page: PageImage) -> None:
    (answer,) = deepseek.recognize([a4_page])
    assert answer.vision_tokens == V1_TOKENS[str(answer.mode)]
    assert answer.expected_tokens is not None
    assert 0 < (answer.text_tokens or 0) <= (answer.output_tokens or 0)
    assert answer.mean_logprob is not None
    assert answer.mean_logprob < 0.0


def test_five_modes_at_once_in_one_engine_read_as_they_do_alone(deepseek: VlmEngine, a4_page: PageImage) -> None:
    (first,) = deepseek.recognize([a4_page])
    rungs = [RereadRung(name=f"in_{mode}", mode=mode, temperature=0.0, prompt="plain") for mode in V1_TOKENS]
    with ThreadPoolExecutor(5) as threads:
        together = list(threads.map(lambda rung: deepseek.reread(a4_page, rung, first), rungs))
    alone = [deepseek.reread(a4_page, rung, first) for rung in rungs]
    assert [answer.vision_tokens for answer in together if answer] == list(V1_TOKENS.values())
    assert [answer.text for answer in together if answer] == [answer.text for answer in alone if answer]


def test_the_output_may_take_what_the_context_has_left(deepseek: VlmEngine, a4_page: PageImage) -> None:
    prompt_tokens = len(deepseek._requests.make(a4_page.page_id, *question_of(deepseek, a4_page)).prompt_token_ids) - 1
    left = deepseek._config.max_model_tokens - prompt_tokens - V1_TOKENS["base"]
    answer = read_with(deepseek, a4_page, mode="base", min_output_tokens=left, repetition=None)
    assert (answer.finish_reason, answer.output_tokens, answer.error) == ("length", left, "")
    refused = read_with(deepseek, a4_page, mode="base", min_output_tokens=left + 1)
    assert f"max_tokens={left}" in refused.error


def test_a_page_that_runs_in_circles_is_stopped_as_soon_as_that_shows(deepseek: VlmEngine, a4_page: PageImage) -> None:
    """A model that may say one word only."""
    request = deepseek._requests.make(a4_page.page_id, *question_of(deepseek, a4_page))
    one_word = SamplingParams(
        temperature=0.0,
        max_tokens=250,
        min_tokens=250,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
        allowed_token_ids=[request.prompt_token_ids[-1]],
    )
    looping = generate(deepseek._model.engine, replace(request, sampling=one_word))
    generation = deepseek._model.start(looping).result(120.0)
    assert generation.finish_reason == "repetition"
    assert 40 <= len(generation.token_ids) <= 40 + 2 * SERVING.stream_interval


def test_a_larger_mode_is_larger_and_ends(deepseek: VlmEngine, a4_page: PageImage) -> None:
    reading = reread_in(deepseek, a4_page, mode="tiny")
    seen = [reading.mode]
    while (larger := deepseek.reread(a4_page, RereadRung(name="larger", mode="larger"), reading)) is not None:
        reading = larger
        seen.append(reading.mode)
    assert seen == ["tiny", "small", "base", "large", "gundam"]


def test_a_reading_that_changes_nothing_is_not_made(deepseek: VlmEngine, a4_page: PageImage) -> None:
    (first,) = deepseek.recognize([a4_page])
    assert deepseek.reread(a4_page, RereadRung(name="same", prompt="grounded"), first) is None


def test_a_page_that_cannot_be_prepared_fails_alone(deepseek: VlmEngine, prose_grey: npt.NDArray[np.uint8]) -> None:
    bad = page_image(np.zeros((0, 7, 1), np.uint8), "bad")
    answers = {answer.page_id.doc_id: answer for answer in deepseek.recognize([bad, page_image(prose_grey, "good")])}
    assert (answers["bad"].status, answers["bad"].text) == ("failed", "")
    assert answers["bad"].error
    assert answers["good"].status == "ok"


@pytest.mark.parametrize(
    "pixels",
    [np.full((1, 1), 255, np.uint8), np.full((3, 4000), 200, np.uint8), np.zeros((4000, 30), np.uint8)],
    ids=["one_pixel", "hair", "pole"],
)
def test_an_odd_page_is_answered_and_never_kills(deepseek: VlmEngine, pixels: npt.NDArray[np.uint8]) -> None:
    (answer,) = deepseek.recognize([page_image(pixels)])
    assert (answer.status, answer.error) == ("ok", "")
    gundam = deepseek.reread(page_image(pixels), RereadRung(name="tiled", mode="gundam", prompt="plain"), answer)
    assert gundam is not None
    assert gundam.status == "ok"


def test_stopping_early_aborts_the_pages_in_flight(deepseek: VlmEngine, a4_page: PageImage) -> None:
    pages = (page_image(a4_page.pixels_HWC, "left", index) for index in range(40))
    answers = deepseek.recognize(pages)
    next(answers)
    answers.close()
    deadline_s = time.monotonic() + 30.0
    while deepseek._window._num_in_flight and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert deepseek._window._num_in_flight == 0
    while deepseek._model.engine.get_num_unfinished_requests() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert deepseek._model.engine.get_num_unfinished_requests() == 0
    assert len(list(deepseek.recognize([a4_page]))) == 1


def test_the_shares_of_all_pages_add_up_to_the_time_they_took(deepseek: VlmEngine, a4_page: PageImage) -> None:
    started_s = time.monotonic()
    answers = list(deepseek.recognize(page_image(a4_page.pixels_HWC, "t", index) for index in range(6)))
    assert sum(answer.seconds for answer in answers) <= time.monotonic() - started_s


def test_a_model_that_is_not_what_the_engine_is_named_after_is_found_out(deepseek: VlmEngine) -> None:
    other = DeepseekOcr2Config(model=deepseek._config.model, gpus=0, serving=SERVING)
    with pytest.raises(EngineError, match="273 vision tokens instead of 257"):
        check_model(deepseek._model, Requests(deepseek._model.tokenizer), other)


def test_a_model_without_the_ngram_limit_is_found_out(deepseek_model_dir: Path) -> None:
    config = deepseek_config(deepseek_model_dir)
    model = OpenModel(config, architecture="PagemillDeepseekOCRForCausalLM", logits_processors=())
    with pytest.raises(EngineError, match="n-gram limit is not active"):
        check_model(model, Requests(model.tokenizer), config)
    model.close()


def test_a_killed_vllm_is_an_engine_dead_for_every_shard(deepseek_model_dir: Path, a4_page: PageImage) -> None:
    engine = VlmEngine(deepseek_config(deepseek_model_dir), name="deepseek-ocr")
    errors: list[BaseException] = []

    def read(name: str) -> None:
        try:
            for _ in engine.recognize(page_image(a4_page.pixels_HWC, name, index) for index in range(500)):
                reading.set()
        except EngineDead as error:
            errors.append(error)

    reading = threading.Event()
    shards = [threading.Thread(target=read, args=(name,)) for name in ("left", "right")]
    for shard in shards:
        shard.start()
    assert reading.wait(60.0)
    engine_cores(os.getpid())[-1].kill()
    for shard in shards:
        shard.join(60.0)
    assert len(errors) == 2
    with pytest.raises(EngineDead):
        list(engine.recognize([a4_page]))
    engine.close()


def test_deepseek_ocr_2_reads_in_both_its_modes(deepseek2_model_dir: Path, a4_page: PageImage) -> None:
    config = DeepseekOcr2Config(
        model=str(deepseek2_model_dir), gpus=0, max_model_tokens=1400, max_output_tokens=24, mode="base", serving=SERVING
    )
    engine = open_engine(config)
    (base,) = engine.recognize([a4_page])
    gundam = engine.reread(a4_page, RereadRung(name="larger", mode="larger"), base)
    engine.close()
    assert (base.mode, base.vision_tokens) == ("base", 257)
    assert (gundam.mode, gundam.vision_tokens) == ("gundam", 1121)


def test_a_second_model_family_reads_by_its_profile(qwen_model_dir: Path, a4_page: PageImage) -> None:
    config = OlmocrConfig(
        model=str(qwen_model_dir), gpus=0, longest_side_px=560, max_model_tokens=2048, max_output_tokens=24, serving=SERVING
    )
    engine = open_engine(config)
    (answer,) = engine.recognize([a4_page])
    engine.close()
    assert (answer.status, answer.mode, answer.error) == ("ok", None, "")
    assert answer.vision_tokens == 20 * 14
    assert answer.output_tokens
