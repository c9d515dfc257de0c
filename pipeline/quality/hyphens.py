"""Words that a printer broke at a line's end, made whole with the document's own words as the judge.

In: the page texts of one document. Out: the texts with breaks resolved, or what stands for one break. "infor-/mation" loses its
hyphen, "well-/known" keeps it where the document writes well-known elsewhere, "Baden-/Baden" and "US-/Dollar" always do.
Letters of any script with lower case (Latin with its accents, Greek, Cyrillic). Costs 140 us a page in a document
that has a break.
"""

import re
from collections.abc import Sequence

LETTER = r"[^\W\d_]"
LINE_END = re.compile(rf"[-\u2010](?<={LETTER}.)[ \t]*\n[ \t]*(?={LETTER})")
PRINTED_HYPHEN = re.compile(rf"\x02(?<={LETTER}.)(?:[ \t]*\n[ \t]*)?(?={LETTER})")
"""PDFium writes U+0002 for a hyphen at a line's end, and some fonts map a real hyphen to it (A3)."""
PAGE_END = re.compile(rf"({LETTER}+)[-\u2010]\Z")
PAGE_START = re.compile(rf"{LETTER}\S*")
WORD_BEFORE = re.compile(rf"{LETTER}+\Z")
WORD_AFTER = re.compile(rf"{LETTER}+")
WORD = re.compile(rf"{LETTER}+(?:-{LETTER}+)*")
LONGEST_WORD_CHARS = 60
SUSPENDED = frozenset({"und", "oder", "bzw", "sowie"})
"""German: in "Vor-/und Nachteile" the hyphen stands for a left-out word and stays, with a space."""


def resolve_printed_hyphens(pages: Sequence[str]) -> list[str]:
    """U+0002 between letters becomes nothing or a hyphen."""
    if not any("\x02" in page for page in pages):
        return list(pages)
    words = vocabulary(pages)
    return [PRINTED_HYPHEN.sub(lambda match: _between(match, words), page) for page in pages]


def join_line_ends(pages: Sequence[str]) -> list[str]:
    """Joins words broken over two lines, and over two pages when the next one goes on in lower case."""
    if not any(LINE_END.search(page) or page.endswith(("-", "\u2010")) for page in pages):
        return list(pages)
    words = vocabulary(pages)
    joined = [LINE_END.sub(lambda match: _between(match, words), page) for page in pages]
    for index in reversed(range(len(joined) - 1)):  # from the end, so that a word over three pages comes together
        joined[index], joined[index + 1] = _join_over_page(joined[index], joined[index + 1], words)
    return joined


def vocabulary(pages: Sequence[str]) -> frozenset[str]:
    """Words and hyphenated words of a document, without case. Halves of broken words are among them and do no harm."""
    words: set[str] = set()
    for page in pages:
        words.update(WORD.findall(page.casefold().replace("\u2010", "-")))
    return frozenset(words)


def hyphen_between(left: str, right: str, words: frozenset[str]) -> str:
    """What stands between two halves: "", "-" or "- "."""
    joined, hyphenated = f"{left}{right}".casefold(), f"{left}-{right}".casefold()
    if right in SUSPENDED and joined not in words:
        return "- "
    if right[0].isupper() and not (left.isupper() and right.isupper() and joined in words):
        return "-"
    if joined in words:
        return ""
    return "-" if hyphenated in words or len(left) == 1 else ""


def _between(match: re.Match[str], words: frozenset[str]) -> str:
    before = WORD_BEFORE.search(match.string, max(0, match.start() - LONGEST_WORD_CHARS), match.start())
    after = WORD_AFTER.match(match.string, match.end())
    if not before or not after or not (after[0][0].islower() or after[0][0].isupper()):
        return match[0]
    return hyphen_between(before[0], after[0], words)


def _join_over_page(page: str, following: str, words: frozenset[str]) -> tuple[str, str]:
    """The second half moves to the page where the word begins, with its punctuation."""
    left, right = PAGE_END.search(page, max(0, len(page) - LONGEST_WORD_CHARS)), PAGE_START.match(following)
    if not left or not right or not right[0][0].islower() or right[0].endswith(("-", "\u2010")):
        return page, following
    half = WORD_AFTER.match(right[0])
    between = hyphen_between(left[1], half[0] if half else right[0], words)
    return f"{page[:-1]}{between}{right[0]}", following[right.end() :].lstrip()
