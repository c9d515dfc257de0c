"""Thresholds of the page rules and the document rules. They may change without a page being read again."""

from pydantic import PositiveFloat

from pipeline.config.values import Fraction, Section


class PageRules(Section):
    """Thresholds of the page rules, A4 of the reference; the values are its defaults and where they were measured."""

    blank_ink_below: Fraction = 0.0005
    blank_layer_chars_below: int = 20
    loop_tail_repeats: int = 4
    loop_tail_chars: int = 120
    loop_equal_lines: int = 8
    loop_equal_line_chars: int = 80
    loop_zlib_below: Fraction = 0.15
    loop_zlib_min_chars: int = 1000
    loop_dup_10gram_above: Fraction = 0.30
    loop_dup_10gram_min_words: int = 100
    garbled_above: Fraction = 0.05
    glued_mean_word_chars_above: PositiveFloat = 20.0
    shredded_mean_word_chars_below: PositiveFloat = 2.0
    word_rules_min_words: int = 50
    gibberish_score_below: PositiveFloat = 0.35
    gibberish_min_letters: int = 200
    gibberish_garbled_above: Fraction = 0.02
    low_conf_below: Fraction = 0.60
    low_conf_warn_below: Fraction = 0.80
    low_logprob_below: float = -0.7
    low_logprob_warn_below: float = -0.35
    layer_recall_below: Fraction = 0.5
    layer_precision_below: Fraction = 0.4
    layer_min_chars: int = 200
    """Visible characters; a shorter text layer proves nothing."""
    layer_garbled_below: Fraction = 0.01
    layer_hidden_below: Fraction = 0.1
    """A layer with more characters that are not drawn is an earlier OCR's, and no judge of this one."""
    overfull_tokens_above: PositiveFloat = 10.0
    """Text tokens per vision token."""


class DocumentRules(Section):
    """Thresholds of the document rules, A5 of the reference."""

    min_letters: int = 200
    min_words: int = 50
    failed_page_fraction_above: Fraction = 0.20
    alpha_word_fraction_below: Fraction = 0.5
    mean_word_chars_below: PositiveFloat = 2.5
    mean_word_chars_above: PositiveFloat = 12.0
    dup_line_fraction_above: Fraction = 0.30
    dup_10gram_fraction_above: Fraction = 0.30
    confidence_below: Fraction = 0.6
    language_score_fraction_below: PositiveFloat = 0.45
    languages: tuple[str, ...] = ()
    """Languages to keep, BCP-47; () keeps all."""
    benchmark_ngrams_above: int | None = None
    """Different 13-grams of all benchmarks that a document may hold; None reports them only."""
    multilingual_share_below: Fraction = 0.5
    """A document whose main language has less than this share of its letters is `mul`."""


class RulesConfig(Section):
    pages: PageRules = PageRules()
    documents: DocumentRules = DocumentRules()
