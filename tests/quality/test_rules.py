"""Page rules: each on a page that breaks it and on one that does not, their order, and that they are monotone."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import PageRules
from pipeline.quality.rules import is_blank, judge_blank, judge_failure, judge_page
from pipeline.records import PageFacts, PageSignals, PageText
from tests.quality.prose import FACTS, HARBOUR, MACHINE, PROSE, READING, SOIL, judged, looping, signals_of, with_noise

RULES = PageRules()
UNSURE = replace(READING, confidence=0.7)


@pytest.mark.parametrize(
    ("ink", "layer", "blank"),
    [(0.0, "", True), (0.0004, "page 7", True), (0.0006, "", False), (0.0, "twenty letters of white ink on white", False)],
)
def test_blank_is_no_ink_and_no_layer(ink: float, layer: str, blank: bool) -> None:
    assert is_blank(replace(FACTS, ink_fraction=ink, layer_text=layer), RULES) is blank


def test_a_blank_page_has_its_own_status_and_reason() -> None:
    judgement = judge_blank(FACTS, configured_dpi=150.0)
    assert (judgement.status, judgement.reject) == ("blank", ("blank",))


@pytest.mark.parametrize("reason", ["render_error", "deadline", "crashed"])
def test_a_page_that_was_not_rendered_fails_for_the_failures_reason(reason: str) -> None:
    judgement = judge_failure(reason, None, configured_dpi=150.0)
    assert (judgement.status, judgement.reject, judgement.warnings) == ("failed", (reason,), ())


def test_a_page_the_engine_could_not_read_is_engine_failed_alone() -> None:
    judgement = judged("", reading=replace(READING, status="failed", error="out of memory", finish_reason="length"))
    assert (judgement.status, judgement.reject) == ("failed", ("engine_failed",))


def test_a_stopped_reading_is_failed_and_a_whole_one_that_loops_is_ok_and_rejected() -> None:
    assert judged(HARBOUR, reading=replace(READING, finish_reason="length")).status == "failed"
    assert judged(HARBOUR, reading=replace(READING, finish_reason="repetition")).status == "failed"
    assert judged(HARBOUR, reading=replace(READING, finish_reason="stop")).status == "ok"
    looped = judged(looping(HARBOUR, "again and again ", 900))
    assert (looped.status, looped.reject) == ("ok", ("loop",))


def test_garbled_pages_are_rejected_and_a_stray_symbol_is_not() -> None:
    assert judged(SOIL.replace("e", "\ufffd")).reject == ("garbled",)
    assert judged(" ".join(f"(cid:{n})" for n in range(99))).reject[0] == "garbled"
    assert judged(SOIL + " \ue012").reject == ()


def test_words_without_spaces_are_glued_but_not_in_scripts_that_have_none() -> None:
    glued = " ".join(SOIL.replace(" ", "")[at : at + 30] for at in range(0, 400, 8))
    assert "glued" in judged(glued).reject
    for language in ("zh", "ja", "th"):
        lines = "\n".join(PROSE[language][at : at + 25] * 1 for at in range(0, len(PROSE[language]), 4))
        assert "glued" not in judged(lines).reject
    assert "glued" not in judged(PROSE["de"]).reject


def test_a_table_in_html_without_a_space_is_not_glued() -> None:
    rows = "".join(f"<tr><td>{word}</td><td>{n * 37 % 89}</td></tr>" for n, word in enumerate(SOIL.split()))
    judgement = judged(f"<table>{rows}</table>")
    assert judgement.reject == ()
    assert "is_table" in judgement.warnings


def test_lost_words_are_shredded_and_only_warned_of() -> None:
    judgement = judged(" ".join(SOIL.replace(" ", "")))
    assert "shredded" in judgement.warnings
    assert "shredded" not in judgement.reject
    assert "shredded" not in judged(SOIL).warnings


@pytest.mark.parametrize("language", ["en", "de", "fr", "ru"])
def test_gibberish_alone_warns_and_with_a_second_sign_rejects(language: str) -> None:
    noisy = with_noise(PROSE[language] * 2, 0.7)
    alone = judged(noisy)
    assert "gibberish" in alone.warnings
    assert "gibberish" not in alone.reject
    assert "gibberish" in judged(noisy, reading=UNSURE).reject
    assert "gibberish" in judged(noisy + " \ufffd" * (len(noisy) // 40)).reject
    assert "gibberish" not in judged(PROSE[language], reading=UNSURE).reject


@pytest.mark.parametrize(
    ("reading", "reject", "warnings"),
    [
        (replace(READING, confidence=0.95), (), ()),
        (replace(READING, confidence=0.75), (), ("low_conf",)),
        (replace(READING, confidence=0.55), ("low_conf",), ()),
        (replace(READING, mean_logprob=-0.2), (), ()),
        (replace(READING, mean_logprob=-0.5), (), ("low_conf",)),
        (replace(READING, mean_logprob=-0.9), ("low_conf",), ()),
    ],
)
def test_confidence_warns_first_and_rejects_below(
    reading: PageText, reject: tuple[str, ...], warnings: tuple[str, ...]
) -> None:
    judgement = judged(HARBOUR, reading=reading)
    assert (judgement.reject, judgement.warnings) == (reject, warnings)


def test_a_reading_that_is_not_what_the_layer_says_is_a_mismatch() -> None:
    assert judged(HARBOUR, layer=MACHINE).reject == ("layer_mismatch",)
    assert judged(HARBOUR[:300], layer=f"{HARBOUR} {SOIL}").reject == ("layer_mismatch",)
    assert judged(HARBOUR, layer=HARBOUR).reject == ()
    assert judged(with_noise(HARBOUR, 0.02), layer=HARBOUR).reject == ()
    assert judged(f"{HARBOUR} {SOIL}"[:-80], layer=f"{HARBOUR} {SOIL}").reject == ()


def test_a_layer_nobody_trusts_proves_nothing() -> None:
    facts = replace(FACTS, layer_text=MACHINE, layer_garbled_fraction=0.02)
    signals = signals_of(HARBOUR, MACHINE)
    assert judge_page(facts, replace(READING, text=HARBOUR), signals, RULES, configured_dpi=150.0).reject == ()
    earlier_ocr = replace(FACTS, layer_text=MACHINE, layer_garbled_fraction=0.0, layer_hidden_fraction=1.0)
    assert judge_page(earlier_ocr, replace(READING, text=HARBOUR), signals, RULES, configured_dpi=150.0).reject == ()
    assert judged(HARBOUR, layer=MACHINE[:150]).reject == ()
    assert judged(HARBOUR, layer=MACHINE, reading=replace(READING, source="text_layer")).reject == ()


def test_more_text_than_the_vision_tokens_can_hold_is_overfull() -> None:
    assert judged(HARBOUR, reading=replace(READING, vision_tokens=64, output_tokens=700)).warnings == ("overfull",)


def test_markup_fills_no_page_where_the_engine_tells_it_from_the_text() -> None:
    grounded = replace(READING, vision_tokens=64, output_tokens=900, text_tokens=300)
    assert judged(HARBOUR, reading=grounded).warnings == ()
    assert judged(HARBOUR, reading=replace(grounded, text_tokens=700)).warnings == ("overfull",)
    assert judged(HARBOUR, reading=replace(grounded, text_tokens=0)).warnings == ()
    assert judged(HARBOUR, reading=replace(grounded, output_tokens=None, text_tokens=None)).warnings == ()
    assert judged(HARBOUR, reading=replace(READING, vision_tokens=256, output_tokens=700)).warnings == ()


def test_kinds_of_pages_are_tagged_and_kept() -> None:
    contents = "\n".join(f"{title} {'.' * 30} {n}" for n, title in enumerate(SOIL.split(".")[:4] + HARBOUR.split(".")[:5]))
    references = "\n".join(f"[{n}] {SOIL[n * 9 : n * 9 + 40]}, 19{60 + n}." for n in range(1, 12))
    table = "\n".join(f"| {SOIL[n * 7 : n * 7 + 12]} | {n * 31} |" for n in range(20))
    for text, tag in ((contents, "is_toc"), (references, "is_references"), (table, "is_table"), ("Fig. 3", "is_image_only")):
        judgement = judged(text)
        assert judgement.reject == (), tag
        assert tag in judgement.warnings
        assert tag not in judged(HARBOUR).warnings


def test_a_page_under_the_configured_resolution_is_tagged() -> None:
    def tags(facts: PageFacts) -> tuple[str, ...]:
        return judge_page(facts, replace(READING, text=SOIL), signals_of(SOIL), RULES, configured_dpi=150.0).warnings

    assert tags(replace(FACTS, dpi=96.0)) == ("scaled_down",)
    assert tags(replace(FACTS, dpi=149.5)) == ()


def test_the_engines_own_flags_are_warnings() -> None:
    assert judged(SOIL, reading=replace(READING, flags=("script_mismatch",))).warnings == ("script_mismatch",)
    noise = judged(SOIL, reading=replace(READING, flags=("unreadable_script",)))
    assert (noise.status, noise.reject, noise.warnings) == ("ok", ("unreadable_script",), ())


def test_every_broken_rule_is_listed_in_the_order_of_the_reference() -> None:
    bad = with_noise(SOIL, 0.7) + " \ufffd" * 60 + looping(" ", "\ufffdabc ", 900)
    judgement = judged(bad, layer=HARBOUR, reading=replace(READING, confidence=0.3, finish_reason="length"))
    order = ["truncated", "loop", "garbled", "glued", "gibberish", "low_conf", "layer_mismatch"]
    assert [name for name in order if name in judgement.reject] == list(judgement.reject)
    assert {"truncated", "loop", "garbled", "low_conf", "layer_mismatch"} <= set(judgement.reject)
    assert not set(judgement.reject) & set(judgement.warnings)


FRACTION = st.floats(0.0, 1.0)
COUNT = st.integers(0, 3000)
SIGNALS = st.builds(
    PageSignals,
    num_chars=COUNT,
    num_words=COUNT,
    num_letters=COUNT,
    num_digits=COUNT,
    garbled_fraction=FRACTION,
    alpha_word_fraction=FRACTION,
    mean_word_chars=st.floats(0.0, 40.0),
    dup_line_fraction=FRACTION,
    dup_10gram_fraction=FRACTION,
    top_2gram_fraction=FRACTION,
    zlib_fraction=FRACTION,
    tail_repeats=st.integers(1, 20),
    tail_repeat_chars=COUNT,
    equal_line_run=st.integers(0, 30),
    equal_line_run_chars=COUNT,
    toc_line_fraction=FRACTION,
    reference_line_fraction=FRACTION,
    table_char_fraction=FRACTION,
    language=st.sampled_from(["en", "zh", "und"]),
    language_score=FRACTION,
    language_score_fraction=st.none() | FRACTION,
    script=st.sampled_from(["Latn", "Hani", "Thai"]),
    layer_chars=COUNT,
    layer_recall=st.none() | FRACTION,
    layer_precision=st.none() | FRACTION,
    layer_repeats=st.booleans(),
)
READINGS = st.builds(
    replace,
    st.just(READING),
    confidence=st.none() | FRACTION,
    mean_logprob=st.none() | st.floats(-3.0, 0.0),
    finish_reason=st.sampled_from([None, "stop", "length", "repetition"]),
)
STRICTER_WHEN_LARGER = ("_below", "_from")
STRICTER_WHEN_SMALLER = ("_above", "_repeats", "_chars", "_lines", "_words", "_letters")


def loosened(rules: PageRules, name: str, amount: float) -> PageRules:
    value = getattr(rules, name)
    larger_is_stricter = name.endswith(STRICTER_WHEN_LARGER)
    assert larger_is_stricter != name.endswith(STRICTER_WHEN_SMALLER), f"{name} does not say which way is strict"
    change = (-1 if larger_is_stricter else 1) * (round(amount * 500) if isinstance(value, int) else amount)
    return rules.model_copy(update={name: type(value)(value + change)})


@settings(max_examples=300, deadline=None)
@given(
    signals=SIGNALS,
    reading=READINGS,
    garbled=FRACTION,
    ink=st.floats(0.0, 0.002),
    name=st.sampled_from(sorted(PageRules.model_fields)),
    amount=st.floats(0.0, 1.0),
)
def test_loosening_a_rule_never_rejects_more(
    signals: PageSignals, reading: PageText, garbled: float, ink: float, name: str, amount: float
) -> None:
    facts = replace(FACTS, layer_garbled_fraction=garbled, ink_fraction=ink)
    loose = loosened(RULES, name, amount)
    before = judge_page(facts, reading, signals, RULES, configured_dpi=150.0)
    after = judge_page(facts, reading, signals, loose, configured_dpi=150.0)
    assert set(after.reject) <= set(before.reject)
    assert after.status == before.status
    assert is_blank(facts, RULES) or not is_blank(facts, loose)
