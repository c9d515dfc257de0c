import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.ppocr.recognition import LINE_HEIGHT_PX, LINES_PER_CALL, MAX_WIDTH_PX, batch_lines, decode_ctc
from pipeline.engines.ppocr.weights import cut_vocabulary, load_recognition, scripts_of

SIGNS = ("", "a", "b", " ")


def decoded(best: list[int], probabilities: list[float] | None = None) -> tuple[str, float, float]:
    reading = decode_ctc(best, np.array(probabilities or [0.5] * len(best), np.float32), SIGNS)
    return reading.text, reading.confidence, reading.weakest


def test_repeats_collapse_and_blanks_vanish() -> None:
    assert decoded([0, 1, 1, 0, 2, 2, 0])[0] == "ab"


def test_a_blank_keeps_two_equal_signs_apart() -> None:
    assert decoded([1, 0, 1, 1])[0] == "aa"


def test_spaces_at_the_ends_are_not_text() -> None:
    assert decoded([3, 1, 3, 2, 3])[0] == "a b"


def test_confidence_is_the_mean_over_kept_signs() -> None:
    _, confidence, weakest = decoded([0, 1, 1, 2], [0.1, 0.9, 0.2, 0.7])
    assert confidence == pytest.approx(0.8)
    assert weakest == pytest.approx(0.7)


def test_nothing_but_blanks_is_an_empty_text_without_confidence() -> None:
    assert decoded([0, 0, 0]) == ("", 0.0, 0.0)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=30))
def test_no_run_gives_more_than_one_sign(best: list[int]) -> None:
    text, _, _ = decoded(best)
    runs = [sign for k, sign in enumerate(best) if sign != 0 and (k == 0 or best[k - 1] != sign)]
    assert text == "".join(SIGNS[sign] for sign in runs)


@given(st.lists(st.tuples(st.integers(2, 60), st.integers(2, 900)), max_size=11))
def test_every_line_is_in_exactly_one_batch_and_fits_it(sizes: list[tuple[int, int]]) -> None:
    lines = [np.full(size, 255, np.uint8) for size in sizes]
    seen: list[int] = []
    for chosen, pixels_B1HW in batch_lines(lines, 0.8):
        assert len(chosen) <= LINES_PER_CALL
        assert pixels_B1HW.shape[:3] == (len(chosen), 1, LINE_HEIGHT_PX)
        assert pixels_B1HW.shape[3] % 64 == 0
        assert pixels_B1HW.shape[3] <= MAX_WIDTH_PX
        seen += chosen
    assert sorted(seen) == list(range(len(lines)))


def test_the_latin_cut_keeps_what_latin_text_needs_and_little_else() -> None:
    signs = load_recognition().signs
    kept = {signs[i] for i in cut_vocabulary(signs, ("latin",))}
    assert set("AZaz09 .,;:!?()[]%&äöüßéèçñåøłőžšıœæþ€§©αΩ∑∫≤→•–—“”‘’½²₂") <= kept
    assert "" in kept
    assert not kept & set("中文字日本ひらカナ，。（Ａ１")
    assert 1100 < len(kept) < 2000


def test_cutting_to_scripts_keeps_their_letters() -> None:
    signs = load_recognition().signs
    han = {signs[i] for i in cut_vocabulary(signs, ("latin", "han"))}
    kana = {signs[i] for i in cut_vocabulary(signs, ("kana",))}
    assert set("中文字，。aé") <= han
    assert not set("ひカ") & han
    assert set("ひカ日本。09") <= kana
    assert not set("aé") & kana


def test_characters_know_their_scripts() -> None:
    assert scripts_of("é") == scripts_of("ω") == {"latin"}
    assert "han" in scripts_of("中")
    assert scripts_of("ひ") == {"kana"}
    assert scripts_of("7") == scripts_of(" ") == scripts_of("∑") == frozenset()
