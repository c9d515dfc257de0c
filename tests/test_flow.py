"""The whole factory in memory: read this test first. Documents are lists of words, the engine recites them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from pipeline.config import BuildConfig, parse_config
from pipeline.errors import EngineError
from pipeline.flow import build_shard
from pipeline.interfaces import Source
from pipeline.receipts import Shard
from pipeline.records import (
    DocumentFailure,
    DocumentRef,
    KnownDocument,
    OpenedDocument,
    PageFacts,
    PageFailure,
    PageId,
    PageImage,
    PageText,
    RenderEvent,
)

CONFIG: BuildConfig = parse_config({"input": {"uri": "memory"}, "output": {"uri": "memory"}, "engine": {"name": "scripted"}})
PROSE = (
    "The mill stands where the river bends, and every page that leaves it has been through water, felt and press. "
    "A vatman dips the mould, the coucher lays the sheet, and the layman parts them when the post is dry. "
    "What was rags in the morning is paper by night, and nobody asks how many sheets were lost on the way."
)


def facts(ink_fraction: float = 0.05, layer_text: str = "") -> PageFacts:
    return PageFacts(
        width_pt=595.0,
        height_pt=842.0,
        rotation_degrees=0,
        dpi=150.0,
        width_px=1240,
        height_px=1754,
        ink_fraction=ink_fraction,
        layer_text=layer_text,
        layer_garbled_fraction=0.0 if layer_text else None,
    )


def document(name: str) -> DocumentRef:
    return DocumentRef(uri=f"memory://{name}", size_bytes=10, version="1")


class NoSource:
    """The scripted renderer needs no bytes."""

    def scan(self) -> Iterator[DocumentRef]:
        return iter(())

    def read(self, document: DocumentRef) -> bytes:
        return b""

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        return b""


class Script:
    """A renderer that plays prepared events per document, interleaved page by page as Ray tasks would."""

    def __init__(self, events_by_uri: dict[str, list[RenderEvent]]) -> None:
        self._events_by_uri = events_by_uri

    def __call__(self, documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
        streams = [iter(self._events_by_uri[document.uri]) for document in documents]
        while streams:
            for stream in list(streams):
                event = next(stream, None)
                if event is None:
                    streams.remove(stream)
                else:
                    yield event


def opened(name: str, num_pages: int, doc_id: str | None = None) -> OpenedDocument:
    return OpenedDocument(document=document(name), doc_id=doc_id or f"{name:0>64}", num_pages=num_pages, media="pdf")


def image(doc_id: str, page_index: int, **known: object) -> PageImage:
    page_facts = replace(facts(), **known)  # type: ignore[arg-type]
    return PageImage(page_id=PageId(doc_id, page_index), facts=page_facts, pixels_HWC=np.full((4, 4, 1), 255, np.uint8))


class Reciter:
    """Answers every page with prose that names it, in an order of its own; `tricks` change single answers."""

    name = "reciter"
    version = "1"
    max_pages_in_flight = 4

    def __init__(self, **tricks: str) -> None:
        self._tricks = tricks
        self.asked: list[PageId] = []

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        window = list(pages)
        self.asked = [page.page_id for page in window]
        for page in reversed(window):
            trick = self._tricks.get(f"page_{page.page_id.page_index}")
            if trick == "silent":
                continue
            answer = PageText(
                page_id=page.page_id,
                text="" if trick == "failed" else f"{PROSE} Page number {page.page_id.page_index} of the script ends here.",
                status="failed" if trick == "failed" else "ok",
                engine=self.name,
                engine_version=self.version,
                error="cannot read this one" if trick == "failed" else "",
                seconds=0.25,
            )
            yield answer
            if trick == "twice":
                yield answer

    def close(self) -> None:
        return


def build(events_by_uri: dict[str, list[RenderEvent]], engine: Reciter):  # type: ignore[no-untyped-def]
    shard = Shard(shard_id="s", documents=tuple(document(uri.removeprefix("memory://")) for uri in events_by_uri))
    heard: list[PageText] = []
    result = build_shard(
        shard, source=NoSource(), render=Script(events_by_uri), engine=engine, config=CONFIG, on_page=heard.append
    )
    return result, heard


def test_every_page_of_every_document_becomes_exactly_one_row_in_order() -> None:
    a, b = opened("a", 3), opened("b", 2)
    events: dict[str, list[RenderEvent]] = {
        "memory://b": [b, *(image(b.doc_id, index) for index in range(2))],
        "memory://a": [a, *(image(a.doc_id, index) for index in range(3))],
    }
    result, heard = build(events, Reciter())
    assert [record.page_id for record in result.records] == [PageId(d.doc_id, i) for d in (a, b) for i in range(d.num_pages)]
    assert all(record.status == "ok" and record.reject == () and "Page number" in record.text for record in result.records)
    assert len(heard) == 5
    assert result.times.engine_busy_s == pytest.approx(1.25)


def test_a_blank_page_is_a_row_and_is_never_sent_to_the_engine() -> None:
    a = opened("a", 2)
    engine = Reciter()
    result, _ = build({"memory://a": [a, image(a.doc_id, 0, ink_fraction=0.0), image(a.doc_id, 1)]}, engine)
    assert engine.asked == [PageId(a.doc_id, 1)]
    blank = result.records[0]
    assert (blank.status, blank.text, blank.page) == ("blank", "", None)
    assert "blank" in blank.reject


def test_a_page_that_cannot_be_rendered_is_a_failed_row_and_its_neighbours_are_read() -> None:
    a = opened("a", 3)
    broken = PageFailure(page_id=PageId(a.doc_id, 1), reason="render_error", error="bad content stream")
    result, _ = build({"memory://a": [a, image(a.doc_id, 0), broken, image(a.doc_id, 2)]}, Reciter())
    assert [record.status for record in result.records] == ["ok", "failed", "ok"]
    assert result.records[1].reject == ("render_error",)
    assert (result.records[1].text, result.records[1].error) == ("", "bad content stream")


def test_a_page_the_engine_cannot_read_keeps_its_error_out_of_the_text() -> None:
    a = opened("a", 2)
    result, _ = build({"memory://a": [a, image(a.doc_id, 0), image(a.doc_id, 1)]}, Reciter(page_1="failed"))
    assert [record.status for record in result.records] == ["ok", "failed"]
    assert (result.records[1].text, result.records[1].error) == ("", "cannot read this one")
    assert result.records[1].reject != ()


def test_a_document_that_never_gave_a_page_is_named_and_its_neighbour_is_read() -> None:
    a = opened("a", 1)
    refused = DocumentFailure(document=document("b"), doc_id=None, reason="encrypted", error="needs a password")
    result, _ = build({"memory://b": [refused], "memory://a": [a, image(a.doc_id, 0)]}, Reciter())
    assert result.failures == (refused,)
    assert [opened.doc_id for opened in result.documents] == [a.doc_id]
    assert len(result.records) == 1


def test_the_same_bytes_twice_in_a_shard_give_each_page_once_and_name_the_twin() -> None:
    a, twin = opened("a", 2, doc_id="d" * 64), opened("b", 2, doc_id="d" * 64)
    pages = [image("d" * 64, index) for index in range(2)]
    result, _ = build({"memory://a": [a, *pages], "memory://b": [twin, *pages]}, Reciter())
    assert len(result.records) == 2
    assert result.failures == ()
    assert result.known == (KnownDocument(document=twin.document, doc_id="d" * 64),)


def test_a_document_whose_bytes_were_read_before_is_named_and_has_no_rows() -> None:
    known = KnownDocument(document=document("b"), doc_id="d" * 64)
    a = opened("a", 1)
    result, heard = build({"memory://b": [known], "memory://a": [a, image(a.doc_id, 0)]}, Reciter())
    assert result.known == (known,)
    assert [record.page_id for record in result.records] == [PageId(a.doc_id, 0)]
    assert len(heard) == 1


@pytest.mark.parametrize(("trick", "complaint"), [("silent", "never answered"), ("twice", "had answered")])
def test_an_engine_that_breaks_its_contract_stops_the_shard(trick: str, complaint: str) -> None:
    a = opened("a", 2)
    with pytest.raises(EngineError, match=complaint):
        build({"memory://a": [a, image(a.doc_id, 0), image(a.doc_id, 1)]}, Reciter(page_1=trick))
