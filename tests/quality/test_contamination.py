"""Benchmarks found in documents, however they are printed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.quality import contamination
from pipeline.quality.contamination import NGRAM_WORDS, find_contamination, index_benchmarks, ngram_hashes

QUESTION = "A miller grinds twelve sacks of rye and nine of barley in one day; how many sacks will he grind in a fortnight?"
PROSE = " ".join(f"word{number}" for number in range(500))


def naive(text: str) -> set[tuple[str, ...]]:
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return {tuple(words[i : i + NGRAM_WORDS]) for i in range(len(words) - NGRAM_WORDS + 1)}


def test_a_question_in_a_document_counts_all_its_ngrams() -> None:
    benchmarks = index_benchmarks({"mill": [QUESTION]})
    assert find_contamination(f"{PROSE} {QUESTION} {PROSE}", benchmarks) == {"mill": len(naive(QUESTION))}
    assert find_contamination(PROSE, benchmarks) == {}
    assert find_contamination("", benchmarks) == {}


def test_case_punctuation_line_breaks_and_ligatures_do_not_hide_it() -> None:
    benchmarks = index_benchmarks({"mill": ["the first " + QUESTION]})
    printed = ("The ﬁrst " + QUESTION.upper().replace(";", " -").replace(" ", "\n")).replace("?", "")
    assert find_contamination(printed, benchmarks) == {"mill": len(naive("the first " + QUESTION))}


def test_twelve_words_in_common_are_not_enough_and_thirteen_are() -> None:
    words = QUESTION.split()
    benchmarks = index_benchmarks({"mill": [QUESTION]})
    assert find_contamination(f"{PROSE} {' '.join(words[:12])} {PROSE}", benchmarks) == {}
    assert find_contamination(f"{PROSE} {' '.join(words[:13])} {PROSE}", benchmarks) == {"mill": 1}


def test_a_text_without_spaces_is_compared_letter_by_letter() -> None:
    question = "磨坊主一天磨十二袋黑麦和九袋大麦请问两周能磨多少袋"
    benchmarks = index_benchmarks({"mill": [question]})
    assert find_contamination(f"前言。{question}。后记", benchmarks) == {"mill": len(question) - NGRAM_WORDS + 1}


def test_what_two_benchmarks_share_counts_once_and_short_texts_are_told() -> None:
    benchmarks = index_benchmarks({"b": [QUESTION, "too short"], "a": [QUESTION]})
    assert find_contamination(QUESTION, benchmarks) == {"a": len(naive(QUESTION))}
    assert benchmarks.num_short == {"a": 0, "b": 1}


def test_no_benchmarks_find_nothing() -> None:
    assert find_contamination(PROSE, index_benchmarks({})) == {}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(0, 200))
def test_it_finds_what_a_plain_comparison_finds(seed: int, num_question_words: int, num_document_words: int) -> None:
    chance = random.Random(seed)
    sample = [chance.choice(("ab", "c1", "d'e", "f-g", "Hi,")) for _ in range(num_question_words)]
    place = chance.randint(0, max(0, num_question_words - 20))
    document = [chance.choice(("ab", "c1", "d'e", "f-g", "Hi,")) for _ in range(num_document_words)] + sample[
        place : place + 20
    ]
    benchmarks = index_benchmarks({"x": [" ".join(sample)]})
    expected = len(naive(" ".join(sample)) & naive(" ".join(document)))
    assert find_contamination(" ".join(document), benchmarks) == ({"x": expected} if expected else {})


@pytest.mark.parametrize("chunk_chars", [40, 64, 1000])
def test_a_long_text_is_read_in_chunks_without_losing_a_word(chunk_chars: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ngram_hashes(PROSE + QUESTION).tolist()
    monkeypatch.setattr(contamination, "CHUNK_CHARS", chunk_chars)
    assert ngram_hashes(PROSE + QUESTION).tolist() == whole
