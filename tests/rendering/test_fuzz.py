"""A sample of the fuzzer's inputs: nothing escapes. More of them: `python -m tests.rendering.fuzz`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.records import DocumentFailure, DocumentRef, OpenedDocument, PageFailure, PageId, RenderEvent
from tests.rendering import fuzz
from tests.rendering.mutations import mutated

NUM_INPUTS = 200


def test_mutated_documents_escape_nothing() -> None:
    documents = fuzz.start_documents(None)
    outcomes = list(fuzz.fuzz(documents, seed=0, numbers=range(NUM_INPUTS)))
    assert [outcome for outcome in outcomes if outcome.kind == "finding"] == []
    assert len(outcomes) == NUM_INPUTS
    kinds = {outcome.kind for outcome in outcomes}
    assert {"rendered", "refused"} <= kinds, "mutations that leave all documents whole, or none, look for nothing"


def test_a_seed_gives_the_same_inputs_every_time() -> None:
    documents = fuzz.start_documents(None)
    assert [mutated(3, number, documents) for number in range(20)] == [mutated(3, number, documents) for number in range(20)]
    assert mutated(3, 1, documents) != mutated(4, 1, documents)


REF = DocumentRef(uri="/d", size_bytes=1, version="")
OPENED = OpenedDocument(document=REF, doc_id="ab", num_pages=2, media="pdf")
FAILED = DocumentFailure(document=REF, doc_id="ab", reason="damaged", error="")


def lost(page_index: int) -> PageFailure:
    return PageFailure(page_id=PageId("ab", page_index), reason="render_error", error="")


@pytest.mark.parametrize(
    "events",
    [
        [],
        [OPENED],
        [OPENED, lost(0)],
        [OPENED, lost(1), lost(0)],
        [OPENED, lost(0), lost(0)],
        [OPENED, FAILED],
        [FAILED, FAILED],
        [OPENED, OPENED, lost(0), lost(1)],
        [OPENED, lost(0), PageFailure(page_id=PageId("ab", 1), reason="render_error", error="\udcf7")],
    ],
)
def test_a_broken_promise_is_a_finding(monkeypatch: pytest.MonkeyPatch, events: list[RenderEvent]) -> None:
    monkeypatch.setattr(fuzz, "confine_process", lambda **limits: None)
    monkeypatch.setattr(fuzz, "render_document", lambda *args, **options: iter(events))
    assert fuzz._render(b"")[0] == "finding"


def test_an_exception_is_a_finding_and_a_failed_allocation_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(error: Exception) -> Iterator[RenderEvent]:
        raise error
        yield

    monkeypatch.setattr(fuzz, "confine_process", lambda **limits: None)
    monkeypatch.setattr(fuzz, "render_document", lambda *args, **options: raising(KeyError("x")))
    assert fuzz._render(b"")[0] == "finding"
    monkeypatch.setattr(fuzz, "render_document", lambda *args, **options: raising(MemoryError()))
    assert fuzz._render(b"") == ("contained", "MemoryError")


def test_start_documents_of_a_folder_are_added_to_the_samples(tmp_path: Path) -> None:
    (tmp_path / "more.pdf").write_bytes(b"%PDF-")
    assert fuzz.start_documents(tmp_path)[-1] == b"%PDF-"
