"""Duplicates: the same verdicts as one document at a time gives, however the work is cut, and none that a later one changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import DedupConfig
from pipeline.dedup import candidates, containment, estimates, find, index
from pipeline.dedup.resolve import CONTAINED, EXACT, KEPT, NEAR
from pipeline.dedup.signatures import Signature, sign_document
from pipeline.errors import VerifyError
from tests.builds.memory_store import MemoryStore
from tests.dedup.datasets import Layout, expected, one_file, put_signed, search, told
from tests.dedup.strategies import SIGNATURES, layouts
from tests.quality.prose import HARBOUR, MACHINE, SOIL

CONFIG = DedupConfig()


def _found(signatures: list[Signature], **taking_part: list[bool] | list[int]) -> list[tuple[int, int, float]]:
    store = MemoryStore()
    return told(search(store, put_signed(store, signatures, one_file(len(signatures))), **taking_part))


def _documents(*pages: tuple[str, ...]) -> list[Signature]:
    return [sign_document(page_texts) for page_texts in pages]


@pytest.fixture
def tiny_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document a chunk, every range a partition, every few pairs a task."""
    monkeypatch.setattr(index, "CHUNK_DOCUMENTS", 3)
    monkeypatch.setattr(find, "PARTITION_BYTES", 200)
    monkeypatch.setattr(find, "PAIRS_PER_TASK", 2)
    monkeypatch.setattr(estimates, "GAP_ROWS", 1)
    monkeypatch.setattr(estimates, "REQUEST_ROWS", 2)
    monkeypatch.setattr(candidates, "MERGED_PAIRS", 1)
    monkeypatch.setattr(containment, "PAGES_AT_ONCE", 2)


@settings(deadline=None, max_examples=120)
@given(data=st.data(), signatures=SIGNATURES)
def test_verdicts_are_those_of_one_document_after_another(data: st.DataObject, signatures: list[Signature]) -> None:
    num_documents = len(signatures)
    admitted = data.draw(st.lists(st.booleans(), min_size=num_documents, max_size=num_documents))
    priority = data.draw(st.lists(st.integers(0, 5), min_size=num_documents, max_size=num_documents))
    config = data.draw(
        st.sampled_from([CONFIG, DedupConfig(near_threshold=None), DedupConfig(contained_fraction=None), DedupConfig(bands=2)])
    )
    store = MemoryStore()
    builds = put_signed(store, signatures, data.draw(layouts(num_documents)))
    duplicates = search(store, builds, admitted=admitted, priority=priority, config=config)
    assert told(duplicates) == expected(signatures, admitted, priority, config)
    assert all(duplicates.kind[canonical] == KEPT for canonical in duplicates.canonical)
    counted = np.bincount(duplicates.canonical, minlength=num_documents)[duplicates.canonical]
    assert duplicates.cluster_size.tolist() == counted.tolist()


@settings(deadline=None, max_examples=40)
@given(data=st.data(), signatures=SIGNATURES)
@pytest.mark.usefixtures("tiny_tasks")
def test_workers_tasks_files_and_builds_change_nothing(data: st.DataObject, signatures: list[Signature]) -> None:
    store = MemoryStore()
    builds = put_signed(store, signatures, data.draw(layouts(len(signatures))))
    duplicates = search(store, builds, num_threads=data.draw(st.sampled_from([1, 2, 8])))
    assert told(duplicates) == expected(signatures, [True] * len(signatures), range(len(signatures)), CONFIG)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), signatures=SIGNATURES)
def test_the_order_of_documents_changes_nothing_where_priority_tells_them_apart(
    data: st.DataObject, signatures: list[Signature]
) -> None:
    order = data.draw(st.permutations(range(len(signatures))))
    verdicts = _found(signatures)
    moved = _found([signatures[number] for number in order], priority=list(order))
    assert [(order[canonical], *rest) for canonical, *rest in moved] == [verdicts[number] for number in order]


@settings(deadline=None, max_examples=40)
@given(data=st.data(), signatures=SIGNATURES)
def test_a_later_night_changes_no_earlier_verdict_and_no_object_of_the_index(
    data: st.DataObject, signatures: list[Signature]
) -> None:
    layout = data.draw(layouts(len(signatures)))
    store, fresh = MemoryStore(), MemoryStore()
    builds = put_signed(store, signatures, layout)
    before: list[tuple[int, int, float]] = []
    for last in range(1, len(builds) + 1):
        objects = dict(store.objects)
        verdicts = told(search(store, builds[:last]))
        assert verdicts[: len(before)] == before
        assert {key: store.objects[key] for key in objects} == objects
        before = verdicts
    assert before == told(search(fresh, put_signed(fresh, signatures, layout)))
    assert store.objects == fresh.objects


@settings(deadline=None, max_examples=40)
@given(data=st.data(), signatures=SIGNATURES)
def test_taking_a_document_away_gives_what_a_dataset_without_it_gives(data: st.DataObject, signatures: list[Signature]) -> None:
    left = [number for number in range(len(signatures)) if data.draw(st.booleans())]
    verdicts = _found(signatures, admitted=[number in left for number in range(len(signatures))])
    without = _found([signatures[number] for number in left])
    assert [verdicts[number] for number in left] == [(left[canonical], *rest) for canonical, *rest in without]


def test_a_text_is_a_copy_whatever_its_case_spaces_and_page_breaks() -> None:
    signatures = _documents((HARBOUR, SOIL), (HARBOUR.upper() + "\n\n" + SOIL.replace(" ", "\n"),), (SOIL, HARBOUR))
    assert _found(signatures)[1] == (0, EXACT, 1.0)
    assert _found(signatures)[2][:2] == (0, NEAR)


def test_an_offprint_is_contained_in_the_volume_that_came_before_it_and_a_volume_not_in_its_offprint() -> None:
    volume, offprint = _documents((HARBOUR, SOIL, MACHINE), (SOIL,))
    assert _found([volume, offprint]) == [(0, KEPT, 1.0), (0, CONTAINED, 1.0)]
    assert _found([offprint, volume]) == [(0, KEPT, 1.0), (1, KEPT, 1.0)]


def test_a_document_is_not_contained_by_its_one_long_page_when_short_pages_hold_most_of_it() -> None:
    cards = tuple(f"Card {number}: " + " ".join(f"{word}{number * 7919}" for word in SOIL.split()[:12]) for number in range(60))
    assert [kind for _, kind, _ in _found(_documents((HARBOUR, SOIL, MACHINE), (SOIL, *cards)))] == [KEPT, KEPT]


def test_a_chain_of_near_documents_is_no_bridge() -> None:
    first, middle, last = (HARBOUR, SOIL), (HARBOUR, SOIL, MACHINE), (SOIL, MACHINE)
    verdicts = _found(_documents(first, middle, last), priority=[0, 1, 2])
    assert verdicts[1][:2] == (0, NEAR)
    assert verdicts[2][:2] == (2, KEPT)


def test_a_copy_of_a_near_document_has_its_verdict() -> None:
    near = (HARBOUR + SOIL[:120],)
    verdicts = _found(_documents((HARBOUR,), near, near))
    assert verdicts[1][:2] == (0, NEAR)
    assert verdicts[2] == verdicts[1]


def test_documents_without_letters_are_nobodys_duplicate() -> None:
    assert [kind for _, kind, _ in _found(_documents((), ("",), ("...", " \n"), ("", ""), ("- 3 -",), ("3",)))] == [
        *[KEPT] * 5,
        EXACT,
    ]


def test_one_repeated_letter_is_near_itself_only() -> None:
    verdicts = _found(_documents(("a" * 8,), ("a" * 5000,), ("b" * 8,), ("a" * 7,)))
    assert [(canonical, kind) for canonical, kind, _ in verdicts] == [(0, KEPT), (0, NEAR), (2, KEPT), (3, KEPT)]


def test_no_documents_are_found_to_be_nothing() -> None:
    assert _found([]) == []
    store = MemoryStore()
    assert told(search(store, put_signed(store, [], Layout(builds=((), (0, 0), ()))))) == []


def test_a_few_documents_cost_a_few_objects() -> None:
    store = MemoryStore()
    builds = put_signed(store, _documents((HARBOUR,), (SOIL,), (MACHINE,), (HARBOUR,), ("",)), Layout(builds=((3, 2),)))
    num_writes = store.num_writes
    search(store, builds)
    assert store.num_writes - num_writes == 4
    search(store, builds)
    assert store.num_writes - num_writes == 4


def test_another_banding_gets_slices_of_its_own() -> None:
    store = MemoryStore()
    builds = put_signed(store, _documents((HARBOUR,), (HARBOUR + SOIL[:100],)), one_file(2))
    narrow = DedupConfig(bands=16, band_rows=8)
    assert told(search(store, builds)) == told(search(store, builds, config=narrow))
    assert {key for key in store.objects if "bands" in key} == {
        "index/build=0/bands-21x6-00000",
        "index/build=0/bands-16x8-00000",
    }


def test_a_list_of_files_that_does_not_fit_the_files_is_refused() -> None:
    store = MemoryStore()
    builds = put_signed(store, _documents((HARBOUR,), (SOIL,)), one_file(2))
    other = put_signed(MemoryStore(), _documents((HARBOUR,)), one_file(1))
    with pytest.raises(VerifyError, match="has 2 rows where 1 are expected"):
        search(store, other)
    with pytest.raises(ValueError, match="3 admitted"):
        search(store, builds, admitted=[True] * 3)


@pytest.mark.parametrize("name", ["texts", "bands-21x6", "pages-200", "minhash"])
def test_a_slice_that_is_cut_short_is_noticed(name: str) -> None:
    store = MemoryStore()
    builds = put_signed(store, _documents((HARBOUR,), (HARBOUR + SOIL[:100],)), one_file(2))
    search(store, builds)
    key = f"index/build=0/{name}-00000"
    store.objects[key] = store.objects[key][:-1]
    with pytest.raises(VerifyError, match="cut short"):
        search(store, builds)
