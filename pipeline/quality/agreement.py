"""Read text against true text: character error rates and word agreement. Pure; knows no engine, page image or document.

In: what an engine read of a page (lines with boxes, or plain text) and the truth (words with boxes, or plain text). Out: an
`Agreement`, which holds counts, so that pages add up to a corpus figure weighted by characters. Three character error rates,
all Levenshtein distance over the number of true characters (so more than 1.0 is possible), after `normalise`:

* matched lines: the engine's lines are put into the order of the truth first, so that only recognition counts;
* the same with spaces: runs of white space count as one space instead of being ignored;
* page order: the page in the engine's own order, so that a wrong reading order counts too.

Costs 1-5 ms a page of 3,000 characters. Needs `rapidfuzz` (extras `bench` and `dev`), imported on first use.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.records import BoxPt


class BoxedText(NamedTuple):
    """A line as an engine read it, or a word of the truth."""

    text: str
    box_pt: BoxPt


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Counts for one page, or their sum over many."""

    num_pages: int = 0
    num_chars: int = 0
    """True characters, white space left out."""
    num_errors: int = 0
    """Edits, lines matched, white space left out."""
    num_chars_spaced: int = 0
    num_errors_spaced: int = 0
    """Edits, lines matched, white space kept as single spaces."""
    num_errors_page_order: int = 0
    """Edits in the engine's own order, white space left out; over `num_chars`."""
    num_words: int = 0
    num_words_read: int = 0
    num_words_shared: int = 0
    """Common to both as multisets, case ignored."""

    @property
    def cer(self) -> float:
        return self.num_errors / max(1, self.num_chars)

    @property
    def cer_spaced(self) -> float:
        return self.num_errors_spaced / max(1, self.num_chars_spaced)

    @property
    def cer_page_order(self) -> float:
        return self.num_errors_page_order / max(1, self.num_chars)

    @property
    def word_precision(self) -> float:
        """0..1; 1.0 when nothing was read."""
        return self.num_words_shared / self.num_words_read if self.num_words_read else 1.0

    @property
    def word_recall(self) -> float:
        """0..1; 1.0 when there was nothing to read."""
        return self.num_words_shared / self.num_words if self.num_words else 1.0

    @property
    def word_f1(self) -> float:
        """0..1; 1.0 when there was nothing to read and nothing was read."""
        both = self.num_words + self.num_words_read
        return 2 * self.num_words_shared / both if both else 1.0


def total(agreements: Iterable[Agreement]) -> Agreement:
    """Sums counts, so that long pages weigh more than short ones."""
    columns = zip(*(astuple(agreement) for agreement in agreements), strict=True)
    return Agreement(**dict(zip(Agreement.__slots__, map(sum, columns), strict=False)))


SAME_SIGN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u0060\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-")
    | dict.fromkeys("\u2022\u2219\u25cf\u25aa\u25e6\u2023\u2043\u30fb\u22c5", "\u00b7")
    | {"\u2044": "/", "\u0364": "\u0308"}
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff")
)
"""Signs that look alike in print and that transcribers and engines use as they like: quotes, dashes (a soft hyphen that is
stored is one that is printed), bullets, the fraction slash, Fraktur's small e over a vowel. Zero-width signs are dropped."""


def normalise(text: str) -> str:
    """NFKC (ligatures, long s, full-width signs, superscripts), SAME_SIGN, white space to single spaces; case is kept.

    >>> normalise("\u017fo  \ufb01ne\u2014\u201cyes\u201d")
    'so fine-"yes"'
    """
    once = unicodedata.normalize("NFKC", text.translate(SAME_SIGN)).translate(SAME_SIGN)
    return " ".join(unicodedata.normalize("NFKC", once).split())


def join_hyphens(text: str) -> str:
    """Joins words broken at the end of a line: `exam-\\nple` to `example`. For truths that were joined by hand."""
    return re.sub(r"(?<=[^\W\d_])[-\u2010\u00ad][ \t]*\r?\n\s*(?=[^\W\d_])", "", text)


def without_markdown(text: str) -> str:
    """Drops front matter, comments, heading and emphasis marks, table rules and link targets; keeps what is printed."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]\n]*)\]\([^)\n]*\)", r"\1", text)
    text = re.sub(r"^[ \t]*\|?[ \t:|-]*--[ \t:|-]*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^[ \t]*#{1,6}[ \t]+", "", text, flags=re.MULTILINE)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    return re.sub(r"(?<=\s)\||\|(?=\s|\Z)|\A\|", " ", text)


TEX_ACCENTS = {
    "\u00b4": "\u0301", "\u00a8": "\u0308", "\u02c6": "\u0302", "\u02dd": "\u030b", "\u00b8": "\u0327",
    "\u02d9": "\u0307", "\u02c7": "\u030c", "\u02dc": "\u0303", "\u0060": "\u0300",
}  # fmt: skip


def repair_tex_accents(layer_text: str) -> str:
    """The older TeX fonts leave an accent before its letter in the text layer (acute, e); the page shows one letter."""

    def composed(match: re.Match[str]) -> str:
        letter = "i" if match[2] == "\u0131" else match[2]
        return unicodedata.normalize("NFC", letter + TEX_ACCENTS[match[1]])

    signs = "".join(TEX_ACCENTS)
    return re.sub(rf"(?<![{signs}])([{signs}])([A-Za-z\u0131])", composed, layer_text)


def edit_distance(left: str, right: str) -> int:
    """Levenshtein: insertions, deletions and substitutions, each 1."""
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(left, right))


def order_by_boxes(lines: Sequence[BoxedText], words: Sequence[BoxedText]) -> list[int]:
    """Indices of `lines` in the order of the truth's `words`.

    Each true word belongs to the line that holds its middle (of several, the one whose height it is nearest to); a line
    stands where its first word stands. A line with no word stands after the word that is nearest to it.
    """
    if not lines or not words:
        return list(range(len(lines)))
    line_boxes, middles = _boxes(lines), _middles(_boxes(words))
    x, y = middles[:, :1], middles[:, 1:]
    inside = (x >= line_boxes[:, 0]) & (x <= line_boxes[:, 2]) & (y >= line_boxes[:, 1]) & (y <= line_boxes[:, 3])
    line_middles = _middles(line_boxes)
    far = np.where(inside, np.abs(y - line_middles[:, 1]), np.inf)
    owner = np.where(inside.any(axis=1), far.argmin(axis=1), -1)
    places: list[tuple[float, float, float]] = []
    for index, line in enumerate(lines):
        owned = np.flatnonzero(owner == index)
        nearest = ((middles - line_middles[index]) ** 2).sum(axis=1).argmin()
        place = float(owned[0]) if len(owned) else float(nearest) + 0.5
        places.append((place, line.box_pt[1], line.box_pt[0]))
    return sorted(range(len(lines)), key=places.__getitem__)


def order_by_content(lines: Sequence[str], truth: str) -> list[int]:
    """Indices of `lines` in the order of `truth`, found by their own words: for truths that have no boxes.

    A line stands where it is found best in the truth; one that is under four characters, or found nowhere (less than 60 %
    alike), follows the line before it.
    """
    from rapidfuzz import fuzz

    target = _squeezed(truth)
    places: list[int] = []
    for line in map(_squeezed, lines):
        found = fuzz.partial_ratio_alignment(line, target, score_cutoff=60) if 4 <= len(line) <= len(target) else None
        places.append(int(found.dest_start) if found else (places[-1] if places else 0))
    return sorted(range(len(lines)), key=places.__getitem__)


def compare_boxed(lines: Sequence[BoxedText], words: Sequence[BoxedText]) -> Agreement:
    """One page whose truth has boxes: `lines` in the engine's own order, `words` in the truth's. Both as printed."""
    matched = "\n".join(lines[index].text for index in order_by_boxes(lines, words))
    return _agreement(
        truth=" ".join(word.text for word in words), matched=matched, page_order="\n".join(line.text for line in lines)
    )


def compare_text(lines: Sequence[str], page_text: str, truth: str) -> Agreement:
    """One page whose truth is plain text: `lines` for the matched rates, `page_text` (Markdown) for the page order.

    Words broken at line ends are joined on both sides, because transcribers mostly join them.
    """
    matched = "\n".join(lines[index] for index in order_by_content(lines, truth))
    return _agreement(
        truth=join_hyphens(without_markdown(truth)),
        matched=join_hyphens(matched),
        page_order=join_hyphens(without_markdown(page_text)),
    )


def _agreement(*, truth: str, matched: str, page_order: str) -> Agreement:
    truth, matched, page_order = normalise(truth), normalise(matched), normalise(page_order)
    true_words, read_words = Counter(truth.lower().split()), Counter(page_order.lower().split())
    return Agreement(
        num_pages=1,
        num_chars=len(_squeezed(truth)),
        num_errors=edit_distance(_squeezed(matched), _squeezed(truth)),
        num_chars_spaced=len(truth),
        num_errors_spaced=edit_distance(matched, truth),
        num_errors_page_order=edit_distance(_squeezed(page_order), _squeezed(truth)),
        num_words=true_words.total(),
        num_words_read=read_words.total(),
        num_words_shared=(true_words & read_words).total(),
    )


def _squeezed(text: str) -> str:
    return normalise(text).replace(" ", "")


def _boxes(texts: Sequence[BoxedText]) -> npt.NDArray[np.float64]:
    return np.array([text.box_pt for text in texts], dtype=np.float64).reshape(-1, 4)


def _middles(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2
