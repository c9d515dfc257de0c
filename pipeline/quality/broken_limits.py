"""Which limits a rejected page or document has crossed: `tail_repeats 41 >= 4`. In: what a verdict was made of, and one of its
reasons. Out: the signals behind it, with value and threshold, under the names of their columns.

The rules themselves are in `rules` and `document_rules`; a test holds that each of their reasons is told here and that what is
told was crossed. A reason that no number has made (`truncated`, `crashed`) has no limits. Pure.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.config import DocumentRules, PageRules
from pipeline.quality.document_rules import DocumentJudgement
from pipeline.records import PageSignals, PageText
from pipeline.tables.schemas import SIGNAL_COLUMNS

COMPARE: Mapping[str, Callable[[float, float], bool]] = {">": operator.gt, "<": operator.lt, ">=": operator.ge}


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenLimit:
    """One signal on the wrong side of its threshold."""

    column: str
    """Of `pages` or `documents`, where the signal has one; else its own name, `failed_page_fraction`."""
    value: float
    sign: str
    """`>`, `<` or `>=`: how the value stands to the threshold."""
    threshold: float
    rule: str
    """Key of the threshold under `rules.pages` or `rules.documents`."""


@dataclass(frozen=True, slots=True)
class _Limit:
    name: str
    sign: str
    rule: str


_AllOf = tuple[_Limit, ...]
PAGE_LIMITS: Mapping[str, Sequence[_AllOf]] = {
    "loop": (
        (_Limit("tail_repeats", ">=", "loop_tail_repeats"), _Limit("tail_repeat_chars", ">=", "loop_tail_chars")),
        (_Limit("equal_line_run", ">=", "loop_equal_lines"), _Limit("equal_line_run_chars", ">=", "loop_equal_line_chars")),
        (_Limit("zlib_fraction", "<", "loop_zlib_below"), _Limit("num_chars", ">=", "loop_zlib_min_chars")),
        (_Limit("dup_10gram_fraction", ">", "loop_dup_10gram_above"), _Limit("num_words", ">=", "loop_dup_10gram_min_words")),
    ),
    "garbled": ((_Limit("garbled_fraction", ">", "garbled_above"),),),
    "glued": ((_Limit("mean_word_chars", ">", "glued_mean_word_chars_above"),),),
    "gibberish": (
        (_Limit("language_score_fraction", "<", "gibberish_score_below"),),
        (_Limit("garbled_fraction", ">", "gibberish_garbled_above"),),
        (_Limit("confidence", "<", "low_conf_warn_below"),),
        (_Limit("mean_logprob", "<", "low_logprob_warn_below"),),
    ),
    "low_conf": ((_Limit("confidence", "<", "low_conf_below"),), (_Limit("mean_logprob", "<", "low_logprob_below"),)),
    "layer_mismatch": (
        (_Limit("layer_recall", "<", "layer_recall_below"),),
        (_Limit("layer_precision", "<", "layer_precision_below"),),
    ),
}
"""By reject reason: one of these combinations was met, at least, but where the engine itself has said so (`finish_reason`)."""
DOCUMENT_LIMITS: Mapping[str, Sequence[_AllOf]] = {
    "too_short": ((_Limit("num_letters", "<", "min_letters"),), (_Limit("num_words", "<", "min_words"),)),
    "failed_pages": ((_Limit("failed_page_fraction", ">", "failed_page_fraction_above"),),),
    "low_alpha": ((_Limit("alpha_words", "<", "alpha_word_fraction_below"),),),
    "odd_words": (
        (_Limit("mean_word_len", "<", "mean_word_chars_below"),),
        (_Limit("mean_word_len", ">", "mean_word_chars_above"),),
    ),
    "repetitive": (
        (_Limit("dup_line", ">", "dup_line_fraction_above"),),
        (_Limit("dup_10gram", ">", "dup_10gram_fraction_above"),),
    ),
    "low_ocr": (
        (_Limit("ocr_conf", "<", "confidence_below"),),
        (_Limit("language_score_fraction", "<", "language_score_fraction_below"),),
    ),
}
PAGE_COLUMNS: Mapping[str, str] = {**SIGNAL_COLUMNS, "confidence": "ocr_conf", "mean_logprob": "mean_logprob"}
DOCUMENT_COLUMNS: Mapping[str, str] = {"num_letters": "letters", "num_words": "words"}


def broken_page_limits(reason: str, page: PageText, signals: PageSignals, rules: PageRules) -> tuple[BrokenLimit, ...]:
    """Those behind one reject reason of a page that an engine answered for."""

    def value_of(name: str) -> object:
        return getattr(page if name in ("confidence", "mean_logprob") else signals, name)

    return tuple(_broken(PAGE_LIMITS.get(reason, ()), value_of, rules, PAGE_COLUMNS))


def broken_document_limits(reason: str, judgement: DocumentJudgement, rules: DocumentRules) -> tuple[BrokenLimit, ...]:
    """Those behind one reject reason of a document."""

    def value_of(name: str) -> object:
        return getattr(judgement, name)

    return tuple(_broken(DOCUMENT_LIMITS.get(reason, ()), value_of, rules, DOCUMENT_COLUMNS))


def _broken(
    limits: Sequence[_AllOf],
    value_of: Callable[[str], object],
    rules: PageRules | DocumentRules,
    columns: Mapping[str, str],
) -> Iterator[BrokenLimit]:
    for combination in limits:
        told = [_told(limit, value_of(limit.name), getattr(rules, limit.rule), columns) for limit in combination]
        if all(COMPARE[each.sign](each.value, each.threshold) for each in told if each) and all(told):
            yield from (each for each in told if each)


def _told(limit: _Limit, value: object, threshold: float, columns: Mapping[str, str]) -> BrokenLimit | None:
    """None for a value that nobody measured, which crosses nothing."""
    if not isinstance(value, int | float):
        return None
    return BrokenLimit(
        column=columns.get(limit.name, limit.name), value=value, sign=limit.sign, threshold=threshold, rule=limit.rule
    )
