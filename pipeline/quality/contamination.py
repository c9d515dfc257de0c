"""Text that a benchmark asks about: which of its 13-grams stand in a document.

In: the texts of benchmarks once, then one document's text after another. Out: how many different 13-grams of each benchmark
the document holds. A word is a run of letters, marks and digits, compared without case and compatibility forms; in scripts
without spaces each letter is one. Line breaks and punctuation do not matter, so a question found in a scan counts as well.
Pure; knows no rule and no store. n = 13 is that of GPT-3 (Brown et al. 2020, appendix C) and of most reports since. Hashes are
64-bit polynomials (see `words`): with a million benchmark 13-grams, one in 1.8e13 of a document's matches by chance.
Costs 8 bytes a 13-gram of the benchmarks, and for each document 80 ns a character (measured on one core), most of it sorting.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.quality.characters import DIGIT, FIRST_SCRIPT, MARK, SCRIPTS, UNSPACED_SCRIPTS, lay_out
from pipeline.quality.words import CHARACTER_FACTOR, WORD_FACTOR, Hashes, span_hashes

NGRAM_WORDS = 13
UNSPACED_CLASSES = np.array(
    [FIRST_SCRIPT + SCRIPTS.index(name) for name in UNSPACED_SCRIPTS if name in SCRIPTS], dtype=np.uint8
)
CHUNK_CHARS = 1_000_000
"""Characters laid out at once: about 60 MB of arrays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkNgrams:
    """Every 13-gram of some benchmarks, each once, and which benchmark it is of (the first by name, if of several)."""

    names: tuple[str, ...]
    hashes_G: Hashes
    """Ascending."""
    name_G: npt.NDArray[np.int32]
    """Index into `names`."""
    num_short: Mapping[str, int]
    """Texts of a benchmark with fewer than 13 words: nothing can be said of them."""


def index_benchmarks(benchmarks: Mapping[str, Iterable[str]]) -> BenchmarkNgrams:
    """`benchmarks` are texts (questions, answers, passages) by the name of the benchmark."""
    names = tuple(sorted(benchmarks))
    found: list[Hashes] = [np.zeros(0, dtype=np.uint64)]
    owners: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    num_short = dict.fromkeys(names, 0)
    for owner, name in enumerate(names):
        for text in benchmarks[name]:
            hashes = ngram_hashes(text)
            num_short[name] += not len(hashes)
            found.append(hashes)
            owners.append(np.full(len(hashes), owner, dtype=np.int32))
    hashes_G, first_G = np.unique(np.concatenate(found), return_index=True)
    return BenchmarkNgrams(names=names, hashes_G=hashes_G, name_G=np.concatenate(owners)[first_G], num_short=num_short)


def find_contamination(text: str, benchmarks: BenchmarkNgrams) -> dict[str, int]:
    """Different 13-grams of each benchmark in the text; {} when it holds none."""
    if not len(benchmarks.hashes_G):
        return {}
    hashes = np.unique(ngram_hashes(text))
    place = np.minimum(np.searchsorted(benchmarks.hashes_G, hashes), len(benchmarks.hashes_G) - 1)
    owners = benchmarks.name_G[place[benchmarks.hashes_G[place] == hashes]]
    counts = np.bincount(owners, minlength=len(benchmarks.names))
    return {benchmarks.names[owner]: int(counts[owner]) for owner in np.flatnonzero(counts)}


def ngram_hashes(text: str) -> Hashes:
    """One hash for each 13-gram in order; none for a text of fewer words."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    words = [_word_hashes(normal[start:end]) for start, end in _chunks(normal)]
    words_W = np.concatenate([np.zeros(0, dtype=np.uint64), *words])
    num_ngrams = len(words_W) - NGRAM_WORDS + 1
    if num_ngrams <= 0:
        return np.zeros(0, dtype=np.uint64)
    starts = np.arange(num_ngrams, dtype=np.int64)
    return span_hashes(words_W, starts, starts + NGRAM_WORDS, WORD_FACTOR)


def _word_hashes(text: str) -> Hashes:
    batch = lay_out([text])
    classes_N = batch.classes_N
    inside_N = (classes_N == DIGIT) | (classes_N == MARK) | (classes_N >= FIRST_SCRIPT)
    alone_N = np.isin(classes_N, UNSPACED_CLASSES)
    begins_N = inside_N & ~np.roll(inside_N, 1) | alone_N | inside_N & np.roll(alone_N, 1) & (classes_N != MARK)
    starts = np.flatnonzero(begins_N)
    ends = np.minimum(np.append(starts[1:], len(classes_N)), _next_outside(inside_N)[starts])
    return span_hashes(batch.codes_N.astype(np.uint64), starts, ends, CHARACTER_FACTOR)


def _next_outside(inside_N: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Index of the first character at or after each that is in no word; the text ends with a line break, which is none."""
    outside = np.flatnonzero(~inside_N)
    return outside[np.searchsorted(outside, np.arange(len(inside_N)))]


def _chunks(text: str) -> Iterable[tuple[int, int]]:
    """Spans of about CHUNK_CHARS that end behind a character of no word, where there is one."""
    start = 0
    while start < len(text):
        end = min(start + CHUNK_CHARS, len(text))
        while start < end < len(text) and text[end - 1].isalnum() and end > start + CHUNK_CHARS // 2:
            end -= 1
        yield start, end
        start = end
