"""The fast n-gram rule is the slow one of the definition, on any tokens."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.vlm.ngram import banned_tokens

FEW_TOKENS = st.lists(st.integers(0, 2), max_size=60) | st.lists(st.integers(0, 2), min_size=20, max_size=60)
"""Of three tokens runs repeat all the time."""


def by_definition(token_ids: list[int], size: int, window: int, free: set[int]) -> set[int]:
    """Every token that, written next, ends a run of `size` which lies wholly in the last `window` tokens already."""
    if size == 1:
        return set()
    held = token_ids[-window:]
    runs = {tuple(held[start : start + size]) for start in range(len(held) - size + 1)}
    prefix = token_ids[len(token_ids) - size + 1 :]
    return {token for token in set(token_ids) - free if (*prefix, token) in runs}


@given(token_ids=FEW_TOKENS, size=st.integers(1, 4), window=st.integers(1, 70), free=st.sets(st.integers(0, 2)))
def test_the_rule_bans_what_its_definition_bans(token_ids: list[int], size: int, window: int, free: set[int]) -> None:
    assert banned_tokens(token_ids, size, window, free) == by_definition(token_ids, size, window, free)


@given(token_ids=FEW_TOKENS, size=st.integers(2, 6))
def test_with_the_whole_page_as_window_no_run_can_come_twice(token_ids: list[int], size: int) -> None:
    page: list[int] = []
    for token in token_ids:
        if token not in banned_tokens(page, size, window=len(token_ids)):
            page.append(token)
    runs = [tuple(page[start : start + size]) for start in range(len(page) - size + 1)]
    assert len(runs) == len(set(runs))


def test_a_repeated_cell_may_come_again_where_its_token_is_free() -> None:
    td, end_td = 7, 8
    row = [td, end_td] * 30
    assert banned_tokens(row, size=30, window=90) == {td}
    assert banned_tokens(row, size=30, window=90, free={td, end_td}) == set()


def test_a_run_that_has_left_the_window_may_come_again() -> None:
    page = [1, 2, 3, 9, 9, 9, 9, 1, 2]
    assert banned_tokens(page, size=3, window=9) == {3}
    assert banned_tokens(page, size=3, window=8) == set()
