"""The page rules as data: which signal is held against which threshold, and what must hold besides.

In: nothing. Out: `REJECT_RULES` and `SOFT_RULES`, conditions by rule name, each of which `holds` or not on the evidence of a
page. `quality.rules` judges by them, and a report carries them to the browser, so that a threshold that is dragged there judges
as a build would. A condition is a tree of comparisons and facts; a fact is what no threshold changes. Costs 6 us for all rules
of one page, 3 us for its evidence (one core, measured).
"""

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.config import PageRules

Comparison = Literal["<", ">", ">="]
OPERATORS: Mapping[Comparison, Callable[[float, float], bool]] = {"<": operator.lt, ">": operator.gt, ">=": operator.ge}
UNREADABLE_SCRIPT = "unreadable_script"
"""Flag of a reading with far too few signs for the page's ink, and the reject reason it becomes: the page's script is none that
the engine knows, so what signs there are are noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known of a page that was read, by name."""

    numbers: Mapping[str, float | None]
    """Signals by their field name in `PageSignals`, `PageText` or `PageFacts`; None when unknown."""
    facts: Collection[str]
    """Names of the facts that hold; see `rules.evidence_of`."""


@dataclass(frozen=True, slots=True)
class Compare:
    """A signal against a threshold; an unknown signal is neither above nor below."""

    signal: str
    comparison: Comparison
    threshold: str
    """Field of PageRules."""

    def holds(self, evidence: Evidence, rules: PageRules) -> bool:
        value = evidence.numbers[self.signal]
        return value is not None and OPERATORS[self.comparison](value, getattr(rules, self.threshold))


@dataclass(frozen=True, slots=True)
class Fact:
    name: str

    def holds(self, evidence: Evidence, rules: PageRules) -> bool:
        return self.name in evidence.facts


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Condition", ...]

    def holds(self, evidence: Evidence, rules: PageRules) -> bool:
        for part in self.parts:  # noqa: SIM110  a generator for all() doubles what a page costs
            if not part.holds(evidence, rules):
                return False
        return True


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Condition", ...]

    def holds(self, evidence: Evidence, rules: PageRules) -> bool:
        for part in self.parts:  # noqa: SIM110
            if part.holds(evidence, rules):
                return True
        return False


Condition = Compare | Fact | AllOf | AnyOf


def _all(*parts: Condition) -> AllOf:
    return AllOf(parts)


def _any(*parts: Condition) -> AnyOf:
    return AnyOf(parts)


LOOPS = _any(
    _all(Compare("tail_repeats", ">=", "loop_tail_repeats"), Compare("tail_repeat_chars", ">=", "loop_tail_chars")),
    _all(Compare("equal_line_run", ">=", "loop_equal_lines"), Compare("equal_line_run_chars", ">=", "loop_equal_line_chars")),
    _all(Compare("zlib_fraction", "<", "loop_zlib_below"), Compare("num_chars", ">=", "loop_zlib_min_chars")),
    _all(Compare("dup_10gram_fraction", ">", "loop_dup_10gram_above"), Compare("num_words", ">=", "loop_dup_10gram_min_words")),
)
"""A4 rule 3 without the engine's word."""
HAS_WORDS = _all(Fact("is_spaced"), Compare("num_words", ">=", "word_rules_min_words"))
"""Enough words, and a language that puts spaces between them."""
UNSURE = _any(
    Compare("confidence", "<", "low_conf_warn_below"),
    Compare("mean_logprob", "<", "low_logprob_warn_below"),
)
GIBBERISH = _all(
    Compare("num_letters", ">=", "gibberish_min_letters"),
    Fact("is_lettered"),
    _any(Fact("is_undetermined"), Compare("language_score_fraction", "<", "gibberish_score_below")),
)
"""Many letters in which the detector finds no language, or one at a fraction of its usual score."""
TRUSTED_LAYER = _all(
    Compare("layer_chars", ">=", "layer_min_chars"),
    Compare("layer_garbled_fraction", "<", "layer_garbled_below"),
    _any(Fact("is_hiding_unknown"), Compare("layer_hidden_fraction", "<", "layer_hidden_below")),
)
"""The text layer is long enough to prove something, drawn, and not garbled."""

REJECT_RULES: Mapping[str, Condition] = {
    "truncated": Fact("is_cut_short"),
    "loop": _any(Fact("is_stopped_in_loop"), _all(Fact("can_loop"), LOOPS)),
    UNREADABLE_SCRIPT: Fact("is_unreadable"),
    "garbled": Compare("garbled_fraction", ">", "garbled_above"),
    "glued": _all(HAS_WORDS, Compare("mean_word_chars", ">", "glued_mean_word_chars_above")),
    # Gibberish alone is also an axis of place names; with a second sign it is a failed reading.
    "gibberish": _all(GIBBERISH, _any(Compare("garbled_fraction", ">", "gibberish_garbled_above"), UNSURE)),
    "low_conf": _any(Compare("confidence", "<", "low_conf_below"), Compare("mean_logprob", "<", "low_logprob_below")),
    # The text lacks half of a trusted layer, or more than half of it stands nowhere in the layer.
    "layer_mismatch": _all(
        Fact("is_compared"),
        TRUSTED_LAYER,
        _any(Compare("layer_recall", "<", "layer_recall_below"), Compare("layer_precision", "<", "layer_precision_below")),
    ),
}
"""Reject reasons in the order of A4."""
SOFT_RULES: Mapping[str, Condition] = {
    "shredded": _all(HAS_WORDS, Compare("mean_word_chars", "<", "shredded_mean_word_chars_below")),
    "loop": _all(Fact("may_repeat"), LOOPS),
    "gibberish": GIBBERISH,
    "low_conf": UNSURE,
}
"""Warnings; they never reject."""


def comparisons(condition: Condition) -> Iterator[Compare]:
    """Every comparison in a condition, from left to right."""
    match condition:
        case Compare():
            yield condition
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from comparisons(part)
        case Fact():
            return


def crossed(condition: Condition, evidence: Evidence, rules: PageRules) -> Iterator[Compare]:
    """The comparisons that make a condition hold, from left to right; none when it does not, or when facts alone do."""
    if not condition.holds(evidence, rules):
        return
    match condition:
        case Compare():
            yield condition
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from crossed(part, evidence, rules)
        case Fact():
            return
