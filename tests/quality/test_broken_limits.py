"""What is told of a rejection is what the rules have seen: every reason has its limits, and every limit was crossed."""

import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import DocumentRules, PageRules
from pipeline.quality.broken_limits import (
    DOCUMENT_LIMITS,
    broken_document_limits,
    broken_page_limits,
)
from pipeline.quality.document_rules import KeptPage, judge_document
from pipeline.quality.rule_table import REJECT_RULES, comparisons
from pipeline.quality.rules import judge_page
from pipeline.records import PageSignals, PageText
from tests.quality.prose import FACTS, HARBOUR, READING, judged, looping, signals_of
from tests.quality.test_rules import READINGS, SIGNALS

RULES = PageRules()
SIGNS = {">": operator.gt, "<": operator.lt, ">=": operator.ge}


@settings(max_examples=400, deadline=None)
@given(signals=SIGNALS, reading=READINGS)
def test_every_reason_of_a_page_is_told_with_limits_that_were_crossed(signals: PageSignals, reading: PageText) -> None:
    reasons = judge_page(FACTS, reading, signals, RULES, configured_dpi=150.0).reject
    for reason in reasons:
        limits = broken_page_limits(reason, FACTS, reading, signals, RULES)
        is_the_engines_word = reason == "loop" and reading.finish_reason == "repetition"
        assert limits or not list(comparisons(REJECT_RULES[reason])) or is_the_engines_word
        for limit in limits:
            assert SIGNS[limit.sign](limit.value, limit.threshold)
            assert limit.threshold == getattr(RULES, limit.rule)


@settings(max_examples=200, deadline=None)
@given(signals=st.lists(SIGNALS, max_size=4), num_lost=st.integers(0, 4))
def test_every_reason_of_a_document_is_told_with_limits_that_were_crossed(signals: list[PageSignals], num_lost: int) -> None:
    rules = DocumentRules()
    pages = [KeptPage(text="a line\nanother", signals=each, confidence=0.5) for each in signals]
    judgement = judge_document(pages, num_pages=len(pages) + num_lost, num_blank=0, rules=rules)
    for reason in judgement.reject:
        limits = broken_document_limits(reason, judgement, rules)
        assert limits or reason not in DOCUMENT_LIMITS
        assert all(SIGNS[limit.sign](limit.value, limit.threshold) for limit in limits)


def test_a_loop_is_told_by_the_repeats_at_its_end() -> None:
    text = looping(HARBOUR, "again and again ", 900)
    assert judged(text).reject == ("loop",)
    told = broken_page_limits("loop", FACTS, READING, signals_of(text), RULES)
    assert ("tail_repeats", ">=", 4) in [(limit.column, limit.sign, limit.threshold) for limit in told]


def test_the_limits_are_those_of_the_rules_given() -> None:
    signals = signals_of(HARBOUR.replace("e", "\ufffd"))
    (limit,) = broken_page_limits("garbled", FACTS, READING, signals, PageRules(garbled_above=0.01))
    assert (limit.column, limit.threshold, limit.rule) == ("garbled", 0.01, "garbled_above")
    assert limit.value == signals.garbled_fraction


@pytest.mark.parametrize("reason", ["truncated", "engine_failed", "crashed", "blank"])
def test_a_reason_that_no_number_has_made_has_no_limits(reason: str) -> None:
    assert broken_page_limits(reason, FACTS, READING, signals_of(HARBOUR), RULES) == ()
