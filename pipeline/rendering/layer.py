"""The text layer that a PDF page brings along: made storable, and judged for its looks. Pure functions of strings."""

import re
from collections.abc import Iterable
from typing import TypedDict

MAX_LAYER_CHARS = 200_000
"""Cap of a stored layer: about 40 dense pages of text; only crafted pages hold more."""
GARBLED = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\\(cid:")


class Span(TypedDict):
    """What a run of characters in one style says of itself."""

    text: str
    char_flags: int
    alpha: int


def storable(text: str) -> str:
    """Surrogate pairs joined, lone halves replaced by U+FFFD: damaged fonts yield both, and no table can hold them."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def layer_of(raw_text: str) -> tuple[str, float | None]:
    """The layer as kept, and its garbled fraction; ("", None) when it holds nothing but white space."""
    text = storable(raw_text[:MAX_LAYER_CHARS])
    return (text, garbled_fraction(text)) if text.strip() else ("", None)


def hidden_fraction(spans: Iterable[Span]) -> float:
    """Share of characters that are neither filled nor stroked, or wholly transparent, 0..1: text an earlier OCR laid under its
    scan. White space does not count; 0 without characters."""
    counts = [(len("".join(span["text"].split())), is_drawn(span)) for span in spans]
    num_chars = sum(length for length, _ in counts)
    return sum(length for length, drawn in counts if not drawn) / num_chars if num_chars else 0.0


def is_drawn(span: Span) -> bool:
    """MuPDF's char_flags: 16 filled, 32 stroked (fz_stext_char)."""
    return bool(span["char_flags"] & 48) and span["alpha"] > 0


def garbled_fraction(text: str) -> float:
    """Replacement, private-use and control characters (but tab and line ends) and "(cid:" over all characters that are not
    white space, 0..1: filters_and_schemas.md, A4 row 4."""
    num_visible = len("".join(text.split()))
    return min(1.0, len(GARBLED.findall(text)) / num_visible) if num_visible else 0.0
