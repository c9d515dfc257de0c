"""The ladder as an engine: one answer for each page whatever happens, bounded, and nothing left behind."""

import threading
import weakref
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import EngineRung, PpocrConfig, RereadRung, ScriptedConfig, TextLayerRung
from pipeline.engines.ladder.engine import LadderEngine
from pipeline.engines.scripted import ScriptedEngine
from pipeline.errors import EngineDead, EngineError
from pipeline.interfaces import Engine
from pipeline.records import PageImage, PageText
from tests.engines.ladder.doubles import AtItsWord, Told, image, ladder_on, no_engine, reading, wider

WAIT_S = 20.0


def climbers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("climber")}


def test_a_good_page_does_not_climb() -> None:
    base = Told()
    (answer,) = ladder_on(base, wider()).recognize([image()])
    assert (answer.text, answer.rung, answer.attempts, answer.seconds) == ("good", "first", (), 1.0)
    assert base.rereads == []


def test_a_page_read_badly_climbs_and_its_row_tells_what_was_tried() -> None:
    base = Told({1: "loop"}, {(1, "wider"): "truncated loop"})
    ladder = ladder_on(base, wider(), wider("smaller"))
    answers = {answer.page_id.page_index: answer for answer in ladder.recognize(image(index) for index in range(3))}
    assert sorted(answers) == [0, 1, 2]
    healed = answers[1]
    assert (healed.text, healed.rung, healed.mode, healed.seconds) == ("good", "smaller", "small", 3.0)
    assert [(each.rung, each.mode, each.reasons, each.seconds) for each in healed.attempts] == [
        ("first", "tiny", ("loop",), 1.0),
        ("wider", "small", ("truncated", "loop"), 1.0),
    ]
    ladder.close()


def test_a_rung_is_told_the_mode_of_the_reading_before() -> None:
    base = Told({0: "loop"}, {(0, "wider"): "loop", (0, "again"): "loop"})
    list(ladder_on(base, wider(), wider("again")).recognize([image()]))
    assert base.rereads == [(0, "wider", "tiny"), (0, "again", "small")]


def test_the_engine_goes_on_while_a_page_climbs() -> None:
    others_are_read = threading.Event()

    class Slow(Told):
        def reread(self, page: PageImage, changes: RereadRung, previous: PageText) -> PageText | None:
            assert others_are_read.wait(WAIT_S)
            return super().reread(page, changes, previous)

    order = []
    for answer in ladder_on(Slow({0: "loop"}), wider()).recognize(image(index) for index in range(9)):
        order.append(answer.page_id.page_index)
        if len(order) == 8:
            others_are_read.set()
    assert order == [1, 2, 3, 4, 5, 6, 7, 8, 0]


def test_what_a_rung_raises_is_an_attempt_and_the_climb_goes_on() -> None:
    base = Told({0: "loop"}, {(0, "wider"): RuntimeError("out of memory")})
    (answer,) = ladder_on(base, wider(), wider("again")).recognize([image()])
    assert (answer.rung, answer.text) == ("again", "good")
    failed = answer.attempts[1]
    assert (failed.rung, failed.reasons, failed.error) == ("wider", ("engine_failed",), "RuntimeError: out of memory")


def test_a_lost_engine_is_the_one_thing_that_goes_through() -> None:
    with pytest.raises(EngineDead, match="CUDA"):
        list(ladder_on(Told({0: "loop"}, {(0, "wider"): EngineDead("CUDA error")}), wider()).recognize([image()]))


def test_a_rung_that_cannot_read_otherwise_is_no_attempt() -> None:
    (answer,) = ladder_on(Told({0: "loop"}, {(0, "wider"): None}), wider()).recognize([image()])
    assert (answer.text, answer.rung, answer.attempts) == ("loop", "first", ())


def test_an_engine_of_a_rung_is_opened_once_and_only_when_a_page_needs_it() -> None:
    opened: list[Told] = []

    def open_engine(config: object) -> Engine:
        opened.append(Told())
        return opened[-1]

    rung = EngineRung(name="other", engine=PpocrConfig(), when=("loop",))
    ladder = LadderEngine(Told({1: "loop", 2: "loop", 3: "loop"}), [rung], AtItsWord(), open_engine=open_engine)
    assert [answer.rung for answer in ladder.recognize([image(0)])] == ["first"]
    assert opened == []
    assert {answer.rung for answer in ladder.recognize(image(index) for index in (1, 2, 3))} == {"other"}
    assert len(opened) == 1
    ladder.close()
    assert opened[0].closed


def test_an_engine_that_cannot_be_opened_is_asked_for_once_and_told_in_every_row() -> None:
    asked = []

    def open_engine(config: object) -> Engine:
        asked.append(config)
        raise EngineError("the weights are not there")

    rung = EngineRung(name="other", engine=PpocrConfig(), when=("loop",))
    ladder = LadderEngine(Told({0: "loop", 1: "loop"}), [rung], AtItsWord(), open_engine=open_engine)
    answers = list(ladder.recognize([image(0), image(1)]))
    assert [answer.text for answer in answers] == ["loop", "loop"]
    assert all("the weights are not there" in answer.attempts[0].error for answer in answers)
    assert len(asked) == 1


def test_a_rereading_rung_on_an_engine_that_cannot_is_refused_by_its_name() -> None:
    class OneWay:
        name = "oneway"
        version = "1"
        max_pages_in_flight = 1
        recognize = Told.recognize
        close = Told.close

    with pytest.raises(EngineError, match=r"rung 'wider' reads again .* the engine oneway cannot; take the rung out"):
        ladder_on(OneWay(), wider())  # type: ignore[arg-type]


def test_a_trusted_text_layer_stands_for_a_reading_and_another_does_not() -> None:
    page = image(layer_text="good words of the page's own")
    rung = TextLayerRung(name="layer")
    (answer,) = ladder_on(Told({0: "loop"}), rung, assessor=AtItsWord(trusts_layer=True)).recognize([page])
    assert (answer.source, answer.engine, answer.text, answer.rung) == (
        "text_layer",
        "text_layer",
        page.facts.layer_text,
        "layer",
    )
    (answer,) = ladder_on(Told({0: "loop"}), rung).recognize([page])
    assert (answer.source, answer.rung, answer.attempts) == ("ocr", "first", ())


def test_two_shards_climb_one_ladder_at_once() -> None:
    base = Told(dict.fromkeys(range(0, 30, 3), "loop"), window_pages=4)
    ladder = ladder_on(base, wider())
    answers: dict[str, list[PageText]] = {}

    def read(name: str) -> None:
        answers[name] = list(ladder.recognize(image(index, name) for index in range(30)))

    threads = [threading.Thread(target=read, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    ladder.close()
    for name in ("left", "right"):
        assert sorted(answer.page_id for answer in answers[name]) == [(name, index) for index in range(30)]
        assert sum(answer.rung == "wider" for answer in answers[name]) == 10


class Blocked(Told):
    """Climbs come to a stand until `go` is set."""

    def __init__(self, answers: dict[int, str]) -> None:
        super().__init__(answers, window_pages=3)
        self.go = threading.Event()
        self.is_climbing = threading.Event()
        self.has_answered_all = threading.Event()

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        yield from super().recognize(pages)
        self.has_answered_all.set()

    def reread(self, page: PageImage, changes: RereadRung, previous: PageText) -> PageText | None:
        self.is_climbing.set()
        assert self.go.wait(WAIT_S)
        super().reread(page, changes, previous)
        return reading(page.page_id, "loop")


def test_a_consumer_that_stops_early_leaves_no_thread_and_no_further_reading() -> None:
    before = climbers()
    base = Blocked(dict.fromkeys(range(3), "loop"))
    ladder = ladder_on(base, wider(), wider("again"))
    answers = ladder.recognize(image(index) for index in range(4))
    assert next(answers).page_id.page_index == 3
    assert base.is_climbing.wait(WAIT_S)
    answers.close()  # type: ignore[attr-defined]
    base.go.set()
    ladder.close()
    assert climbers() <= before
    assert {rung for _, rung, _ in base.rereads} == {"wider"}
    assert len(base.rereads) <= 2, "the third page was still waiting for a climber"
    assert base.closed


def test_closing_a_ladder_that_pages_climb_ends_their_stream_and_hangs_nobody() -> None:
    base = Blocked(dict.fromkeys(range(4), "loop"))
    ladder = ladder_on(base, wider())
    told: list[BaseException] = []

    def read() -> None:
        try:
            list(ladder.recognize(image(index) for index in range(4)))
        except EngineDead as error:
            told.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert base.is_climbing.wait(WAIT_S)
    assert base.has_answered_all.wait(WAIT_S), "two pages climb and two wait for a climber"
    closer = threading.Thread(target=ladder.close)
    closer.start()
    reader.join(WAIT_S)
    base.go.set()
    closer.join(WAIT_S)
    assert not reader.is_alive()
    assert "closed" in str(told[0])


class Census:
    """Counts the images that are alive."""

    def __init__(self) -> None:
        self.num_alive = 0
        self.most_alive = 0
        self._lock = threading.Lock()

    def image(self, index: int) -> PageImage:
        page = image(index)
        weakref.finalize(page.pixels_HWC, self._buried)
        with self._lock:
            self.num_alive += 1
            self.most_alive = max(self.most_alive, self.num_alive)
        return page

    def _buried(self) -> None:
        with self._lock:
            self.num_alive -= 1


FAULTS = st.sampled_from(["good", "loop", "truncated", "overfull", "low_conf garbled"])
OUTCOMES = FAULTS | st.none() | st.just(RuntimeError("a rung broke"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(FAULTS, OUTCOMES, OUTCOMES), max_size=40), st.integers(1, 6))
def test_every_page_has_one_answer_and_no_more_images_are_held_than_promised(
    fates: list[tuple[str, str | Exception | None, str | Exception | None]], window_pages: int
) -> None:
    base = Told(
        {index: first for index, (first, _, _) in enumerate(fates)},
        {(index, rung): fate for index, (_, *later) in enumerate(fates) for rung, fate in zip("ab", later, strict=True)},
        window_pages=window_pages,
    )
    census = Census()
    ladder = ladder_on(base, wider("a"), wider("b", when=("loop", "garbled", "engine_failed")))
    answers = list(ladder.recognize(census.image(index) for index in range(len(fates))))
    ladder.close()
    assert sorted(answer.page_id.page_index for answer in answers) == list(range(len(fates)))
    assert census.most_alive <= ladder.max_pages_in_flight
    assert census.num_alive == 0
    for answer in answers:
        first, *later = fates[answer.page_id.page_index]
        readings = 1 + len(answer.attempts)
        assert answer.seconds >= sum(attempt.seconds for attempt in answer.attempts)
        assert readings <= 1 + sum(fate is not None for fate in later)
        if first == "good":
            assert (answer.rung, readings) == ("first", 1)


def test_a_flood_of_bad_pages_slows_the_feeding_and_loses_none() -> None:
    census = Census()
    ladder = ladder_on(Told(dict.fromkeys(range(200), "loop"), window_pages=3), wider())
    answers = list(ladder.recognize(census.image(index) for index in range(200)))
    ladder.close()
    assert sorted(answer.page_id.page_index for answer in answers) == list(range(200))
    assert {answer.rung for answer in answers} == {"wider"}
    assert census.most_alive <= ladder.max_pages_in_flight == 3 + 2


class LoopsAreBad(AtItsWord):
    def reasons_against(self, facts: object, page: PageText) -> tuple[str, ...]:
        return ("loop",) if page.finish_reason == "repetition" else ()


def test_scripted_pages_heal_alike_in_every_run() -> None:
    def healed() -> Iterator[tuple[int, str]]:
        base = ScriptedEngine(ScriptedConfig(loop_every=3, heal_fraction=0.5), lambda page_id, facts: "good")
        ladder = ladder_on(base, wider(), wider("again"), assessor=LoopsAreBad())
        for answer in ladder.recognize(image(index) for index in range(60)):
            yield answer.page_id.page_index, answer.rung
        ladder.close()

    runs = [sorted(healed()) for _ in range(2)]
    assert runs[0] == runs[1]
    assert {"first", "wider"} <= {rung for _, rung in runs[0]}


def test_closing_the_ladder_closes_the_engine_at_its_foot() -> None:
    base = Told()
    LadderEngine(base, [], AtItsWord(), open_engine=no_engine).close()
    assert base.closed
