"""Loops: the simulated failures of A3 on several heads, and the healthy pages beside them."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import PageRules
from pipeline.quality.repetition import NO_TAIL, has_loop, loop_start, periodic_tail, zlib_fraction
from tests.quality.prose import HARBOUR, MACHINE, PROSE, READING, SOIL, judged, looping, signals_of

HEADS = {**PROSE, "soil": SOIL, "machine": MACHINE}
LINE = "The lamp was lit at nine and put out at five.\n"
PHRASE = "and the lamp was lit again "
SENTENCE = "When the fog lifted, the keeper counted the ships, wrote the number down, and climbed back up to trim the lamp. "
CELLS = "<td></td>"
RULES = PageRules()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("num_chars", [600, 3000, 16000])
@pytest.mark.parametrize("unit", [LINE, PHRASE, CELLS], ids=["line", "phrase", "cells"])
def test_line_phrase_and_cell_loops_of_any_length_are_rejected(head: str, num_chars: int, unit: str) -> None:
    assert judged(looping(f"{HEADS[head]}\n", unit, num_chars)).reject == ("loop",)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("num_chars", [600, 3000, 16000])
def test_sentence_loops_of_four_and_more_copies_are_rejected(head: str, num_chars: int) -> None:
    assert "loop" in judged(looping(f"{HEADS[head]} ", SENTENCE, num_chars)).reject


@pytest.mark.parametrize("head", ["en", "de", "machine"])
@pytest.mark.parametrize("num_chars", [3000, 16000])
def test_a_loop_over_a_block_of_600_characters_is_rejected(head: str, num_chars: int) -> None:
    block = (SOIL if head != "en" else MACHINE)[:600] + "\n"
    assert "loop" in judged(looping(f"{HEADS[head]}\n", block, num_chars)).reject


@pytest.mark.parametrize("head", ["en", "zh", "ar"])
def test_a_loop_in_mid_page_that_recovers_is_rejected(head: str) -> None:
    assert judged(f"{HEADS[head]}\n{LINE * 30}{MACHINE}").reject == ("loop",)
    assert judged(f"{HEADS[head]}\n{PHRASE * 60}\n{MACHINE}").reject == ("loop",)


@pytest.mark.parametrize("unit", ["\u4ed6\u8bf4\u6c34\u4f1a\u8bb0\u4f4f\u3002", "\u3042", "\u0e01\u0e32\u0e23", "!", ". "])
def test_loops_without_words_are_rejected(unit: str) -> None:
    assert judged(looping(PROSE["zh"], unit, 800)).reject == ("loop",)


def test_counting_and_near_loops_are_caught_by_how_they_end() -> None:
    counting = HARBOUR + "\n" + "".join(f"{n}. " for n in range(1, 700))
    near = HARBOUR + "\n" + "".join(f"-{n} -{n}{n % 10} " for n in range(1, 300))
    for text in (counting, near):
        assert judged(text, reading=replace(READING, finish_reason="length")).reject[0] == "truncated"
        assert judged(text, reading=replace(READING, finish_reason="repetition")).reject[0] == "loop"


def test_a_long_near_loop_gives_itself_away_by_compression() -> None:
    chance = random.Random(7)
    near = HARBOUR + "\n" + "".join(chance.choice(("-3 ", "-33 ", "-3 ")) for _ in range(5000))
    assert judged(near).reject == ("loop",)


@pytest.mark.parametrize("head", HEADS)
def test_healthy_pages_do_not_loop(head: str) -> None:
    assert judged(HEADS[head]).reject == ()


@pytest.mark.parametrize(
    "text",
    [
        HARBOUR + "\n" + "\n".join(["Yes, sir!"] * 3),
        "\n".join(f"| {n} | {n * 37 % 101} | {(n * 7919) % 997} |" for n in range(60)),
        HARBOUR + "\nName ______________________________ Date ________________",
        f"{SOIL}\n\nRefrain: the lamp is lit.\n\n{MACHINE}\n\nRefrain: the lamp is lit.",
    ],
    ids=["three equal lines", "number table", "form line", "refrain"],
)
def test_pages_that_repeat_a_little_do_not_loop(text: str) -> None:
    assert judged(text).reject == ()


def test_a_page_whose_own_layer_repeats_is_no_failure() -> None:
    form = HARBOUR + "\n" + "Paid in full: 0.00 Balance: 0.00 Signed: ____\n" * 20
    assert judged(form).reject == ("loop",)
    assert judged(form, layer=form).reject == ()
    assert judged(form, layer=HARBOUR).reject[0] == "loop"


def test_three_copies_are_below_the_rule_and_four_break_it() -> None:
    unit = "a sentence that has about forty letters, yes. "
    assert periodic_tail(HARBOUR + unit * 3).repeats == 3
    assert not has_loop(signals_of(HARBOUR + unit * 3), RULES)
    assert has_loop(signals_of(HARBOUR + unit * 4), RULES)


def test_the_tail_tells_copies_characters_and_period() -> None:
    tail = periodic_tail("x" + "abcde fghij " * 20 + "\n")
    assert tail.period_chars == 12
    assert tail.repeats == 20
    assert tail.chars == len("abcde fghij " * 20) - 1


def test_a_text_of_one_letter_has_a_period_of_one() -> None:
    assert periodic_tail("a" * 500) == (500, 500, 1)


@given(st.text(alphabet="ab ", max_size=300))
def test_the_tail_is_what_it_says(text: str) -> None:
    tail = periodic_tail(text)
    body = text.rstrip()
    if tail == NO_TAIL:
        return
    covered, period = body[len(body) - tail.chars :], tail.period_chars
    assert all(covered[at] == covered[at - period] for at in range(period, len(covered)))
    assert tail.repeats == (tail.chars + (period > 1)) // period >= 2


@pytest.mark.parametrize("head", ["en", "ru", "ja", "th"])
def test_cutting_the_loop_leaves_the_head_and_one_copy(head: str) -> None:
    text = looping(PROSE[head] + "\n", LINE, 3000)
    start = loop_start(text, RULES)
    assert start is not None
    assert text[:start].startswith(PROSE[head])
    assert len(text[:start]) <= len(PROSE[head]) + 2 * len(LINE)
    assert judged(text[:start], reading=replace(READING, finish_reason="repetition", flags=("loop_cut",))).reject == ()


def test_there_is_nothing_to_cut_in_a_healthy_text_or_behind_a_short_head() -> None:
    assert loop_start(HARBOUR, RULES) is None
    assert loop_start(looping("Too short a head. ", LINE, 3000), RULES) is None


@settings(deadline=None)
@given(st.text(max_size=400))
def test_compression_is_defined_for_any_text(text: str) -> None:
    assert zlib_fraction(text) > 0.0


def test_an_engine_that_does_not_generate_cannot_loop_so_its_repeats_are_the_pages_own() -> None:
    text = "And the river went on. " * 60
    assert judged(text).reject == ("loop",)
    read_sign_by_sign = judged(text, reading=replace(READING, finish_reason=None))
    assert read_sign_by_sign.reject == ()
    assert "loop" in read_sign_by_sign.warnings
