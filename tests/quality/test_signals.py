"""Signals: what each number says, on texts where the answer is known."""

import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.quality.signals import measure_pages
from pipeline.records import PageSignals
from tests.quality.prose import HARBOUR, MACHINE, PROSE, SOIL, printed, signals_of, with_noise


def test_an_empty_page_has_no_words_and_no_language() -> None:
    signals = signals_of("")
    assert (signals.num_chars, signals.num_words, signals.num_letters) == (0, 0, 0)
    assert (signals.language, signals.script, signals.zlib_fraction) == ("und", "Zyyy", 1.0)
    assert (signals.tail_repeats, signals.tail_repeat_chars, signals.equal_line_run) == (1, 0, 0)
    assert signals.layer_recall is None


def test_no_pages_give_no_signals() -> None:
    assert measure_pages([], layer_texts=[], layer_garbled=[]) == []


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError):
        measure_pages(["a", "b"], layer_texts=[""], layer_garbled=[None, None])


def test_characters_words_letters_and_digits_are_counted_as_python_counts_them() -> None:
    text = "In 1984, Zoë paid 35 € for “Ωmega” – 12 % off.\n\nNaïve?"
    signals = signals_of(text)
    assert signals.num_chars == len(text)
    assert signals.num_words == len(text.split())
    assert signals.num_letters == sum(map(str.isalpha, text))
    assert signals.num_digits == sum(map(str.isdecimal, text))
    words = text.split()
    assert signals.mean_word_chars == pytest.approx(sum(map(len, words)) / len(words))
    assert signals.alpha_word_fraction == pytest.approx(sum(any(c.isalpha() for c in w) for w in words) / len(words))


def test_garbled_counts_replacement_private_and_cid_characters_over_visible_ones() -> None:
    assert signals_of("abcd \ufffd\ue000 xy").garbled_fraction == pytest.approx(2 / 8)
    assert signals_of("(cid:12)(cid:7)").garbled_fraction == pytest.approx(2 / 15)
    assert signals_of(HARBOUR).garbled_fraction == 0.0


def test_a_line_that_comes_twice_counts_once_as_a_copy() -> None:
    signals = signals_of("one two\nthree\none  two\nfour")
    assert signals.dup_line_fraction == pytest.approx(6 / (6 + 5 + 6 + 4))


def test_a_paragraph_that_comes_twice_covers_half_of_the_page_with_10grams() -> None:
    assert signals_of(f"{HARBOUR}\n\n{HARBOUR}").dup_10gram_fraction == pytest.approx(0.5)
    assert signals_of(f"{HARBOUR}\n\n{SOIL}").dup_10gram_fraction == 0.0


def test_the_top_2gram_is_zero_when_none_comes_twice() -> None:
    assert signals_of("a rose is a red flower").top_2gram_fraction == 0.0
    assert signals_of("red cat red cat x").top_2gram_fraction == pytest.approx(2 * 6 / 13)


def test_the_longest_run_of_equal_lines_is_found_in_mid_page() -> None:
    signals = signals_of("head\n" + "same line\n\n" * 5 + "tail\ntail")
    assert (signals.equal_line_run, signals.equal_line_run_chars) == (5, 5 * len("sameline"))


@pytest.mark.parametrize("leader", [".", " .", "\u2026", "_"])
def test_a_table_of_contents_is_told_by_its_leaders_and_is_no_repetition(leader: str) -> None:
    titles = [sentence.strip() for sentence in f"{HARBOUR} {SOIL} {MACHINE}".split(".") if sentence.strip()]
    text = "\n".join(f"{title[:30]} {leader * 40} {12 + index}" for index, title in enumerate(titles))
    signals = signals_of(text)
    assert signals.toc_line_fraction == 1.0
    assert signals.dup_10gram_fraction == 0.0
    assert signals.zlib_fraction > 0.3
    assert signals_of("\n".join(text.split("\n")[:7])).toc_line_fraction == 0.0
    assert signals_of(HARBOUR + " ... and so on ...").toc_line_fraction == 0.0


def test_references_are_numbered_entries_with_a_year_and_their_continuations() -> None:
    entry = "[{n}] A. Mason and B. Wright. On the draining of clay soils.\nJournal of Slopes, {year}, pp. 3-19."
    text = "\n".join(entry.format(n=n, year=1990 + n) for n in range(1, 12))
    assert signals_of(text).reference_line_fraction == 1.0
    assert signals_of("\n".join(f"{n}. Tighten screw {n} and wait" for n in range(1, 12))).reference_line_fraction == 0.0


def test_table_characters_are_those_of_rows() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert signals_of(table).table_char_fraction == 1.0
    assert signals_of("<table><tr><td>1</td></tr></table>").table_char_fraction == 1.0
    assert signals_of(HARBOUR + " a|b").table_char_fraction == 0.0


def test_a_layer_that_says_the_same_in_another_order_agrees() -> None:
    layer = f"{printed(SOIL, 50)}\n{printed(HARBOUR, 50)}"
    signals = signals_of(f"{HARBOUR}\n\n{SOIL}", layer)
    assert signals.layer_recall == pytest.approx(1.0)
    assert signals.layer_precision == pytest.approx(1.0)
    assert signals.layer_chars == sum(map(len, layer.split()))


def test_hyphens_ligatures_and_case_do_not_lower_the_agreement() -> None:
    signals = signals_of("The Information office was first. " * 5, "the infor-\nmation of\ufb01ce WAS \ufb01rst.\n" * 5)
    assert (signals.layer_recall, signals.layer_precision) == (1.0, 1.0)


def test_half_a_page_has_half_recall_and_a_foreign_page_half_precision() -> None:
    half = signals_of(HARBOUR, f"{HARBOUR} {SOIL}")
    assert half.layer_recall is not None
    assert 0.45 < half.layer_recall < 0.6
    assert half.layer_precision == 1.0
    double = signals_of(f"{HARBOUR} {SOIL}", HARBOUR)
    assert double.layer_precision is not None
    assert 0.45 < double.layer_precision < 0.6


def test_recall_falls_with_noise_as_the_reference_measured() -> None:
    recalls = [signals_of(with_noise(PROSE["en"], rate), PROSE["en"]).layer_recall or 0.0 for rate in (0.01, 0.05, 0.10, 0.20)]
    assert recalls == sorted(recalls, reverse=True)
    for recall, measured in zip(recalls, (0.96, 0.80, 0.65, 0.43), strict=True):
        assert recall == pytest.approx(measured, abs=0.1)


@pytest.mark.parametrize("language", ["zh", "ja", "th"])
def test_scripts_without_spaces_are_compared_by_character(language: str) -> None:
    text = PROSE[language]
    layer = "\n".join(text[at : at + 17] for at in range(0, len(text), 17))
    assert (signals_of(text, layer).layer_recall or 0.0) > 0.95
    assert (signals_of(text, PROSE["ko"]).layer_recall or 0.0) < 0.1


def test_a_short_or_garbled_layer_is_not_compared() -> None:
    assert signals_of(HARBOUR, "Figure 3").layer_recall is None
    garbled = measure_pages([HARBOUR], layer_texts=[HARBOUR], layer_garbled=[0.2])[0]
    assert garbled.layer_recall is None
    assert garbled.layer_chars > 0


PAGES = st.lists(
    st.one_of(
        st.text(max_size=200),
        st.sampled_from([*PROSE.values(), "", "\n\n", "| a | b |", f"{MACHINE}\n{MACHINE}", "na " * 80, "\ud800\x00\x02 x"]),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(texts=PAGES, layers=PAGES)
def test_a_page_measures_the_same_alone_and_among_others(texts: list[str], layers: list[str]) -> None:
    layers = (layers + [""] * len(texts))[: len(texts)]
    garbled = [0.0 if layer else None for layer in layers]
    together = measure_pages(texts, layer_texts=layers, layer_garbled=garbled)
    assert len(together) == len(texts)
    for text, layer, rate, signals in zip(texts, layers, garbled, together, strict=True):
        assert measure_pages([text], layer_texts=[layer], layer_garbled=[rate]) == [signals]


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300))
def test_every_fraction_of_any_text_lies_in_0_to_1(text: str) -> None:
    signals = signals_of(text, text)
    for field in fields(PageSignals):
        value = getattr(signals, field.name)
        if field.name.endswith("_fraction") and field.name not in ("zlib_fraction", "language_score_fraction"):
            assert 0.0 <= value <= 1.0, field.name
        if isinstance(value, float):
            assert math.isfinite(value), field.name
