"""The sample corpus is what `draw.py` draws, and is small."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.config import RenderConfig, StoreConfig
from pipeline.records import DocumentFailure, OpenedDocument, PageImage, RenderEvent
from pipeline.rendering import render_document, render_documents
from pipeline.sources import open_source
from pipeline.sources.same_bytes import merge_same_bytes
from tests.samples.draw import HERE, Drawn, drawings


@pytest.fixture(scope="module")
def drawn() -> Mapping[str, Drawn]:
    return drawings()


def events_of_corpus() -> dict[str, list[RenderEvent]]:
    source = open_source(StoreConfig(uri=str(HERE / "corpus")))
    return {
        Path(document.uri).name: list(render_documents([document], source, config=RenderConfig(dpi=72), known=()))
        for document in source.scan()
    }


def looks(event: RenderEvent) -> object:
    match event:
        case OpenedDocument():
            return event.num_pages, event.media, event.title
        case PageImage():
            return event.facts.layer_text, event.facts.width_px, event.facts.height_px, round(event.facts.ink_fraction, 3)
        case DocumentFailure():
            return event.reason
    return event


def test_the_corpus_is_what_draw_draws(drawn: Mapping[str, Drawn]) -> None:
    checked_in = events_of_corpus()
    assert set(checked_in) == set(drawn)
    for name, events in checked_in.items():
        document = next(iter(open_source(StoreConfig(uri=str(HERE / "corpus" / name))).scan()))
        redrawn = render_document(document, drawn[name].data, config=RenderConfig(dpi=72))
        assert [looks(event) for event in events] == [looks(event) for event in redrawn], name


def test_the_truths_are_what_draw_writes(drawn: Mapping[str, Drawn]) -> None:
    truths = {path.name.removesuffix(".gt.txt"): path.read_text(encoding="utf-8") for path in (HERE / "truth").iterdir()}
    assert {name: tuple(page.rstrip("\n") for page in text.split("\f")) for name, text in truths.items()} == {
        name: made.truth for name, made in drawn.items() if made.truth
    }


def test_every_document_has_the_pages_of_its_truth_or_fails_as_meant(drawn: Mapping[str, Drawn]) -> None:
    for name, events in events_of_corpus().items():
        if not drawn[name].truth:
            assert [looks(event) for event in events] == [{"locked.pdf": "encrypted", "damaged.pdf": "damaged"}[name]]
            continue
        pages = [event for event in events if isinstance(event, PageImage)]
        assert len(pages) == len(events) - 1 == len(drawn[name].truth)
        for page, truth in zip(pages, drawn[name].truth, strict=True):
            assert (page.facts.ink_fraction < 0.0005) == (truth == "")
            layer = "".join(page.facts.layer_text.split())
            assert all("".join(line.split()) in layer for line in truth.split("\n")) or not layer


def test_the_copy_is_merged() -> None:
    source = open_source(StoreConfig(uri=str(HERE / "corpus")))
    merged = {Path(d.uri).name: d.aliases for d in merge_same_bytes(source.scan(), source) if d.aliases}
    assert merged == {"invoice-copy.pdf": (str(HERE / "corpus" / "invoice.pdf"),)}


def test_the_corpus_is_small_and_the_paper_is_long_enough() -> None:
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file() and path.suffix != ".pyc") < 1_000_000
    pages = (HERE / "truth" / "lower-mill.pdf.gt.txt").read_text(encoding="utf-8").split("\f")
    assert min(len(page) for page in pages) >= 1500
