"""A small corpus of the drill's own: PDFs of 1 to 5 pages, one of them twice, and three files that are none.

In: nothing. Out: names and bytes, the same in every process on every machine, and a Source over them. The text of each page
says which page it is, so that a page in the wrong place is seen.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from pipeline.errors import DocumentMissing
from pipeline.records import DocumentRef

VOCABULARY = (
    "the a mill wheel sheet press vat dyer binder carter ledger rope felt of and with under near after before "
    "that which is was lifts turns dries counts folds carries long old wet narrow early river weir loft shed street"
)
NUM_PAGES = (1, 2, 3, 1, 5, 2, 1)
LINE_WORDS = 12
NUM_LINES = 14


def draw_corpus() -> dict[str, bytes]:
    """Documents by name."""
    pdfs = {f"book_{number}.pdf": pdf_of(page_texts(number, pages)) for number, pages in enumerate(NUM_PAGES)}
    whole = pdfs["book_2.pdf"]
    return {**pdfs, "copy_of_1.pdf": pdfs["book_1.pdf"], "cut.pdf": whole[:60], "empty.pdf": b"", "rubbish.pdf": b"no PDF " * 9}


def page_texts(document: int, num_pages: int) -> list[str]:
    """Lines of words for each page, different for every page."""
    pages = []
    for page in range(num_pages):
        chance = random.Random(1000 * document + page)
        lines = [" ".join(chance.choices(VOCABULARY.split(), k=LINE_WORDS)) for _ in range(NUM_LINES)]
        pages.append("\n".join([f"This is page {page} of document {document}.", *lines]))
    return pages


def pdf_of(texts: Sequence[str]) -> bytes:
    """One page of 612 x 792 points for each text, in Helvetica 10."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    bodies = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(texts)}/Kids[{kids}]>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, text in enumerate(texts):
        drawn = "BT /F 10 Tf 14 TL 50 740 Td " + " ".join(f"({line}) Tj T*" for line in text.splitlines()) + " ET"
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents {5 + 2 * number} 0 R>>"
        bodies += [page, f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream"]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(bodies, start=1):
        places.append(len(out))
        out += f"{number} 0 obj{body}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(bodies) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + end.encode()


class Shelf:
    """A Source in memory. `on_read` hears of each read first, and may raise."""

    def __init__(self, documents: Mapping[str, bytes], on_read: Callable[[str], None]) -> None:
        self._documents = documents
        self._on_read = on_read

    def scan(self) -> Iterator[DocumentRef]:
        for name in sorted(self._documents):
            yield DocumentRef(uri=f"shelf/{name}", size_bytes=len(self._documents[name]), version="1")

    def read(self, document: DocumentRef) -> bytes:
        name = document.uri.removeprefix("shelf/")
        self._on_read(name)
        if name not in self._documents:
            raise DocumentMissing(f"{document.uri} is not on the shelf")
        return self._documents[name]

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        return self._documents[document.uri.removeprefix("shelf/")][-num_bytes:]
