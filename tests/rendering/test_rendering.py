"""The in-process renderer over a source."""

import hashlib
from collections.abc import Iterator

import pymupdf
import pytest

from pipeline.config import RenderConfig
from pipeline.errors import DocumentMissing, StoreError
from pipeline.records import DocumentFailure, DocumentRef, KnownDocument, OpenedDocument, PageImage
from pipeline.rendering import render_documents


class Shelf:
    """A source of three documents, one of them gone."""

    def scan(self) -> Iterator[DocumentRef]:
        for name in ("good", "gone", "text", "huge"):
            yield DocumentRef(uri=f"/{name}", size_bytes=10**12 if name == "huge" else 1, version="1")

    def read(self, document: DocumentRef) -> bytes:
        match document.uri:
            case "/gone":
                raise DocumentMissing("/gone does not exist")
            case "/down":
                raise StoreError("the store is down")
            case "/text":
                return b"only text"
        with pymupdf.open() as drawn:
            drawn.new_page()
            return bytes(drawn.tobytes())

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        return self.read(document)[-num_bytes:]


def test_one_documents_trouble_does_not_stop_the_next() -> None:
    found = list(render_documents(Shelf().scan(), Shelf(), config=RenderConfig(), known=()))
    assert [type(event) for event in found] == [OpenedDocument, PageImage, DocumentFailure, DocumentFailure, DocumentFailure]
    failures = [event for event in found if isinstance(event, DocumentFailure)]
    assert [(event.document.uri, event.reason, event.doc_id is None) for event in failures] == [
        ("/gone", "missing", True),
        ("/text", "not_a_document", False),
        ("/huge", "too_large", True),
    ]


def test_trouble_of_the_store_is_not_the_documents() -> None:
    down = DocumentRef(uri="/down", size_bytes=1, version="1")
    with pytest.raises(StoreError, match="down"):
        list(render_documents([down], Shelf(), config=RenderConfig(), known=()))


def test_a_document_whose_bytes_are_known_is_not_rendered_and_its_neighbour_is() -> None:
    known_ref, other_ref = (DocumentRef(uri=uri, size_bytes=1, version="1") for uri in ("/known", "/text"))
    known = hashlib.sha256(b"known").hexdigest()

    class Pair(Shelf):
        def read(self, document: DocumentRef) -> bytes:
            return b"known" if document.uri == "/known" else super().read(document)

    events = list(render_documents([known_ref, other_ref], Pair(), config=RenderConfig(), known={known}))
    assert events[0] == KnownDocument(document=known_ref, doc_id=known)
    assert isinstance(events[1], DocumentFailure)
