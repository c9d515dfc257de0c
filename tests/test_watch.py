"""A watched engine gives the same answers, and says how many pages it holds and for how long it has held any."""

import time
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from pipeline.cluster.watch import WatchedEngine
from pipeline.records import PageImage, PageText
from tests.engines.pages import page_image

NAP_S = 0.02


class Dozing:
    """Answers each page after a nap, and dies on page 2."""

    name = "dozing"
    version = "1"
    max_pages_in_flight = 1

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        for page in pages:
            if page.page_id.page_index == 2:
                raise RuntimeError("dead")
            time.sleep(NAP_S)
            yield PageText(page_id=page.page_id, text="", status="ok", engine=self.name, engine_version=self.version)

    def close(self) -> None:
        return


def pages(number: int) -> list[PageImage]:
    return [page_image(np.zeros((4, 4), np.uint8), page_index=index) for index in range(number)]


def test_a_watched_engine_answers_as_the_engine_does() -> None:
    engine = WatchedEngine(Dozing())
    assert [answer.page_id for answer in engine.recognize(pages(2))] == [page.page_id for page in pages(2)]
    assert (engine.name, engine.version, engine.max_pages_in_flight) == ("dozing", "1", 1)


def test_a_page_is_held_from_when_it_is_asked_for_until_it_is_answered() -> None:
    engine = WatchedEngine(Dozing())
    held = []

    def watched() -> Iterator[PageImage]:
        for page in pages(2):
            held.append(engine.num_pages_held)
            yield page
            held.append(engine.num_pages_held)

    answers = [(answer.page_id.page_index, engine.num_pages_held) for answer in engine.recognize(watched())]
    assert held == [0, 0, 0, 0]
    assert answers == [(0, 0), (1, 0)]
    assert engine.num_pages_read == 2


def test_an_engine_is_busy_while_it_holds_a_page_and_not_while_it_waits_for_one() -> None:
    engine = WatchedEngine(Dozing())

    def late() -> Iterator[PageImage]:
        for page in pages(2):
            time.sleep(5 * NAP_S)
            yield page

    started_s = time.monotonic()
    for _ in engine.recognize(late()):
        pass
    elapsed_s = time.monotonic() - started_s
    assert engine.busy_s >= 2 * NAP_S
    assert elapsed_s - engine.busy_s >= 9 * NAP_S
    resting_s = engine.busy_s
    time.sleep(NAP_S)
    assert engine.busy_s == resting_s


def test_pages_of_a_call_that_failed_are_held_no_longer() -> None:
    engine = WatchedEngine(Dozing())
    with pytest.raises(RuntimeError):
        list(engine.recognize(pages(3)))
    assert (engine.num_pages_held, engine.num_pages_read) == (0, 2)
