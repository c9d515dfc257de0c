"""PDFs written by hand, object by object, as no writer would."""

import zlib
from collections.abc import Sequence

ZEROS_MB = 1 << 20


def pdf_of(objects: Sequence[bytes], *, high: bytes = b"") -> bytes:
    """Objects 1, 2, ... with 1 as the catalogue; `high` is laid behind them as it is. The table is left to repair."""
    body = b"".join(b"%d 0 obj\n%b\nendobj\n" % (number, text) for number, text in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + high + b"trailer << /Root 1 0 R >>\n"


def stream_of(data: bytes, head: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(data), head, data)


def pages_of(*pages: bytes, more: Sequence[bytes] = ()) -> bytes:
    """A page for each text of page entries; `more` objects are numbered on behind the pages."""
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 3 + len(pages)))
    tree = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(pages))
    drawn = [b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] %b >>" % entries for entries in pages]
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", tree, *drawn, *more])


def page_of(contents: bytes, resources: bytes = b"", *, head: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """One page drawn by `contents`; `more` objects begin at number 5."""
    return pages_of(b"/Contents 4 0 R /Resources << %b >>" % resources, more=[stream_of(contents, head), *more])


def nested_bomb(num_gigabytes: int) -> bytes:
    """White space deflated three times: a block that can be repeated, so it is made in no time. 1 kB for 10 GB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * ZEROS_MB) + packer.flush(zlib.Z_FULL_FLUSH)
    return zlib.compress(zlib.compress(b"\x78\x9c" + block * (1024 * num_gigabytes), 9), 9)


BOMB_HEAD = b"/Filter [/FlateDecode /FlateDecode /FlateDecode]"


def bomb_between_good_pages(num_gigabytes: int) -> bytes:
    """Three pages, the second of which is a bomb."""
    good = b"/Contents 6 0 R"
    return pages_of(
        good, b"/Contents 7 0 R", good, more=[stream_of(b"9 9 m 90 90 l S"), stream_of(nested_bomb(num_gigabytes), BOMB_HEAD)]
    )


def page_tree_of(num_pages: int) -> bytes:
    """A page tree that states any number of pages. MuPDF refuses more than there are objects, so a high number is used up."""
    tree = b"<< /Type /Pages /Kids [3 0 R] /Count %d >>" % num_pages
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>"
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", tree, page], high=b"%d 0 obj\nnull\nendobj\n" % (num_pages + 1))


def forms_in_forms(depth: int) -> bytes:
    """Each form draws the next."""
    forms = [
        stream_of(
            b"q /X Do Q",
            b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Resources << /XObject << /X %d 0 R >> >>" % (6 + index),
        )
        for index in range(depth)
    ]
    return page_of(b"/X Do", b"/XObject << /X 5 0 R >>", more=forms)


def bomb_in_a_form(num_gigabytes: int) -> bytes:
    form = stream_of(nested_bomb(num_gigabytes), b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] " + BOMB_HEAD)
    return page_of(b"/X Do", b"/XObject << /X 5 0 R >>", more=[form])


def image_of(width_px: int, height_px: int) -> bytes:
    """A page under one image of any size, of which a megabyte is there."""
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceRGB" % (
        width_px,
        height_px,
    )
    image = stream_of(zlib.compress(bytes(ZEROS_MB)), head + b" /Filter /FlateDecode")
    return page_of(b"99 0 0 99 0 0 cm /X Do", b"/XObject << /X 5 0 R >>", more=[image])


def page_trees_in_page_trees(depth: int) -> bytes:
    trees = [
        b"<< /Type /Pages /Kids [%d 0 R] /Count 1 /Parent %d 0 R >>" % (number + 1, number - 1)
        for number in range(2, depth + 2)
    ]
    page = b"<< /Type /Page /MediaBox [0 0 99 99] /Parent %d 0 R >>" % (depth + 1)
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", *trees, page])
