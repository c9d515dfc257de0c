"""PDFs of plain text pages, written by hand, as large and as many as a benchmark wants. In: a seed and a number of pages.
Out: the bytes of a PDF 1.4 that any reader opens. About 1.1 kB and 0.5 ms a page; no library."""

import random
import zlib
from collections.abc import Iterator

LINES_PER_PAGE = 45
PROSE = "the miller keeps every sheet that the wheel has pressed and counts what is left in loft and vat by the river"


def pdf_of(num_pages: int, *, seed: int) -> bytes:
    """A document of A4 pages in Helvetica; the text differs from page to page and from seed to seed."""
    chance = random.Random(seed)
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(num_pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {num_pages}/MediaBox[0 0 595 842]/Kids[{kids}]/Resources<</Font<</F 3 0 R>>>>>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for page in range(num_pages):
        text = "\n".join(f"({line}) ' " for line in _lines(chance, f"Document {seed}, page {page + 1}."))
        stream = zlib.compress(f"BT /F 11 Tf 15 TL 60 780 Td {text} ET".encode())
        objects.append(f"<</Type/Page/Parent 2 0 R/Contents {5 + 2 * page} 0 R>>".encode())
        objects.append(f"<</Length {len(stream)}/Filter/FlateDecode>>stream\n".encode() + stream + b"\nendstream")
    return _file_of(objects)


def _lines(chance: random.Random, first: str) -> Iterator[str]:
    yield first
    for _ in range(LINES_PER_PAGE - 1):
        yield " ".join(chance.choice(PROSE.split()) for _ in range(14))


def _file_of(objects: list[bytes]) -> bytes:
    parts = [b"%PDF-1.4\n"]
    offset = len(parts[0])
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(offset)
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        offset += len(parts[-1])
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    parts += [b"%010d 00000 n \n" % each for each in offsets]
    parts.append(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, offset))
    return b"".join(parts)
