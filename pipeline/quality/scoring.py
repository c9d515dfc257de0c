"""Read text against true text: character error rates and word agreement. Pure; knows no engine, page image or document.

In: what an engine read of a page (lines with boxes, or plain text) and the truth (words with boxes, or plain text). Out: an
`Agreement`, which holds counts, so that pages add up to a corpus figure weighted by characters. Three character error rates,
all Levenshtein distance over the number of true characters (so more than 1.0 is possible), after `normalise`:

* matched lines: lines and truth are put into one order first (by boxes, or by content), so that only recognition counts;
* the same with spaces: runs of white space count as one space instead of being ignored;
* page order: the page in the engine's own order, so that a wrong reading order counts too.

Costs 1-5 ms a page of 3,000 characters. Needs `rapidfuzz` (extras `bench` and `dev`), imported on first use.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
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
    num_chars_ordered: int = 0
    """True characters, white space left out, of pages whose true reading order is known."""
    num_errors_page_order: int = 0
    """Edits in the engine's own order, white space left out; over `num_chars_ordered`."""
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
        return self.num_errors_page_order / max(1, self.num_chars_ordered)

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


def match_by_boxes(lines: Sequence[BoxedText], words: Sequence[BoxedText]) -> tuple[str, str]:
    """What was read, and the truth, both in one order: (read, true).

    Each true word belongs to the line that holds its middle (of several, the one whose height it is nearest to). A line
    stands where its first word stands, and its words follow it from left to right, so that a line that runs across two columns
    or a table's cells costs nothing; words that the truth stores side by side stay so. A word of no line stays where the
    truth has it, a line of no word stands after the word that is nearest to it.
    """
    if not lines or not words:
        return "\n".join(line.text for line in lines), " ".join(word.text for word in words)
    owner = _owners(lines, words)
    read: list[tuple[float, float, str]] = []
    true = [(float(place), 0.0, words[place].text) for place in np.flatnonzero(owner < 0).tolist()]
    middles = _middles(_boxes(words))
    for index, (line, middle) in enumerate(zip(lines, _middles(_boxes(lines)), strict=True)):
        owned = np.flatnonzero(owner == index)
        if len(owned):
            runs = np.split(owned, np.flatnonzero(np.diff(owned) > 1) + 1)
            runs.sort(key=lambda run: words[run[0]].box_pt[0])
            true.append((float(owned[0]), 0.0, " ".join(words[place].text for run in runs for place in run)))
            read.append((float(owned[0]), 0.0, line.text))
        else:
            nearest = ((middles - middle) ** 2).sum(axis=1).argmin()
            read.append((float(nearest) + 0.5, float(middle[1]), line.text))
    return "\n".join(text for *_, text in sorted(read)), " ".join(text for *_, text in sorted(true))


def _owners(lines: Sequence[BoxedText], words: Sequence[BoxedText]) -> npt.NDArray[np.int64]:
    """For each word the index of its line, -1 for none."""
    boxes, middles = _boxes(lines), _middles(_boxes(words))
    x, y = middles[:, :1], middles[:, 1:]
    inside = (x >= boxes[:, 0]) & (x <= boxes[:, 2]) & (y >= boxes[:, 1]) & (y <= boxes[:, 3])
    off_middle = np.where(inside, np.abs(y - _middles(boxes)[:, 1]), np.inf)
    return np.where(inside.any(axis=1), off_middle.argmin(axis=1), -1)


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
    read, true = match_by_boxes(lines, words)
    return _agreement(
        truth=" ".join(word.text for word in words),
        matches=[(read, true)],
        page_order="\n".join(line.text for line in lines),
    )


def compare_text(lines: Sequence[str], page_text: str, truth: str) -> Agreement:
    """One page whose truth is plain text: `lines` and `page_text` (Markdown) are the same reading; `page_text` gives the order.

    Words broken at line ends are joined on both sides, because transcribers mostly join them. Where lines repeat, finding
    them by content may err; so the matched rates are of the better order of the two.
    """
    true = join_hyphens(without_markdown(truth))
    by_content = join_hyphens("\n".join(lines[index] for index in order_by_content(lines, truth)))
    page_order = join_hyphens(without_markdown(page_text))
    return _agreement(truth=true, matches=[(by_content, true), (page_order, true)], page_order=page_order)


def without_order(agreement: Agreement) -> Agreement:
    """The same for a page with no known reading order, as tables and forms are: it counts for the matched rates alone."""
    return replace(agreement, num_chars_ordered=0, num_errors_page_order=0)


def _agreement(*, truth: str, matches: Sequence[tuple[str, str]], page_order: str) -> Agreement:
    truth, page_order = normalise(truth), normalise(page_order)
    pairs = [(normalise(read), normalise(true)) for read, true in matches]
    true_words, read_words = Counter(truth.lower().split()), Counter(page_order.lower().split())
    return Agreement(
        num_pages=1,
        num_chars=len(_squeezed(truth)),
        num_errors=min(edit_distance(_squeezed(read), _squeezed(true)) for read, true in pairs),
        num_chars_spaced=len(truth),
        num_errors_spaced=min(edit_distance(read, true) for read, true in pairs),
        num_chars_ordered=len(_squeezed(truth)),
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
