"""Texts of two overlapping halves: the overlap once, and no line lost."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engines.ladder.seam import join_at_seam, nearly_equal
from tests.conftest import prose_of

SHARE = 0.113
LINES = prose_of(3, 1).replace(", ", ",\n").replace(". ", ".\n").split("\n")


def joined(upper: list[str], lower: list[str]) -> list[str]:
    return join_at_seam("\n".join(upper), "\n".join(lower), overlap_share=SHARE).split("\n")


@pytest.mark.parametrize("num_common", [1, 2, 3])
def test_lines_that_both_halves_read_are_kept_once(num_common: int) -> None:
    middle = len(LINES) // 2
    assert joined(LINES[: middle + num_common], LINES[middle:]) == LINES


def test_readings_of_a_line_may_differ_in_a_few_letters() -> None:
    lower = [LINES[12].replace("e", "c", 1), LINES[13].upper(), *LINES[14:]]
    assert joined(LINES[:14], lower) == LINES


def test_rows_that_the_cut_went_through_are_kept_beside_the_overlap() -> None:
    assert joined([*LINES[:14], "tne vatnan dlps"], ["~~~ .. ~", *LINES[12:]]) == [
        *LINES[:12],
        "~~~ .. ~",
        *LINES[12:14],
        "tne vatnan dlps",
        *LINES[14:],
    ]


def test_halves_that_share_nothing_follow_each_other() -> None:
    assert joined(LINES[:14], LINES[14:]) == LINES


def test_a_line_that_repeats_all_over_the_page_is_no_overlap_far_from_the_seam() -> None:
    upper = ["Total 7", *LINES[:12], "Total 7", *LINES[12:18]]
    lower = [LINES[18], "Total 7", *LINES[19:24]]
    assert joined(upper, lower) == [*upper, *lower]


def test_of_a_column_of_equal_lines_no_more_is_taken_than_an_overlap_can_hold() -> None:
    """40 equal rows, of which the halves share 4: 40 lines cannot all be the overlap."""
    both = joined(["-"] * 22, ["-"] * 22)
    assert 44 - 8 <= len(both) <= 44


def test_numbers_that_differ_are_different_lines() -> None:
    assert not nearly_equal("Invoice 20261123 of the mill", "Invoice 20261124 of the mill")
    assert nearly_equal("Invoice 20261123 of the mill", "lnvoice 20261123 of the rnill")
    assert not nearly_equal("yes", "yet")


def test_a_paragraph_that_is_one_line_is_joined_where_its_words_meet() -> None:
    words = prose_of(1, 1).split()
    upper = "# Heading\n\n" + " ".join(words[:70]) + " tne vat"
    lower = "rnould and " + " ".join(words[58:]) + "\n\nThe next paragraph."
    assert join_at_seam(upper, lower, overlap_share=SHARE) == "# Heading\n\n" + " ".join(words) + "\n\nThe next paragraph."


def test_paragraphs_that_share_a_phrase_only_stay_two() -> None:
    upper, lower = "The vatman dips the mould at dawn.", "The coucher lifts the felt, and the vatman dips the rope."
    assert join_at_seam(upper, lower, overlap_share=SHARE) == f"{upper}\n{lower}"


def test_an_empty_half_and_no_overlap_change_nothing() -> None:
    assert join_at_seam("", "a\nb", overlap_share=SHARE).strip() == "a\nb"
    assert join_at_seam("a\nb", "", overlap_share=SHARE).strip() == "a\nb"
    assert join_at_seam("a\nb", "b\nc", overlap_share=0.0) == "a\nb\nb\nc"


SHORT_LINES = st.lists(st.sampled_from(["one", "two", "three", "four 4", "five 5", "", "a line of its own"]), max_size=30)


@settings(deadline=None, max_examples=300)
@given(SHORT_LINES, SHORT_LINES)
def test_no_line_that_either_half_has_is_lost(upper: list[str], lower: list[str]) -> None:
    """Lines of under five words, so that none is joined in its middle."""
    both = joined(upper, lower)
    for half in (upper, lower):
        assert is_within([line for line in half if line], both)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.integers(20, 80), st.integers(1, 4))
def test_a_page_of_lines_of_its_own_comes_back_whole(seed: int, num_lines: int, num_common: int) -> None:
    chance = random.Random(seed)
    lines = [f"{index} {''.join(chance.choices('abcdefghij ', k=30))}." for index in range(num_lines)]
    middle = num_lines // 2
    assert joined(lines[: middle + num_common], lines[middle:]) == lines


def is_within(some: list[str], lines: list[str]) -> bool:
    """In the same order, others between them."""
    rest = iter(lines)
    return all(any(line == other for other in rest) for line in some)
