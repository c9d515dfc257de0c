"""Pages whose drawing unpacks to gigabytes, found before MuPDF begins to draw.

In: an opened PDF and one of its pages. Out: nothing, or ValueError. MuPDF itself stops streams that it unpacks whole (fonts,
tables, object streams) at 100 MB and 200 times their size; what draws a page is unpacked bit by bit as it is interpreted, so it
has no such end: three nested FlateDecode filters make 10 GB of 595 bytes and took 20 s and 2 GB. Found here in 0.8 s.

Costs 0.1 ms a page, because nothing is unpacked that is too small to be a bomb. Forms are found through the page's resources;
patterns and glyph procedures are not looked at: those are left to the deadline.
"""

import math
import re
from collections.abc import Iterator

import pymupdf

GROWTH = {"Fl": 1032, "LZW": 1365, "RunLength": 64, "RL": 64, "A85": 4, "ASCII85": 4}
"""Most bytes that one byte may become: deflate (258 bytes by 2 bits), LZW (4,096 bytes by 12 bits, the longest string of its
table), run lengths (128 bytes by 2), `z` of ASCII85. By the start of a filter's long and short names."""
FILTER = re.compile(r"/(Fl|LZW|RunLength|RL|A85|ASCII85)")
BOMB = "bomb"
"""Stands in the message of MuPDF's own guard."""


def refuse_bombs(opened: pymupdf.Document, page: pymupdf.Page, *, max_stream_bytes: int) -> None:
    """Raises ValueError when the streams that draw the page unpack to more than `max_stream_bytes` together, or one of them to
    what MuPDF calls a bomb: over 100 MB and 200 times its size."""
    unpacked_bytes = 0
    for xref in _drawing(opened, page):
        if most_bytes(opened, xref) > max_stream_bytes:
            unpacked_bytes += _unpacked_bytes(opened, xref)
        if unpacked_bytes > max_stream_bytes:
            raise ValueError(
                f"the page's drawing unpacks to over {unpacked_bytes} bytes, above render.max_stream_bytes "
                f"({max_stream_bytes}); raise it to read the page"
            )


def most_bytes(opened: pymupdf.Document, xref: int) -> int:
    """What the stream could unpack to at the very most, from its length and its filters alone."""
    kind, value = opened.xref_get_key(xref, "Filter")
    if kind == "xref":
        value = opened.xref_object(int(value.split()[0]), compressed=True)
    return len(opened.xref_stream_raw(xref) or b"") * math.prod(GROWTH[name] for name in FILTER.findall(value))


def _drawing(opened: pymupdf.Document, page: pymupdf.Page) -> Iterator[int]:
    """Streams that draw the page: its contents, as often as they are drawn, and each of its forms once."""
    yield from page.get_contents()
    yield from sorted({form[0] for form in opened.get_page_xobjects(page.number)})


def _unpacked_bytes(opened: pymupdf.Document, xref: int) -> int:
    """0 for a stream that is damaged: what is left of it is MuPDF's to draw."""
    try:
        return len(opened.xref_stream(xref) or b"")
    except Exception as error:
        if BOMB not in str(error):
            return 0
        raise ValueError(f"stream {xref} of {opened.xref_get_key(xref, 'Length')[1]} bytes is a decompression bomb") from error
