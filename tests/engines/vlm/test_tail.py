"""A page that runs in circles is told from one that only repeats itself, by its token ids."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import RepetitionStop
from pipeline.engines.vlm.tail import is_looping

STOP = RepetitionStop(min_count=4, min_tokens=60, max_pattern_tokens=40)
tokens = st.integers(0, 50)


def is_looping_by_definition(ids: list[int], stop: RepetitionStop) -> bool:
    """Any piece, not only the nearest one, whose copies fill the end."""
    for period in range(1, min(stop.max_pattern_tokens, len(ids) - 16) + 1):
        covered = period
        while covered < len(ids) and ids[-1 - covered] == ids[-1 - covered + period]:
            covered += 1
        if covered >= stop.min_tokens and covered >= stop.min_count * period:
            return True
    return False


@given(head=st.lists(tokens, max_size=300), piece=st.lists(tokens, min_size=1, max_size=40), count=st.integers(1, 80))
def test_any_piece_often_enough_at_the_end_is_a_loop(head: list[int], piece: list[int], count: int) -> None:
    ids = head + piece * count
    assert is_looping(ids, STOP) == is_looping_by_definition(ids, STOP)


@given(head=st.lists(tokens, max_size=100), piece=st.lists(tokens, min_size=1, max_size=12), tail=st.lists(tokens, max_size=30))
def test_a_loop_that_has_ended_is_none(head: list[int], piece: list[int], tail: list[int]) -> None:
    ids = head + piece * 20 + tail
    assert is_looping(ids, STOP) == is_looping_by_definition(ids, STOP)


def test_a_piece_that_is_cut_in_its_last_copy_still_counts() -> None:
    assert is_looping([7, *list(range(20)) * 4, 0, 1, 2], STOP)


def test_text_without_a_repeat_is_no_loop() -> None:
    assert not is_looping(list(range(5000)), STOP)


def test_forty_empty_cells_are_still_a_table_by_the_default() -> None:
    assert not is_looping([1, 2] * 40, RepetitionStop())


def test_a_loop_longer_than_the_pattern_limit_is_left_to_the_page_rules() -> None:
    assert not is_looping(list(range(41)) * 6, STOP)
