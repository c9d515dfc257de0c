"""Two versions beside each other: every document in one cell, and examples from the version that publishes them."""

import json
from pathlib import Path

import pytest

from pipeline.builds import layout
from pipeline.errors import ObjectMissing
from pipeline.publishing.compare import ABSENT, PUBLISHED, Figure, Transition, compare
from pipeline.publishing.verdicts import decode_verdicts
from tests.builds.factory import CORPUS, config, finished_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import opened, pages_of

STRICT = {"rules": {"documents": {"min_words": 100}}}
SMALL_PARTS = {"publish": {"part_bytes": 2000, "row_group_bytes": 900}}


class WatchedStore(MemoryStore):
    """Notes which objects are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()

    def get(self, key: str) -> bytes:
        self.read.add(key)
        return super().get(key)


def test_every_document_of_both_versions_stands_in_one_cell(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    strict = publish(store, config(**STRICT))
    found = compare(store, "main", "main.1", num_examples=2)
    num_short = strict.documents_by_reject["too_short"]
    assert found.transitions == (Transition(before=PUBLISHED, after="too_short", num_documents=num_short),)
    assert found.num_unchanged == 8 - num_short
    assert found.documents[PUBLISHED] == Figure(before=8, after=8 - num_short)
    assert found.documents["too_short"] == Figure(before=0, after=num_short)
    assert found.num_chars.after == strict.num_chars
    assert found.differences == {"rules": "documents.min_words: 50 -> 100"}


def test_the_other_way_round_is_the_same_turned_round(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    publish(store, config(**STRICT))
    forth, back = (compare(store, *names, num_examples=9) for names in (("main", "main.1"), ("main.1", "main")))
    assert [(each.after, each.before, each.num_documents) for each in back.transitions] == [
        (each.before, each.after, each.num_documents) for each in forth.transitions
    ]
    assert [each.id for each in back.examples] == [each.id for each in forth.examples]
    assert back.num_unchanged == forth.num_unchanged


def test_documents_of_a_new_build_were_absent_before(store: MemoryStore) -> None:
    finished_build(store, CORPUS[:3], "monday")
    publish(store, config("monday"))
    finished_build(store, CORPUS, "tuesday")
    publish(store, config("tuesday"))
    found = compare(store, "monday", "tuesday", num_examples=1)
    assert (found.builds_gone, found.builds_new) == ((), ("tuesday",))
    assert found.transitions == (Transition(before=ABSENT, after=PUBLISHED, num_documents=5),)
    assert found.num_unchanged == 3


def test_a_version_is_equal_to_itself(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    found = compare(store, "main", "main", num_examples=1)
    assert (found.transitions, found.examples, found.differences, found.num_unchanged) == ((), (), {}, 8)


def test_an_example_shows_the_start_of_its_text_wherever_it_lies() -> None:
    """Parts and row groups of one document or two: each text must be the document's own."""
    store = WatchedStore()
    finished_build(store)
    publish(store, config(**SMALL_PARTS))
    publish(store, config(**SMALL_PARTS, **STRICT))
    found = compare(store, "main", "main.1", num_examples=99)
    texts = {opened(ref).doc_id: pages_of(opened(ref))[0].text for ref in CORPUS[:8]}
    left_out = [each.id for each in decode_verdicts(store.get(layout.verdicts_key("main.1"))) if each.reject]
    assert sorted(each.id for each in found.examples) == sorted(left_out)
    for each in found.examples:
        assert each.excerpt == texts[each.id][: len(each.excerpt)]
        assert len(each.excerpt) > 100


def test_only_the_parts_of_the_examples_are_read() -> None:
    store = WatchedStore()
    finished_build(store)
    publish(store, config(**SMALL_PARTS))
    publish(store, config(**SMALL_PARTS, **STRICT))
    store.read.clear()
    compare(store, "main", "main.1", num_examples=1)
    assert len([key for key in store.read if key.startswith("documents/")]) == 1
    assert not [key for key in store.read if key.startswith(("pages/", "_judged/"))]


def test_examples_of_a_version_without_parts_have_no_text(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    publish(store, config(**STRICT))
    for info in list(store.list(layout.documents_prefix("main"))):
        store.delete(info.key)
    found = compare(store, "main", "main.1", num_examples=1)
    assert [each.excerpt for each in found.examples] == [""]


def test_another_list_is_told(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    publish(store, config())
    (tmp_path / "list.txt").write_text(opened(CORPUS[0]).doc_id, encoding="utf-8")
    (tmp_path / "exam.jsonl").write_text(json.dumps({"text": "no words of it"}), encoding="utf-8")
    lists = {"takedown": str(tmp_path / "list.txt"), "benchmarks": str(tmp_path / "exam.jsonl")}
    publish(store, config(publish=lists))
    found = compare(store, "main", "main.1", num_examples=0)
    assert found.transitions == (Transition(before=PUBLISHED, after="taken_down", num_documents=1),)
    assert "takedown" in found.differences["lists"]
    assert "benchmarks" in found.differences["lists"]


def test_a_version_that_is_not_there_is_an_error(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    with pytest.raises(ObjectMissing):
        compare(store, "main", "nothing", num_examples=0)
