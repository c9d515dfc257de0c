"""Signals to a verdict on one page: is it there, is it kept, what should a user know. Pure, and monotone in the thresholds.

In: what is known of a page, what was read, its signals, the build's thresholds. Out: a `Judgement`. Page rules find failed
*reading*, never poor content: a table, a form or a page of references is kept and tagged (A4 of the reference; web rules
reject 81 % of real PDF pages). Definitions and sources of the thresholds stand in `config.PageRules`.

What `status` means. It tells whether a reading came to its end, and does not depend on a threshold, so judging again never
changes it: `failed` when rendering or the engine failed, or when generation was stopped (`length`: reject reason `truncated`;
`repetition`: `loop`) and the loop was not cut off; `blank` when no engine was asked; `ok` for everything else. `reject` tells
why a page is not kept. A page with a whole reading that loops or is garbled is `ok` and rejected. A document's failed pages
are all pages that are neither blank nor kept (`document_rules`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.config import PageRules
from pipeline.quality.characters import UNSPACED_SCRIPTS
from pipeline.quality.language import MIN_LETTER_FRACTION, UNDETERMINED
from pipeline.quality.rule_table import REJECT_RULES, SOFT_RULES, TRUSTED_LAYER, UNREADABLE_SCRIPT, Evidence
from pipeline.records import LOOP_CUT, PageFacts, PageSignals, PageStatus, PageText

SIGNALS = (
    *("num_chars", "num_words", "num_letters", "garbled_fraction", "mean_word_chars", "dup_10gram_fraction", "zlib_fraction"),
    *("tail_repeats", "tail_repeat_chars", "equal_line_run", "equal_line_run_chars"),
    *("language_score_fraction", "layer_recall", "layer_precision"),
)
"""Fields of PageSignals that rules look at."""
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "km", "lo", "my", "bo"})
"""Languages without spaces between words: word lengths mean nothing (A4 rule 5)."""
TOC_LINES_FROM = 0.25
REFERENCE_LINES_FROM = 0.50
TABLE_CHARS_ABOVE = 0.50
IMAGE_ONLY_CHARS_BELOW = 20
"""Letters and digits, so that a figure's mark is none. Tags of A4; they never reject, so they are no thresholds of the
build."""
SCALED_DPI_FRACTION = 0.95
"""A page read at under 95 % of the configured resolution is `scaled_down`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The verdict on one page."""

    status: PageStatus
    reject: tuple[str, ...]
    """Names of the broken rules in the order of A4; () means keep."""
    warnings: tuple[str, ...]
    """Soft rules, tags and the engine's own flags; they never reject."""


def is_blank(facts: PageFacts, rules: PageRules) -> bool:
    """No ink and no text layer to speak of: the page must not go to an engine, which would invent text (A4 rule 1)."""
    layer_chars = sum(map(len, facts.layer_text.split()))
    return facts.ink_fraction < rules.blank_ink_below and layer_chars < rules.blank_layer_chars_below


def is_layer_trusted(facts: PageFacts, layer_chars: int, rules: PageRules) -> bool:
    """The text layer is long enough to prove something, drawn, and not garbled. `layer_chars` as in `PageSignals`."""
    evidence = Evidence(numbers=_layer_numbers(facts, layer_chars), facts=tuple(_layer_facts(facts)))
    return TRUSTED_LAYER.holds(evidence, rules)


def judge_blank(facts: PageFacts, *, configured_dpi: float) -> Judgement:
    """A page that `is_blank` kept from the engine."""
    return Judgement(status="blank", reject=("blank",), warnings=tuple(_render_tags(facts, configured_dpi)))


def judge_failure(reason: str, facts: PageFacts | None, *, configured_dpi: float) -> Judgement:
    """A page nothing was read of. `reason` is the failure's own: `render_error`, `deadline`, `crashed`, `engine_failed`."""
    tags = _render_tags(facts, configured_dpi) if facts else ()
    return Judgement(status="failed", reject=(reason,), warnings=tuple(tags))


def judge_page(facts: PageFacts, page: PageText, signals: PageSignals, rules: PageRules, *, configured_dpi: float) -> Judgement:
    """The verdict on a page that an engine answered for. A failed answer is rejected as `engine_failed` alone."""
    if page.status == "failed":
        return judge_failure("engine_failed", facts, configured_dpi=configured_dpi)
    evidence = evidence_of(facts, page, signals)
    reject = tuple(name for name, condition in REJECT_RULES.items() if condition.holds(evidence, rules))
    broken_soft = [name for name, condition in SOFT_RULES.items() if condition.holds(evidence, rules)]
    soft = [*broken_soft, *(["overfull"] if _is_overfull(page, rules) else [])]
    tags = [*_tags(facts, signals, rules), *_render_tags(facts, configured_dpi)]
    stopped = page.finish_reason in ("length", "repetition") and LOOP_CUT not in page.flags
    return Judgement(
        status="failed" if stopped else "ok",
        reject=reject,
        warnings=tuple(dict.fromkeys(name for name in (*soft, *tags, *page.flags) if name not in reject)),
    )


def evidence_of(facts: PageFacts, page: PageText, signals: PageSignals) -> Evidence:
    """What the rules look at, of a page that an engine answered for."""
    return Evidence(
        numbers={
            **{name: getattr(signals, name) for name in SIGNALS},
            "confidence": page.confidence,
            "mean_logprob": page.mean_logprob,
            **_layer_numbers(facts, signals.layer_chars),
        },
        facts=tuple(_facts(facts, page, signals)),
    )


def _facts(facts: PageFacts, page: PageText, signals: PageSignals) -> Iterator[str]:
    was_cut = LOOP_CUT in page.flags
    if page.finish_reason == "length" and not was_cut:
        yield "is_cut_short"
    if page.finish_reason == "repetition" and not was_cut:
        yield "is_stopped_in_loop"
    if not signals.layer_repeats:
        yield "can_loop" if _generates(page) else "may_repeat"
    if UNREADABLE_SCRIPT in page.flags:
        yield "is_unreadable"
    if signals.language not in UNSPACED_LANGUAGES and signals.script not in UNSPACED_SCRIPTS:
        yield "is_spaced"
    if signals.num_letters >= MIN_LETTER_FRACTION * signals.num_chars:
        yield "is_lettered"
    if signals.language == UNDETERMINED:
        yield "is_undetermined"
    if page.source == "ocr" and signals.layer_recall is not None and signals.layer_precision is not None:
        yield "is_compared"
    yield from _layer_facts(facts)


def _layer_numbers(facts: PageFacts, layer_chars: int) -> dict[str, float | None]:
    return {
        "layer_chars": layer_chars,
        "layer_garbled_fraction": facts.layer_garbled_fraction,
        "layer_hidden_fraction": facts.layer_hidden_fraction,
    }


def _layer_facts(facts: PageFacts) -> Iterator[str]:
    if facts.layer_hidden_fraction is None:
        yield "is_hiding_unknown"


def _tags(facts: PageFacts, signals: PageSignals, rules: PageRules) -> Iterator[str]:
    if signals.toc_line_fraction >= TOC_LINES_FROM:
        yield "is_toc"
    if signals.reference_line_fraction >= REFERENCE_LINES_FROM:
        yield "is_references"
    if signals.table_char_fraction > TABLE_CHARS_ABOVE:
        yield "is_table"
    if signals.num_letters + signals.num_digits < IMAGE_ONLY_CHARS_BELOW and facts.ink_fraction >= rules.blank_ink_below:
        yield "is_image_only"


def _render_tags(facts: PageFacts, configured_dpi: float) -> Iterator[str]:
    if facts.dpi < SCALED_DPI_FRACTION * configured_dpi:
        yield "scaled_down"


def _generates(page: PageText) -> bool:
    """Only an engine that generates can run in circles; with any other, what repeats is repeated on the page (10 of 350 real
    pages that PP-OCR read: test prints and Lorem ipsum), and `loop` is a warning."""
    return page.finish_reason is not None


def _is_overfull(page: PageText, rules: PageRules) -> bool:
    """Markup is no text: it counts only where the engine has not told the two apart."""
    num_tokens = page.output_tokens if page.text_tokens is None else page.text_tokens
    if not page.vision_tokens or num_tokens is None:
        return False
    return num_tokens > rules.overfull_tokens_above * page.vision_tokens
