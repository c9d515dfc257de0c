"""Which limits a rejected page or document has crossed: `tail_repeats 41 >= 4`. In: what a verdict was made of, and one of its
reasons. Out: the signals behind it, with value and threshold, under the names of their columns.

Page rules are told from their table (`rule_table`), document rules from a list here; a test holds that each of their reasons is
told and that what is told was crossed. A reason that no number has made (`truncated`, `crashed`) has no limits. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.config import DocumentRules, PageRules
from pipeline.quality.document_rules import DocumentJudgement
from pipeline.quality.rule_table import OPERATORS, REJECT_RULES, Comparison, crossed
from pipeline.quality.rules import evidence_of
from pipeline.records import PageFacts, PageSignals, PageText
from pipeline.tables.schemas import SIGNAL_COLUMNS


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenLimit:
    """One signal on the wrong side of its threshold."""

    column: str
    """Of `pages` or `documents`, where the signal has one; else its own name, `failed_page_fraction`."""
    value: float
    sign: Comparison
    """`>`, `<` or `>=`: how the value stands to the threshold."""
    threshold: float
    rule: str
    """Key of the threshold under `rules.pages` or `rules.documents`."""


@dataclass(frozen=True, slots=True)
class _Limit:
    name: str
    sign: Comparison
    rule: str


DOCUMENT_LIMITS: Mapping[str, Sequence[_Limit]] = {
    "too_short": (_Limit("num_letters", "<", "min_letters"), _Limit("num_words", "<", "min_words")),
    "failed_pages": (_Limit("failed_page_fraction", ">", "failed_page_fraction_above"),),
    "low_alpha": (_Limit("alpha_words", "<", "alpha_word_fraction_below"),),
    "odd_words": (
        _Limit("mean_word_len", "<", "mean_word_chars_below"),
        _Limit("mean_word_len", ">", "mean_word_chars_above"),
    ),
    "repetitive": (
        _Limit("dup_line", ">", "dup_line_fraction_above"),
        _Limit("dup_10gram", ">", "dup_10gram_fraction_above"),
    ),
    "low_ocr": (
        _Limit("ocr_conf", "<", "confidence_below"),
        _Limit("language_score_fraction", "<", "language_score_fraction_below"),
    ),
}
"""By reject reason: one of these was crossed, at least."""
PAGE_COLUMNS: Mapping[str, str] = {**SIGNAL_COLUMNS, "confidence": "ocr_conf", "mean_logprob": "mean_logprob"}
DOCUMENT_COLUMNS: Mapping[str, str] = {"num_letters": "letters", "num_words": "words"}


def broken_page_limits(
    reason: str, facts: PageFacts, page: PageText, signals: PageSignals, rules: PageRules
) -> tuple[BrokenLimit, ...]:
    """Those behind one reject reason of a page that an engine answered for."""
    if reason not in REJECT_RULES:
        return ()
    evidence = evidence_of(facts, page, signals)
    told = ((each, evidence.numbers[each.signal]) for each in crossed(REJECT_RULES[reason], evidence, rules))
    return tuple(
        BrokenLimit(
            column=PAGE_COLUMNS.get(each.signal, each.signal),
            value=value,
            sign=each.comparison,
            threshold=getattr(rules, each.threshold),
            rule=each.threshold,
        )
        for each, value in told
        if value is not None
    )


def broken_document_limits(reason: str, judgement: DocumentJudgement, rules: DocumentRules) -> tuple[BrokenLimit, ...]:
    """Those behind one reject reason of a document."""
    return tuple(
        BrokenLimit(
            column=DOCUMENT_COLUMNS.get(limit.name, limit.name),
            value=value,
            sign=limit.sign,
            threshold=threshold,
            rule=limit.rule,
        )
        for limit in DOCUMENT_LIMITS.get(reason, ())
        if (value := getattr(judgement, limit.name)) is not None
        and OPERATORS[limit.sign](value, threshold := getattr(rules, limit.rule))
    )
