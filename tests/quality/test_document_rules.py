"""Document rules: each on a document that breaks it and on one that does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import DocumentRules
from pipeline.quality.document_rules import DocumentJudgement, KeptPage, judge_document
from tests.quality.prose import HARBOUR, MACHINE, PROSE, SOIL, signals_of

RULES = DocumentRules()


def kept(*texts: str, confidence: float | None = None) -> list[KeptPage]:
    return [KeptPage(text=text, signals=signals_of(text), confidence=confidence) for text in texts]


def judge(pages: list[KeptPage], *, failed: int = 0, blank: int = 0, rules: DocumentRules = RULES) -> DocumentJudgement:
    return judge_document(pages, num_pages=len(pages) + failed + blank, num_blank=blank, rules=rules)


@pytest.mark.parametrize("language", PROSE)
def test_a_page_of_prose_is_a_document_in_any_script(language: str) -> None:
    judgement = judge(kept(PROSE[language]))
    assert judgement.reject == ()
    assert judgement.language == language


def test_a_document_of_few_letters_or_words_is_too_short() -> None:
    assert judge(kept("Annual report")).reject == ("too_short",)
    assert "too_short" in judge(kept(" ".join(SOIL.split()[:45]))).reject
    assert judge(kept(" ".join(SOIL.split()[:55]))).reject == ()
    assert judge(kept(PROSE["zh"].replace("，", ""))).reject == ()


def test_a_document_without_kept_pages_is_too_short_and_failed() -> None:
    judgement = judge([], failed=3)
    assert judgement.reject[:2] == ("too_short", "failed_pages")
    assert (judgement.language, judgement.script, judgement.ocr_conf) == ("und", "Zyyy", None)
    assert judge([], blank=3).failed_page_fraction == 0.0


def test_one_failed_page_in_five_is_borne_and_two_are_not_and_blank_ones_do_not_count() -> None:
    pages = kept(HARBOUR, SOIL, MACHINE, PROSE["es"])
    assert judge(pages, failed=1).reject == ()
    assert judge(pages, failed=2).reject == ("failed_pages",)
    assert judge(pages, failed=1, blank=5).failed_page_fraction == pytest.approx(0.2)


def test_a_document_of_numbers_has_low_alpha() -> None:
    numbers = "\n".join(f"{n} {n * 37 % 911} {n * 7919 % 1013} total" for n in range(100, 200))
    assert "low_alpha" in judge(kept(numbers)).reject
    assert "low_alpha" not in judge(kept(numbers + SOIL * 3)).reject


def test_words_of_odd_length_are_rejected_in_spaced_scripts_only() -> None:
    assert "odd_words" in judge(kept(" ".join(SOIL.replace(" ", "")))).reject
    assert "odd_words" in judge(kept(" ".join(SOIL.replace(" ", "")[at : at + 15] for at in range(0, 500, 6)))).reject
    assert "odd_words" not in judge(kept(PROSE["zh"], PROSE["zh"][::-1])).reject


def test_pages_that_say_the_same_are_repetitive() -> None:
    assert judge(kept(HARBOUR, HARBOUR, SOIL)).reject == ("repetitive",)
    assert judge(kept(HARBOUR, MACHINE, SOIL)).reject == ()
    assert judge(kept(HARBOUR, HARBOUR)).dup_10gram == pytest.approx(0.5)


def test_languages_are_weighed_by_letters() -> None:
    judgement = judge(kept(PROSE["en"], PROSE["fr"][:200]))
    assert judgement.language == "en"
    assert 0.8 < judgement.language_score < 1.0
    assert judgement.script == "Latn"


def test_a_document_without_a_main_language_is_multilingual() -> None:
    judgement = judge(kept(PROSE["de"], PROSE["ru"], PROSE["es"]))
    assert judgement.language == "mul"


def test_a_document_mostly_in_no_language_has_none() -> None:
    gibberish = [replace(page, signals=replace(page.signals, language="und")) for page in kept(HARBOUR, SOIL)]
    assert judge([*gibberish, *kept(PROSE["de"])]).language == "und"


def test_the_allow_list_of_languages_decides_when_it_is_given() -> None:
    german = kept(PROSE["de"])
    assert judge(german, rules=DocumentRules(languages=("en",))).reject == ("language",)
    assert judge(german, rules=DocumentRules(languages=("en", "de"))).reject == ()


def test_low_confidence_or_a_low_detector_score_is_low_ocr() -> None:
    assert judge(kept(HARBOUR, SOIL, confidence=0.55)).reject == ("low_ocr",)
    assert judge(kept(HARBOUR, SOIL, confidence=0.92)).reject == ()
    doubtful = [replace(page, signals=replace(page.signals, language_score_fraction=0.4)) for page in kept(HARBOUR, SOIL)]
    assert judge(doubtful).reject == ("low_ocr",)


def test_confidence_is_weighed_by_letters() -> None:
    pages = [*kept(PROSE["en"], confidence=0.9), *kept("Fig. one", confidence=0.1)]
    assert (judge(pages).ocr_conf or 0.0) > 0.89


LOOSER = {
    "min_letters": -1.0,
    "min_words": -1.0,
    "failed_page_fraction_above": 1.0,
    "alpha_word_fraction_below": -1.0,
    "mean_word_chars_below": -1.0,
    "mean_word_chars_above": 1.0,
    "dup_line_fraction_above": 1.0,
    "dup_10gram_fraction_above": 1.0,
    "confidence_below": -1.0,
    "language_score_fraction_below": -1.0,
}
SAMPLES = [
    *kept(*PROSE.values(), HARBOUR[:150], "12 13 14 " * 60, " ".join(SOIL), SOIL.replace(" ", "")[:900], HARBOUR + HARBOUR)
]


@settings(max_examples=100, deadline=None)
@given(
    pages=st.lists(st.sampled_from(SAMPLES), max_size=4),
    confidence=st.none() | st.floats(0.0, 1.0),
    failed=st.integers(0, 3),
    name=st.sampled_from(sorted(LOOSER)),
    amount=st.floats(0.0, 1.0),
)
def test_loosening_a_rule_never_rejects_more(
    pages: list[KeptPage], confidence: float | None, failed: int, name: str, amount: float
) -> None:
    pages = [replace(page, confidence=confidence) for page in pages]
    value = getattr(RULES, name)
    step = amount * (200 if isinstance(value, int) else 1)
    loose = RULES.model_copy(update={name: type(value)(value + LOOSER[name] * step)})
    assert set(judge(pages, failed=failed, rules=loose).reject) <= set(judge(pages, failed=failed).reject)
