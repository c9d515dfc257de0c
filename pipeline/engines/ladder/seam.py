"""Two texts of overlapping halves of a page to one: what both halves read at the seam is kept once.

In: the upper and the lower text. Out: the joined text. Pure. The overlap is looked for where it can be: in the last lines of
the upper text and the first of the lower. There the longest run of (nearly) equal lines is the overlap. At most SLICED lines
may stand between it and the cut on either side, rows that the cut went through; they are kept. Where a paragraph is one long
line, as vision-language models write it, the two lines at the seam are joined at the longest run of words that they share.
Where nothing matches, one text follows the other: a line is rather kept twice than lost. Costs 0.5 ms for 100 lines.
"""

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

SLICED = 2
"""Lines, on either side, that only one half has because the cut went through them."""
WINDOW = 2.0
"""The overlap is looked for in this many times its share of the lines: lines are not spread evenly over a page."""
ALIKE_FROM = 0.85
"""Of two readings of one line. Lines of different digits are different lines, and so are short ones that are not equal."""
SHORT_LINE_CHARS = 8
LONG_LINE_CHARS = 300
"""Three printed rows, what an overlap of 6 % of a page holds. Longer lines are paragraphs, which two halves do not both show
whole; and comparing two of 1,100 characters letter by letter takes 46 ms."""
SEAM_WORDS_FROM = 5
"""Shared words that make two lines one paragraph; fewer are a phrase."""
SEAM_WORDS_WITHIN = 200
SLICED_WORDS = 12
"""A printed row of words."""
WORD = re.compile(r"\S+")
DIGIT = re.compile(r"\d")


class Run(NamedTuple):
    """Equal lines: `num` of them, from these places in the two lists."""

    num: int
    above: int
    below: int


def join_at_seam(upper: str, lower: str, *, overlap_share: float) -> str:
    """`overlap_share` is the part of a half's height that the other half shows too, 0..1."""
    above, below = upper.rstrip().split("\n"), lower.strip("\n").split("\n")
    ends = [index for index, line in enumerate(above) if line.strip()]
    heads = [index for index, line in enumerate(below) if line.strip()]
    if not ends or not heads or overlap_share == 0:
        return "\n".join([*above, *below])
    num_window = math.ceil(WINDOW * overlap_share * max(len(ends), len(heads))) + SLICED
    ends, heads = ends[-num_window:], heads[:num_window]
    run = _longest_run([above[index] for index in ends], [below[index] for index in heads])
    if run is not None:
        above_from = ends[run.above]
        below_from, below_to = heads[run.below], heads[run.below + run.num - 1] + 1
        sliced_below = below[:below_from]
        return "\n".join([*above[:above_from], *sliced_below, *above[above_from:], *below[below_to:]])
    paragraph = _join_words(above[ends[-1]], below[heads[0]])
    if paragraph is not None:
        return "\n".join([*above[: ends[-1]], paragraph, *below[heads[0] + 1 :]])
    return "\n".join([*above, *below])


def nearly_equal(left: str, right: str) -> bool:
    """Two readings of one line: equal but for case, spaces and a few letters."""
    left, right = ("".join(line.casefold().split()) for line in (left, right))
    if left == right:
        return True
    if min(len(left), len(right)) < SHORT_LINE_CHARS or max(len(left), len(right)) > LONG_LINE_CHARS:
        return False
    if DIGIT.findall(left) != DIGIT.findall(right):
        return False
    alike = SequenceMatcher(None, left, right, autojunk=False)
    return alike.real_quick_ratio() >= ALIKE_FROM and alike.quick_ratio() >= ALIKE_FROM and alike.ratio() >= ALIKE_FROM


def _longest_run(above: Sequence[str], below: Sequence[str]) -> Run | None:
    """The longest run that ends at most SLICED lines before the end of `above` and begins at most SLICED lines after the start
    of `below`; of equal ones that nearest to the cut."""
    runs = [
        Run(num, place, start)
        for start in range(min(len(below), SLICED + 1))
        for place in range(len(above))
        if (num := _run_length(above[place:], below[start:])) and len(above) - place - num <= SLICED
    ]
    return max(runs, key=lambda run: (run.num, run.above + run.num, -run.below), default=None)


def _run_length(above: Sequence[str], below: Sequence[str]) -> int:
    num = 0
    for left, right in zip(above, below, strict=False):
        if not nearly_equal(left, right):
            break
        num += 1
    return num


def _join_words(left: str, right: str) -> str | None:
    """Two lines as one paragraph, or None when they share too few words or share them too far from the seam."""
    left_words, right_words = list(WORD.finditer(left)), list(WORD.finditer(right))
    left_words, right_words = left_words[-SEAM_WORDS_WITHIN:], right_words[:SEAM_WORDS_WITHIN]
    shared = SequenceMatcher(
        None, [word[0].casefold() for word in left_words], [word[0].casefold() for word in right_words], autojunk=False
    ).find_longest_match()
    num_sliced_left = len(left_words) - shared.a - shared.size
    if shared.size < SEAM_WORDS_FROM or num_sliced_left > SLICED_WORDS or shared.b > SLICED_WORDS:
        return None
    return left[: left_words[shared.a + shared.size - 1].end()] + right[right_words[shared.b + shared.size - 1].end() :]
