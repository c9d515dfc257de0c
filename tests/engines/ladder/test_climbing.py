"""Which of several readings is the best, and which rungs a page is tried on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.ladder.climbing import SEVERITY, Reading, best_of
from pipeline.records import PageId
from tests.engines.ladder.doubles import Told, image, ladder_on, reading, wider

PAGE = PageId("doc", 0)


def best(*faults: str) -> int:
    """Index of the best reading; each is a list of reasons."""
    readings = [Reading(rung=str(at), page=reading(PAGE), reasons=tuple(each.split())) for at, each in enumerate(faults)]
    return int(best_of(readings).rung)


@pytest.mark.parametrize(
    ("faults", "index"),
    [
        (("truncated", "low_conf"), 1),
        (("low_conf garbled", "truncated", "loop"), 0),
        (("low_conf layer_mismatch", "low_conf"), 1),
        (("overfull", "low_conf"), 0),
        (("loop", "truncated"), 1),
        (("engine_failed", "loop", "engine_failed"), 1),
        (("overfull", ""), 1),
    ],
)
def test_the_best_reading_has_the_least_and_the_fewest_faults(faults: tuple[str, ...], index: int) -> None:
    assert best(*faults) == index


@given(st.lists(st.lists(st.sampled_from(sorted(SEVERITY)), unique=True).map(" ".join), min_size=1, max_size=5))
def test_the_others_are_its_attempts_oldest_first_and_all_seconds_are_counted(faults: list[str]) -> None:
    readings = [Reading(rung=str(at), page=reading(PAGE), reasons=tuple(each.split())) for at, each in enumerate(faults)]
    page = best_of(readings)
    assert sorted([page.rung, *(attempt.rung for attempt in page.attempts)]) == sorted(str(at) for at in range(len(faults)))
    assert [attempt.rung for attempt in page.attempts] == sorted(attempt.rung for attempt in page.attempts)
    assert page.seconds == len(faults)


def test_a_rung_is_for_its_own_reasons_whichever_reading_they_speak_against() -> None:
    base = Told({0: "loop"}, {(0, "a"): "truncated", (0, "b"): "low_conf", (0, "c"): "good"})
    rungs = (
        wider("never", when=("garbled",)),
        wider("a", when=("loop",)),
        wider("b", when=("truncated",)),
        wider("c", when=("loop",)),
    )
    (answer,) = ladder_on(base, *rungs).recognize([image()])
    assert [rung for _, rung, _ in base.rereads] == ["a", "b", "c"]
    assert answer.rung == "c"


def test_a_warning_alone_takes_no_rung_that_is_not_for_it() -> None:
    base = Told({0: "overfull"}, {(0, "larger"): None})
    (answer,) = ladder_on(base, wider(), wider("larger", when=("overfull",)), wider("last")).recognize([image()])
    assert (answer.rung, answer.text, base.rereads) == ("first", "overfull", [(0, "larger", "tiny")])
