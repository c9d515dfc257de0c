"""What `interfaces.Engine` promises, as tests for whoever has an `engine` and a `prose_grey` fixture."""

import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.interfaces import Engine
from pipeline.records import PageImage, PageText
from tests.engines.pages import page_image


def small_pages(grey: npt.NDArray[np.uint8], num_pages: int, name: str = "doc") -> Iterator[PageImage]:
    for index in range(num_pages):
        yield page_image(grey[:110].copy(), name, index, layer_text=f"words of page {index}")


def test_each_page_gets_exactly_one_answer(engine: Engine, prose_grey: npt.NDArray[np.uint8]) -> None:
    answers = list(engine.recognize(small_pages(prose_grey, 9)))
    assert sorted(answer.page_id.page_index for answer in answers) == list(range(9))


def test_no_page_gives_no_answer(engine: Engine) -> None:
    assert list(engine.recognize(iter(()))) == []


def test_an_answer_names_its_engine_and_its_version(engine: Engine, prose_grey: npt.NDArray[np.uint8]) -> None:
    (answer,) = engine.recognize(small_pages(prose_grey, 1))
    assert (answer.engine, answer.engine_version) == (engine.name, engine.version)
    assert answer.status == "ok"
    assert answer.text
    assert answer.confidence is None or 0.0 <= answer.confidence <= 1.0
    assert answer.seconds >= 0.0


def test_an_engine_takes_no_more_pages_than_it_says_before_it_answers(
    engine: Engine, prose_grey: npt.NDArray[np.uint8]
) -> None:
    num_taken = 0

    def counted() -> Iterator[PageImage]:
        nonlocal num_taken
        for page in small_pages(prose_grey, 12):
            num_taken += 1
            yield page

    num_answered = 0
    for _ in engine.recognize(counted()):
        assert num_taken - num_answered <= engine.max_pages_in_flight
        num_answered += 1
    assert num_answered == 12


def test_an_error_of_the_page_stream_reaches_the_caller(engine: Engine, prose_grey: npt.NDArray[np.uint8]) -> None:
    def broken() -> Iterator[PageImage]:
        yield from small_pages(prose_grey, 1)
        raise RuntimeError("the renderer is gone")

    with pytest.raises(RuntimeError, match="renderer is gone"):
        list(engine.recognize(broken()))


def test_two_threads_may_read_at_once(engine: Engine, prose_grey: npt.NDArray[np.uint8]) -> None:
    answers: dict[str, list[PageText]] = {}

    def read(name: str) -> None:
        answers[name] = list(engine.recognize(small_pages(prose_grey, 5, name)))

    threads = [threading.Thread(target=read, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("left", "right"):
        assert sorted(answer.page_id for answer in answers[name]) == [(name, index) for index in range(5)]
        assert len({answer.text for answer in answers[name]}) in (1, 5)
