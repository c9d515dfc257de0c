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
from pipeline.quality.repetition import has_loop
from pipeline.records import LOOP_CUT, PageFacts, PageSignals, PageStatus, PageText

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "km", "lo", "my", "bo"})
"""Languages without spaces between words: word lengths mean nothing (A4 rule 5)."""
UNREADABLE_SCRIPT = "unreadable_script"
"""Flag of a reading with far too few signs for the page's ink, and the reject reason it becomes: the page's script is none that
the engine knows, so what signs there are are noise."""
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
    if layer_chars < rules.layer_min_chars:
        return False
    if facts.layer_garbled_fraction is None or facts.layer_garbled_fraction >= rules.layer_garbled_below:
        return False
    return facts.layer_hidden_fraction is None or facts.layer_hidden_fraction < rules.layer_hidden_below


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
    reject = tuple(_broken_rules(facts, page, signals, rules))
    soft = [name for name in _soft_rules(page, signals, rules) if name not in reject]
    tags = [*_tags(facts, signals, rules), *_render_tags(facts, configured_dpi)]
    stopped = page.finish_reason in ("length", "repetition") and LOOP_CUT not in page.flags
    return Judgement(
        status="failed" if stopped else "ok",
        reject=reject,
        warnings=tuple(dict.fromkeys(name for name in (*soft, *tags, *page.flags) if name not in reject)),
    )


def _broken_rules(facts: PageFacts, page: PageText, signals: PageSignals, rules: PageRules) -> Iterator[str]:
    was_cut = LOOP_CUT in page.flags
    if page.finish_reason == "length" and not was_cut:
        yield "truncated"
    if (page.finish_reason == "repetition" and not was_cut) or (_generates(page) and _loops(signals, rules)):
        yield "loop"
    if UNREADABLE_SCRIPT in page.flags:
        yield UNREADABLE_SCRIPT
    if signals.garbled_fraction > rules.garbled_above:
        yield "garbled"
    if _has_words(signals, rules) and signals.mean_word_chars > rules.glued_mean_word_chars_above:
        yield "glued"
    if _is_gibberish(signals, rules) and _is_doubtful(page, signals, rules):
        yield "gibberish"
    if _is_below(page.confidence, rules.low_conf_below) or _is_below(page.mean_logprob, rules.low_logprob_below):
        yield "low_conf"
    if page.source == "ocr" and _misses_layer(facts, signals, rules):
        yield "layer_mismatch"


def _soft_rules(page: PageText, signals: PageSignals, rules: PageRules) -> Iterator[str]:
    if _has_words(signals, rules) and signals.mean_word_chars < rules.shredded_mean_word_chars_below:
        yield "shredded"
    if not _generates(page) and _loops(signals, rules):
        yield "loop"
    if _is_gibberish(signals, rules):
        yield "gibberish"
    if _is_unsure(page, rules):
        yield "low_conf"
    if _is_overfull(page, rules):
        yield "overfull"


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


def _loops(signals: PageSignals, rules: PageRules) -> bool:
    return has_loop(signals, rules) and not signals.layer_repeats


def _has_words(signals: PageSignals, rules: PageRules) -> bool:
    """Enough words, and a language that puts spaces between them."""
    spaced = signals.language not in UNSPACED_LANGUAGES and signals.script not in UNSPACED_SCRIPTS
    return spaced and signals.num_words >= rules.word_rules_min_words


def _is_gibberish(signals: PageSignals, rules: PageRules) -> bool:
    """Many letters in which the detector finds no language, or one at a fraction of its usual score."""
    if signals.num_letters < rules.gibberish_min_letters or signals.num_letters < MIN_LETTER_FRACTION * signals.num_chars:
        return False
    score = signals.language_score_fraction
    return signals.language == UNDETERMINED or (score is not None and score < rules.gibberish_score_below)


def _is_doubtful(page: PageText, signals: PageSignals, rules: PageRules) -> bool:
    """Gibberish alone is also an axis of place names; with a second sign it is a failed reading."""
    return signals.garbled_fraction > rules.gibberish_garbled_above or _is_unsure(page, rules)


def _is_unsure(page: PageText, rules: PageRules) -> bool:
    return _is_below(page.confidence, rules.low_conf_warn_below) or _is_below(page.mean_logprob, rules.low_logprob_warn_below)


def _is_overfull(page: PageText, rules: PageRules) -> bool:
    """Markup is no text: it counts only where the engine has not told the two apart."""
    num_tokens = page.output_tokens if page.text_tokens is None else page.text_tokens
    if not page.vision_tokens or num_tokens is None:
        return False
    return num_tokens > rules.overfull_tokens_above * page.vision_tokens


def _misses_layer(facts: PageFacts, signals: PageSignals, rules: PageRules) -> bool:
    """The text lacks half of a trusted layer, or more than half of it stands nowhere in the layer."""
    recall, precision = signals.layer_recall, signals.layer_precision
    if recall is None or precision is None or not is_layer_trusted(facts, signals.layer_chars, rules):
        return False
    return recall < rules.layer_recall_below or precision < rules.layer_precision_below


def _is_below(value: float | None, threshold: float) -> bool:
    return value is not None and value < threshold
