"""An engine's text to training text, for the pages of one document together: what a reader of the page would type.

In: page texts in order, "" for a page that was not read. Out: one `CleanedPage` per page, with the furniture taken out.
Pure; adds no letter (a ligature becomes the letters it shows). Steps, in the order of A4 of the reference: line ends and
controls, soft hyphens, ligatures, NFC (never NFKC, which would lose superscripts),
white space; then furniture, broken words, paragraphs. Cleaning a cleaned page changes nothing, furniture apart, which is
looked for once. Costs about 900 us a page of 70 lines, half of it for paragraphs.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.config import CleaningConfig
from pipeline.quality.furniture import Furnished, take_furniture
from pipeline.quality.hyphens import LETTER, join_line_ends, resolve_printed_hyphens
from pipeline.quality.paragraphs import unwrap_paragraphs

CLEANING_VERSION = "3"
"""Part of the recipe: raise it with every change that changes a page's text."""

LIGATURES: Mapping[str, str] = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
    "\ufb13": "\u0574\u0576",
    "\ufb14": "\u0574\u0565",
    "\ufb15": "\u0574\u056b",
    "\ufb16": "\u057e\u0576",
    "\ufb17": "\u0574\u056d",
}
"""Latin and Armenian typographic ligatures, as Unicode decomposes them."""

LINE_BREAK = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
CONTROL = re.compile("[\x00\x01\x03-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufdd0-\ufdef\uffff\U0001fffe\U0001ffff\U0010fffe\U0010ffff]")
"""Controls, the byte order mark and code points that are no characters; U+0002 and U+FFFE are hyphens to some PDF readers."""
SURROGATE = re.compile("[\ud800-\udfff]")
SOFT_HYPHEN = re.compile(rf"[\u00ad\ufffe](?:[ \t]*\n[ \t]*(?={LETTER}))?")
STRAY_HYPHEN = re.compile(rf"(?<!{LETTER})\x02|\x02(?![ \t]*\n?[ \t]*{LETTER})")
"""U+0002 that stands between no letters, so for no hyphen."""
SPACE_AT_LINE_END = re.compile(r"(?<![ \t])[ \t]+(?=\n)")
"""The look-behind tries each run of spaces once: 40,000 spaces took 10 s without it."""
EMPTY_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanedPage:
    """A page as training reads it."""

    text: str
    furniture: tuple[str, ...] = ()
    """Running heads, feet and page numbers, top to bottom."""


def clean_document(pages: Sequence[str], config: CleaningConfig) -> list[CleanedPage]:
    """One CleanedPage per page, in order. Give all pages of a document at once: furniture, the document's own words and words
    broken over a page's end need them."""
    texts = [clean_characters(page) for page in pages]
    furnished = take_furniture(texts) if config.remove_furniture else [Furnished(text, ()) for text in texts]
    texts = [_tidy(_drop_marker(text)) for text in resolve_printed_hyphens([page.text for page in furnished])]
    if config.join_hyphens:
        texts = join_line_ends(texts)
    return [
        CleanedPage(text=unwrap_paragraphs(text), furniture=tuple(map(_drop_marker, page.furniture)))
        for text, page in zip(texts, furnished, strict=True)
    ]


def clean_characters(text: str) -> str:
    """The steps that need one page alone. U+0002 between letters stays: the document's words must judge it."""
    text = SURROGATE.sub("\ufffd", CONTROL.sub("", LINE_BREAK.sub("\n", text)))
    text = STRAY_HYPHEN.sub("", SOFT_HYPHEN.sub("", text))
    return _tidy(unicodedata.normalize("NFC", expand_ligatures(text)))


def expand_ligatures(text: str) -> str:
    """Typographic ligatures to the letters they show."""
    for ligature, letters in LIGATURES.items():
        text = text.replace(ligature, letters)
    return text


def _tidy(text: str) -> str:
    """No space at a line's end, at most one empty line, no margin."""
    return EMPTY_LINES.sub("\n\n", SPACE_AT_LINE_END.sub("", text)).strip()


def _drop_marker(text: str) -> str:
    return text.replace("\x02", "")
