"""Words, lines and n-grams of a batch of texts as numpy arrays: what repeats, how long words are, how many are words at all.

In: a `CharacterBatch`. Out: `WordBatch` and per-page fractions. A word is a run of characters that are not white space; a
line is compared by its words, so spacing does not matter. Hashes are 64-bit polynomials by prefix sums: two different
10-grams of a 1,000-word page collide with a probability below 1e-8. Costs about 120 us per 3 kB page in batches of 32.

Array legend: N characters, W words, L lines that hold a word, P pages.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.quality.characters import FIRST_SCRIPT, NEWLINE, SPACE, CharacterBatch

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Fractions = npt.NDArray[np.float64]

CHARACTER_FACTOR = 0x9E3779B97F4A7C15
WORD_FACTOR = 0xD1342543DE82EF95
PAGE_FACTOR = 0xBF58476D1CE4E5B9
"""Odd 64-bit multipliers (golden ratio, Steele and Vigna 2021, splitmix64); odd, so that powers can be divided out again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WordBatch:
    """Words of all pages in order, and the lines they stand in."""

    num_pages: int
    hashes_W: Hashes
    chars_W: Counts
    page_W: Counts
    has_letter_W: npt.NDArray[np.bool_]
    line_hashes_L: Hashes
    line_chars_L: Counts
    """Characters of the line's words."""
    line_page_L: Counts


def split_words(batch: CharacterBatch) -> WordBatch:
    """Word boundaries by difference, hashes by prefix sums."""
    space_N = (batch.classes_N == SPACE) | (batch.classes_N == NEWLINE)
    edges = np.flatnonzero(space_N[1:] != space_N[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    letters = np.concatenate(([0], np.cumsum(batch.classes_N >= FIRST_SCRIPT, dtype=np.int64)))
    newlines = np.flatnonzero(batch.classes_N == NEWLINE)
    line_W = np.searchsorted(newlines, starts)
    page_W = batch.page_of(starts)
    hashes_W = span_hashes(batch.codes_N.astype(np.uint64), starts, ends, CHARACTER_FACTOR)
    first_L = np.flatnonzero(np.diff(line_W, prepend=-1))
    last_L = np.append(first_L[1:], len(starts))[: len(first_L)]
    chars_W = (ends - starts).astype(np.int64)
    chars_before = np.concatenate(([0], np.cumsum(chars_W)))
    return WordBatch(
        num_pages=len(batch.page_starts_P),
        hashes_W=hashes_W,
        chars_W=chars_W,
        page_W=page_W,
        has_letter_W=letters[ends] > letters[starts],
        line_hashes_L=span_hashes(hashes_W, first_L, last_L, WORD_FACTOR),
        line_chars_L=chars_before[last_L] - chars_before[first_L],
        line_page_L=page_W[first_L],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class WordFigures:
    """What the words and lines of each page say; `records.PageSignals` explains the names."""

    num_words_P: Fractions
    alpha_word_fraction_P: Fractions
    mean_word_chars_P: Fractions
    dup_line_fraction_P: Fractions
    dup_10gram_fraction_P: Fractions
    top_2gram_fraction_P: Fractions
    equal_line_run_P: Counts
    equal_line_run_chars_P: Counts


def measure_words(words: WordBatch) -> WordFigures:
    """All figures of this module."""
    num_words_P = per_page(words, np.ones(len(words.page_W)))
    runs_P, run_chars_P = equal_line_runs(words)
    return WordFigures(
        num_words_P=num_words_P,
        alpha_word_fraction_P=ratio(per_page(words, words.has_letter_W), num_words_P),
        mean_word_chars_P=ratio(per_page(words, words.chars_W), num_words_P),
        dup_line_fraction_P=dup_line_fractions(words),
        dup_10gram_fraction_P=dup_10gram_fractions(words),
        top_2gram_fraction_P=top_2gram_fractions(words),
        equal_line_run_P=runs_P,
        equal_line_run_chars_P=run_chars_P,
    )


def per_page(words: WordBatch, weights_W: npt.NDArray[np.generic]) -> Fractions:
    """Sum of a word figure over each page."""
    return sums(words.page_W, weights_W, words.num_pages)


def sums(index: Counts, weights: npt.NDArray[np.generic], length: int) -> Fractions:
    """weights added up per index, for 0 <= index < length."""
    return np.bincount(index, weights=weights.astype(np.float64), minlength=length).astype(np.float64)


def ratio(part_P: Fractions, whole_P: Fractions, *, empty: float = 0.0) -> Fractions:
    """part / whole, and `empty` where there is no whole."""
    return np.where(whole_P > 0, part_P / np.maximum(whole_P, 1.0), empty)


def dup_line_fractions(words: WordBatch) -> Fractions:
    """Share of characters in second and later copies of a line (A1 "dup line chars")."""
    later_L = is_later_copy(words.line_hashes_L, words.line_page_L)
    part_P = sums(words.line_page_L, words.line_chars_L * later_L, words.num_pages)
    return ratio(part_P, sums(words.line_page_L, words.line_chars_L, words.num_pages))


def dup_10gram_fractions(words: WordBatch) -> Fractions:
    """Share of characters in words that a second or later copy of a 10-gram covers."""
    starts = ngram_starts(words, 10)
    grams = span_hashes(words.hashes_W, starts, starts + 10, WORD_FACTOR)
    later = starts[is_later_copy(grams, words.page_W[starts])]
    change = np.zeros(len(words.page_W) + 1, dtype=np.int64)
    change[later] += 1
    change[later + 10] -= 1
    covered_W = np.cumsum(change)[:-1] > 0
    return ratio(per_page(words, words.chars_W * covered_W), per_page(words, words.chars_W))


def top_2gram_fractions(words: WordBatch) -> Fractions:
    """Characters of the 2-gram that takes most room, all its copies, over all; 0 when no 2-gram comes twice. At most 1."""
    starts = ngram_starts(words, 2)
    top = np.zeros(words.num_pages, dtype=np.float64)
    if not len(starts):
        return top
    keys, position_mask = sortable_keys(span_hashes(words.hashes_W, starts, starts + 2, WORD_FACTOR), words.page_W[starts])
    keys.sort()
    grams = keys & ~position_mask
    first = np.flatnonzero(np.concatenate(([True], grams[1:] != grams[:-1])))
    copies = np.diff(np.append(first, len(keys)))
    word = starts[(keys[first] & position_mask).astype(np.int64)]
    chars = copies * (words.chars_W[word] + words.chars_W[word + 1]) * (copies > 1)
    np.maximum.at(top, words.page_W[word], chars.astype(np.float64))
    return np.minimum(ratio(top, per_page(words, words.chars_W)), 1.0)


def equal_line_runs(words: WordBatch) -> tuple[Counts, Counts]:
    """Lines and characters of each page's longest run of equal lines; the longer in characters where two are as long."""
    runs = np.zeros(words.num_pages, dtype=np.int64)
    run_chars = np.zeros(words.num_pages, dtype=np.int64)
    hashes, pages = words.line_hashes_L, words.line_page_L
    if not len(hashes):
        return runs, run_chars
    first = np.flatnonzero(np.concatenate(([True], (hashes[1:] != hashes[:-1]) | (pages[1:] != pages[:-1]))))
    lengths = np.diff(np.append(first, len(hashes)))
    chars = lengths * words.line_chars_L[first]
    np.maximum.at(runs, pages[first], lengths)
    longest = lengths == runs[pages[first]]
    np.maximum.at(run_chars, pages[first][longest], chars[longest])
    return runs, run_chars


def ngram_starts(words: WordBatch, n: int) -> npt.NDArray[np.int64]:
    """Index of the first word of every n-gram that stays on its page."""
    if len(words.page_W) < n:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(words.page_W[n - 1 :] == words.page_W[: len(words.page_W) - n + 1])


def span_hashes(values: Hashes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], factor: int) -> Hashes:
    """Hash of values[start:end] for each span: sum of value * factor**i over the span, times factor**-start, modulo 2**64."""
    powers, inverses = power_tables(max(len(values), 1).bit_length(), factor)
    sums = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(values * powers[: len(values)], dtype=np.uint64)))
    result: Hashes = (sums[ends] - sums[starts]) * inverses[starts]
    return result


@cache
def power_tables(bits: int, factor: int) -> tuple[Hashes, Hashes]:
    """factor**i and factor**-i modulo 2**64 for i < 2**bits."""
    return _powers(factor, 1 << bits), _powers(pow(factor, -1, 1 << 64), 1 << bits)


def _powers(factor: int, length: int) -> Hashes:
    factors = np.full(length, factor, dtype=np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def sortable_keys(hashes: Hashes, pages: Counts) -> tuple[Hashes, np.uint64]:
    """Hash of (value, page) in the high bits and the position in the low ones: one plain sort brings copies together, in order.
    Also returns the mask of the position bits."""
    position_mask = np.uint64((1 << len(hashes).bit_length()) - 1)
    mixed = (hashes ^ (pages.astype(np.uint64) * np.uint64(PAGE_FACTOR))) * np.uint64(CHARACTER_FACTOR)
    return (mixed & ~position_mask) | np.arange(len(hashes), dtype=np.uint64), position_mask


def is_later_copy(hashes: Hashes, pages: Counts) -> npt.NDArray[np.bool_]:
    """True for each value that stood on the same page before."""
    later = np.zeros(len(hashes), dtype=np.bool_)
    keys, position_mask = sortable_keys(hashes, pages)
    keys.sort()
    values = keys & ~position_mask
    later[(keys[1:][values[1:] == values[:-1]] & position_mask).astype(np.int64)] = True
    return later
