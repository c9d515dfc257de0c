"""What kind of document bytes are, by their magic numbers.

PyMuPDF opens text, HTML, office and image files named .pdf without a word, so it is asked only about what looks like a PDF.
"""

import re
from dataclasses import dataclass
from typing import Literal

HEADER_BYTES = 1024
"""A PDF's `%PDF-` may stand anywhere in the first 1,024 bytes (ISO 32000-1 annex H.3, note 13)."""
IMAGE_MAGIC = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|II[*+]\0|MM\0[*+]|RIFF....WEBP|GIF8[79]a|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    re.DOTALL,
)
"""PNG, JPEG, TIFF, BigTIFF, WebP, GIF, JPEG 2000 (file and codestream)."""
OTHER_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"{\\rtf", "rich text"),
    (b"BM", "a BMP image"),
    (b"%!PS", "PostScript"),
    (b"version https://git-lfs", "a git-lfs pointer, not the document itself"),
)
BODY = re.compile(rb"\d\s+\d+\s+obj\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class NotADocument:
    """Bytes that are neither a PDF nor an image."""

    what: str
    """A sentence for the quarantine entry."""


def media_of(data: bytes) -> Literal["pdf", "image"] | NotADocument:
    """Bytes without a header that hold PDF objects count as a PDF: readers repair them."""
    if data.startswith(b"%PDF-"):
        return "pdf"
    if IMAGE_MAGIC.match(data):
        return "image"
    if b"%PDF-" in data[: HEADER_BYTES + len(b"%PDF-")]:
        return "pdf"
    for magic, what in OTHER_MAGIC:
        if data.startswith(magic):
            return NotADocument(what=f"neither a PDF nor an image: it looks like {what}")
    if BODY.search(data):
        return "pdf"
    return NotADocument(what=f"neither a PDF nor an image: it looks like {_look(data)}")


def _look(data: bytes) -> str:
    start = data[:HEADER_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data.strip(b"\0"):
        return "nothing but zero bytes"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if start.startswith(b"<?xml"):
        return "XML"
    return "text" if b"\0" not in data[:HEADER_BYTES] and _is_utf8(data[:HEADER_BYTES]) else "unknown binary data"


def _is_utf8(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4
    return True
