"""Kept pages to a verdict on their document: enough of it, in words, in a wanted language, said once.

In: the kept pages of one document with their signals, how many pages it has and how many are blank. Out: a
`DocumentJudgement` with the reject names of A5 of the reference and the document's own figures. Pure. Duplicates are not
judged here: they need the other documents. Costs 100 us a page for a document of any length; figures on repetition come
from its first 2,000,000 characters (a book of 700 pages), which bounds the memory at 150 MB.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.config import DocumentRules
from pipeline.quality.characters import UNSPACED_SCRIPTS, lay_out
from pipeline.quality.language import UNDETERMINED
from pipeline.quality.words import dup_10gram_fractions, dup_line_fractions, split_words
from pipeline.records import PageSignals

MULTILINGUAL = "mul"
NO_SCRIPT = "Zyyy"
MAX_COMPARED_CHARS = 2_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPage:
    """What document rules need of one kept page."""

    text: str
    signals: PageSignals
    confidence: float | None = None
    """The engine's own, 0..1; None when it gives none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentJudgement:
    """The verdict on a document and its columns of D2. Fractions are 0..1."""

    reject: tuple[str, ...]
    """Names of the broken rules in the order of A5; () means keep."""
    language: str
    """BCP-47 primary tag of most letters; `mul` when no language has its share, `und` when none was found."""
    language_score: float
    """Share of the document's letters on pages in its main language."""
    script: str
    """ISO 15924 of most letters, `Zyyy` when there are none."""
    num_letters: int
    num_words: int
    alpha_words: float
    """Share of words with a letter."""
    mean_word_len: float
    """Characters."""
    dup_line: float
    """Share of characters in second and later copies of a line, over page borders."""
    dup_10gram: float
    ocr_conf: float | None
    """Letter-weighted mean of the pages' confidences; None when no page has one."""
    language_score_fraction: float | None
    """Letter-weighted mean of detector score over the usual one; None when no page has one."""
    failed_page_fraction: float
    """Pages that are neither blank nor kept, over pages that are not blank; 0 for a document of blank pages."""


def judge_document(pages: Sequence[KeptPage], *, num_pages: int, num_blank: int, rules: DocumentRules) -> DocumentJudgement:
    """`pages` are the kept ones in order; `num_pages` and `num_blank` count all pages of the document and its blank ones."""
    letters = [page.signals.num_letters for page in pages]
    num_words = sum(page.signals.num_words for page in pages)
    language, language_score = _main_language(pages, rules)
    dup_line, dup_10gram = _repetition(pages)
    num_inked = num_pages - num_blank
    figures = DocumentJudgement(
        reject=(),
        language=language,
        language_score=language_score,
        script=_main_script(pages),
        num_letters=sum(letters),
        num_words=num_words,
        alpha_words=_mean([page.signals.alpha_word_fraction for page in pages], [page.signals.num_words for page in pages])
        or 0.0,
        mean_word_len=_mean([page.signals.mean_word_chars for page in pages], [page.signals.num_words for page in pages])
        or 0.0,
        dup_line=dup_line,
        dup_10gram=dup_10gram,
        ocr_conf=_mean([page.confidence for page in pages], letters),
        language_score_fraction=_mean([page.signals.language_score_fraction for page in pages], letters),
        failed_page_fraction=(num_inked - len(pages)) / num_inked if num_inked > 0 else 0.0,
    )
    return replace(figures, reject=tuple(_broken_rules(figures, rules)))


def _broken_rules(document: DocumentJudgement, rules: DocumentRules) -> Iterator[str]:
    spaced = document.script not in UNSPACED_SCRIPTS
    if document.num_letters < rules.min_letters or (document.num_words < rules.min_words and spaced):
        yield "too_short"
    if document.failed_page_fraction > rules.failed_page_fraction_above:
        yield "failed_pages"
    if document.alpha_words < rules.alpha_word_fraction_below:
        yield "low_alpha"
    if spaced and not rules.mean_word_chars_below <= document.mean_word_len <= rules.mean_word_chars_above:
        yield "odd_words"
    if document.dup_line > rules.dup_line_fraction_above or document.dup_10gram > rules.dup_10gram_fraction_above:
        yield "repetitive"
    if rules.languages and document.language not in rules.languages:
        yield "language"
    if _is_below(document.ocr_conf, rules.confidence_below) or _is_below(
        document.language_score_fraction, rules.language_score_fraction_below
    ):
        yield "low_ocr"


def _main_language(pages: Sequence[KeptPage], rules: DocumentRules) -> tuple[str, float]:
    """The language of most letters among pages that have one, and its share of all letters."""
    letters: Counter[str] = Counter()
    for page in pages:
        letters[page.signals.language] += page.signals.num_letters
    total = letters.total()
    undetermined = letters.pop(UNDETERMINED, 0)
    if not total or not letters or undetermined > total - undetermined:
        return UNDETERMINED, 0.0
    language = max(letters, key=lambda name: (letters[name], name))
    share = letters[language] / total
    return (language if share >= rules.multilingual_share_below else MULTILINGUAL), share


def _main_script(pages: Sequence[KeptPage]) -> str:
    letters: Counter[str] = Counter()
    for page in pages:
        letters[page.signals.script] += page.signals.num_letters
    return max(letters, key=lambda name: (letters[name], name)) if letters.total() else NO_SCRIPT


def _repetition(pages: Sequence[KeptPage]) -> tuple[float, float]:
    text = "\n".join(page.text for page in pages)[:MAX_COMPARED_CHARS]
    words = split_words(lay_out([text]))
    return float(dup_line_fractions(words)[0]), float(dup_10gram_fractions(words)[0])


def _mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """Weighted mean over the values that exist; None when none does or none weighs anything."""
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None and weight > 0]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


def _is_below(value: float | None, threshold: float) -> bool:
    return value is not None and value < threshold
