"""Code points to classes: one table look-up tells white space, digits, garbage and the script of every letter.

In: a batch of texts. Out: `CharacterBatch`, one UTF-32 buffer with a class per character and the class counts per page. Knows
nothing of words, pages' facts or rules. Costs 20 ms once for the table, then about 25 us per 3 kB page.

Array legend: N characters of the batch, P pages, K classes.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

OTHER, SPACE, NEWLINE, DIGIT, GARBLED, MARK, FIRST_SCRIPT = range(7)

SCRIPT_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x024F, "Latn"),
    (0x0250, 0x02AF, "Latn"),
    (0x0370, 0x03FF, "Grek"),
    (0x0400, 0x052F, "Cyrl"),
    (0x0531, 0x0588, "Armn"),
    (0x05D0, 0x05F4, "Hebr"),
    (0x0620, 0x06FF, "Arab"),
    (0x0710, 0x074F, "Syrc"),
    (0x0750, 0x077F, "Arab"),
    (0x0780, 0x07BF, "Thaa"),
    (0x08A0, 0x08FF, "Arab"),
    (0x0900, 0x097F, "Deva"),
    (0x0980, 0x09FF, "Beng"),
    (0x0A00, 0x0A7F, "Guru"),
    (0x0A80, 0x0AFF, "Gujr"),
    (0x0B00, 0x0B7F, "Orya"),
    (0x0B80, 0x0BFF, "Taml"),
    (0x0C00, 0x0C7F, "Telu"),
    (0x0C80, 0x0CFF, "Knda"),
    (0x0D00, 0x0D7F, "Mlym"),
    (0x0D80, 0x0DFF, "Sinh"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Laoo"),
    (0x0F00, 0x0FFF, "Tibt"),
    (0x1000, 0x109F, "Mymr"),
    (0x10A0, 0x10FF, "Geor"),
    (0x1100, 0x11FF, "Hang"),
    (0x1200, 0x139F, "Ethi"),
    (0x13A0, 0x13FF, "Cher"),
    (0x1780, 0x17FF, "Khmr"),
    (0x1800, 0x18AF, "Mong"),
    (0x1C90, 0x1CBF, "Geor"),
    (0x1E00, 0x1EFF, "Latn"),
    (0x1F00, 0x1FFF, "Grek"),
    (0x2C60, 0x2C7F, "Latn"),
    (0x3005, 0x3007, "Hani"),
    (0x3041, 0x309F, "Hira"),
    (0x30A1, 0x30FF, "Kana"),
    (0x3131, 0x318E, "Hang"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Hani"),
    (0x4E00, 0x9FFF, "Hani"),
    (0xA640, 0xA69F, "Cyrl"),
    (0xA720, 0xA7FF, "Latn"),
    (0xAB30, 0xAB6F, "Latn"),
    (0xAC00, 0xD7FB, "Hang"),
    (0xF900, 0xFAFF, "Hani"),
    (0xFB00, 0xFB06, "Latn"),
    (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDCF, "Arab"),
    (0xFE70, 0xFEFE, "Arab"),
    (0xFF21, 0xFF5A, "Latn"),
    (0xFF66, 0xFF9F, "Kana"),
    (0xFFA0, 0xFFDC, "Hang"),
    (0x20000, 0x3347F, "Hani"),
)
"""Unicode blocks of the scripts that text collections hold, ISO 15924 names; every other letter is `Zzzz`."""

SCRIPTS: tuple[str, ...] = ("Zzzz", *sorted({script for _, _, script in SCRIPT_RANGES}))
NUM_CLASSES = FIRST_SCRIPT + len(SCRIPTS)
LAST_ASSIGNED = 0x3347F
"""Beyond it lie only variation selectors, tags and private use."""
CJK_SCRIPTS = frozenset({"Hani", "Hira", "Kana", "Jpan", "Hang"})
UNSPACED_SCRIPTS = frozenset({"Hani", "Hira", "Kana", "Jpan", "Thai", "Khmr", "Laoo", "Mymr", "Tibt"})
"""Written without spaces between words, so word lengths mean nothing (A4 rule 5)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacterBatch:
    """Texts laid end to end, a newline before, between and after them."""

    codes_N: npt.NDArray[np.uint32]
    classes_N: npt.NDArray[np.uint8]
    page_starts_P: npt.NDArray[np.int64]
    """Offset of each page's first character; the newline that closes the page before lies one below."""
    counts_PK: npt.NDArray[np.int64]
    """Characters of each class on each page."""

    def page_of(self, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Index of the page that each offset lies on."""
        return np.searchsorted(self.page_starts_P, offsets, side="right") - 1

    @property
    def letters_P(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.counts_PK[:, FIRST_SCRIPT:].sum(axis=1), dtype=np.int64)

    @property
    def visible_P(self) -> npt.NDArray[np.int64]:
        """Characters that are not white space."""
        all_P = self.counts_PK.sum(axis=1)
        return np.asarray(all_P - self.counts_PK[:, SPACE] - self.counts_PK[:, NEWLINE], dtype=np.int64)


@cache
def class_table() -> npt.NDArray[np.uint8]:
    """Class of every code point. Garbled is U+FFFD, private use, surrogates and controls other than white space (A4 rule 4)."""
    table = np.full(0x110000, OTHER, dtype=np.uint8)
    script_of = np.full(0x110000, FIRST_SCRIPT, dtype=np.uint8)
    for first, last, script in SCRIPT_RANGES:
        script_of[first : last + 1] = FIRST_SCRIPT + SCRIPTS.index(script)
    for code in range(LAST_ASSIGNED + 1):
        category = unicodedata.category(chr(code))
        if category[0] == "L":
            table[code] = script_of[code]
        elif category == "Nd":
            table[code] = DIGIT
        elif category[0] == "M":
            table[code] = MARK
        elif category[0] == "Z":
            table[code] = SPACE
        elif category in ("Cc", "Co", "Cs"):
            table[code] = GARBLED
    table[[ord(c) for c in "\t\v\f\r\x1c\x1d\x1e\x1f\x85"]] = SPACE
    table[ord("\n")] = NEWLINE
    table[0xFFFD] = GARBLED
    table[0xF0000:] = GARBLED
    return table


def lay_out(texts: Sequence[str]) -> CharacterBatch:
    """At least one text, each of any length; lone surrogates are allowed and count as garbled."""
    buffer = "\n" + "\n".join(texts) + "\n"
    codes = np.frombuffer(buffer.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    classes = class_table().take(codes)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    starts = np.concatenate(([1], np.cumsum(lengths + 1)[:-1] + 1)).astype(np.int64)
    page_of = np.repeat(np.arange(len(texts), dtype=np.int32) * NUM_CLASSES, lengths + 1)
    counts = np.bincount(page_of + classes[1:], minlength=len(texts) * NUM_CLASSES).reshape(len(texts), NUM_CLASSES)
    counts[:, NEWLINE] -= 1
    return CharacterBatch(codes_N=codes, classes_N=classes, page_starts_P=starts, counts_PK=counts)


def script_letters(counts_K: npt.NDArray[np.int64]) -> dict[str, int]:
    """Letters per script on one page, scripts without any left out."""
    return {SCRIPTS[k]: int(counts_K[FIRST_SCRIPT + k]) for k in np.flatnonzero(counts_K[FIRST_SCRIPT:])}


def visible_chars(counts_K: npt.NDArray[np.int64]) -> int:
    """Characters of one page that are not white space."""
    return int(counts_K.sum() - counts_K[SPACE] - counts_K[NEWLINE])
