"""What is forgotten is gone from every object of the store, and never comes back; the rest is as it was."""

import io
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from pipeline.builds import layout
from pipeline.builds.audit import read_entries, read_forgotten
from pipeline.builds.commit import commit_shard
from pipeline.builds.images import agree_on_images, commit_with_images
from pipeline.config import ImagesConfig
from pipeline.errors import ConfigError
from pipeline.publishing.forget import Forgetting, Order, forget, plan_forgetting
from pipeline.publishing.known import known_ids
from pipeline.publishing.takedown import Takedown
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import latest_version, read_version
from pipeline.readers.withdrawn import find_withdrawal, refuse_withdrawn
from pipeline.records import OpenedDocument
from pipeline.tables.images import StoredImage, encode_images
from pipeline.tables.parquet import decode
from pipeline.tables.schemas import PAGES_SCHEMA
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import Crash, MemoryStore
from tests.publishing.copies import FIRST, SECOND, build_with_a_copy
from tests.tables.samples import document, opened, pages_file, pages_of

A, C = opened(CORPUS[0]), opened(CORPUS[2])
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SMALL_PARTS = {"publish": {"part_bytes": 2000, "row_group_bytes": 900}}


class MortalStore(MemoryStore):
    """A process may die before or after a delete as well."""

    def delete(self, key: str) -> None:
        with self._lock, self._writing():
            super().delete(key)


def order(takedown: Takedown) -> Order:
    return Order(takedown=takedown, who="clerk@desk", reason="a court order", at=NOON, code_version="0.1.0")


def forget_ids(store: MemoryStore, *ids: str, **sections: object) -> Forgetting:
    return forget(store, config(**sections), order(Takedown(ids=frozenset(ids))))


def told_by(store: MemoryStore) -> str:
    """Everything that any object says: raw bytes, and every decoded value and footer of Parquet."""
    told = []
    for key, data in store.objects.items():
        told.append(data.decode("utf-8", "replace"))
        if key.endswith(".parquet"):
            file = pq.ParquetFile(io.BytesIO(data))
            told.append(str(file.metadata.metadata))
            told.append(str(file.read().to_pylist()))
    return "\n".join(told)


def words_of(of: OpenedDocument) -> list[str]:
    """Pieces of the texts that are long enough to be of this document alone, and its title."""
    texts = [page.text for page in pages_of(of) if page.text]
    return [text[start : start + 40] for text in texts for start in range(0, len(text) - 40, 40)]


def published(store: MemoryStore, version_id: str) -> set[str]:
    parts = [decode(store.get(info.key), ["id"]) for info in store.list(layout.documents_prefix(version_id))]
    return {doc_id for part in parts for doc_id in part.column("id").to_pylist()}


@pytest.fixture
def whole(store: MemoryStore) -> MemoryStore:
    finished_build(store)
    publish(store, config())
    return store


def test_the_test_finds_a_text_before_it_is_forgotten(whole: MemoryStore) -> None:
    told = told_by(whole)
    assert all(words in told for of in (A, C) for words in words_of(of))
    assert A.title in told


def test_no_object_holds_a_word_of_a_forgotten_document_and_all_others_are_as_they_were(whole: MemoryStore) -> None:
    before = published(whole, "main")
    done = forget_ids(whole, A.doc_id)
    told = told_by(whole)
    assert not [words for words in words_of(A) if words in told]
    assert A.title not in told
    assert all(words in told for words in words_of(C))
    assert (done.ids, done.copies, done.version_id) == ({A.doc_id}, set(), "main.1")
    assert published(whole, "main.1") == before - {A.doc_id}


def test_pages_in_are_still_rows_out(whole: MemoryStore) -> None:
    num_pages = verify(whole, "main").num_pages
    forget_ids(whole, A.doc_id)
    report = verify(whole, "main")
    assert report.findings == ()
    assert report.num_pages == num_pages
    latest = latest_version(whole)
    assert latest is not None
    assert latest.documents_by_reject["forgotten"] == 1
    (build,) = latest.builds
    assert build.evidence.pages_by_status["forgotten"] == A.num_pages


def test_a_tombstone_says_that_there_was_a_page_and_nothing_else(whole: MemoryStore) -> None:
    keys = [info.key for info in whole.list("pages/")]
    before = {key: decode(whole.get(key), PAGES_SCHEMA.names).to_pylist() for key in keys}
    forget_ids(whole, A.doc_id)
    for key in keys:
        for old, new in zip(before[key], decode(whole.get(key), PAGES_SCHEMA.names).to_pylist(), strict=True):
            if old["doc_id"] != A.doc_id:
                assert new == old
                continue
            stays = ("id", "doc_id", "page", "n_pages", "uri", "processed_at")
            assert [new[name] for name in stays] == [old[name] for name in stays]
            assert (new["status"], new["reject"], new["text_hash"]) == ("forgotten", ["forgotten"], None)
            assert not any(
                new[name]
                for name in PAGES_SCHEMA.names
                if name not in (*stays, "status", "reject", "language", "script", "zlib_ratio", "tail_repeats")
            )


def test_an_earlier_version_that_holds_it_is_withdrawn_and_says_why(whole: MemoryStore) -> None:
    forget_ids(whole, A.doc_id)
    assert list(whole.list(layout.documents_prefix("main"))) == []
    assert read_version(whole, "main").version_id == "main"
    gone = find_withdrawal(whole, "main")
    assert gone is not None
    assert gone.audit_key in whole.objects
    with pytest.raises(ConfigError, match=r"'main' of memory: was withdrawn on 2026-11-24 \(a court order\).*'main.1'"):
        refuse_withdrawn(whole, "main")
    refuse_withdrawn(whole, "main.1")


def test_a_version_that_did_not_hold_it_stays(store: MemoryStore) -> None:
    finished_build(store, CORPUS[1:4], "monday")
    publish(store, config("monday"))
    finished_build(store, CORPUS, "tuesday")
    publish(store, config("tuesday"))
    before = published(store, "monday")
    forget(store, config("tuesday"), order(Takedown(ids=frozenset({A.doc_id}))))
    assert published(store, "monday") == before
    assert published(store, "tuesday") == set()


def test_the_audit_says_who_when_why_and_what_and_no_text(whole: MemoryStore) -> None:
    forget_ids(whole, A.doc_id)
    (entry,) = read_entries(whole, "forget")
    assert (entry.who, entry.at, entry.reason, entry.ids) == ("clerk@desk", NOON, "a court order", (A.doc_id,))
    changed = {each.key.split("/")[0]: each.change for each in entry.changes}
    assert changed == {
        "pages": "replaced",
        "_builds": "replaced",
        "_judged": "deleted",
        "_dedup": "deleted",
        "documents": "withdrawn",
    }


def test_every_object_that_changed_stands_in_the_audit(whole: MemoryStore) -> None:
    before = dict(whole.objects)
    forget_ids(whole, A.doc_id)
    (entry,) = read_entries(whole, "forget")
    changed = {key for key, data in before.items() if whole.objects.get(key) != data}
    pointers = {layout.LATEST_KEY, layout.CARD_KEY}
    assert changed - pointers <= {each.key for each in entry.changes}


def test_forgetting_again_does_nothing(whole: MemoryStore) -> None:
    forget_ids(whole, A.doc_id)
    before = dict(whole.objects)
    assert forget_ids(whole, A.doc_id).changes == ()
    assert whole.objects == before


def test_a_dry_run_changes_nothing_and_names_what_would_change(whole: MemoryStore) -> None:
    before = dict(whole.objects)
    plan = plan_forgetting(whole, config(), Takedown(ids=frozenset({A.doc_id})))
    assert whole.objects == before
    forget_ids(whole, A.doc_id)
    (entry,) = read_entries(whole, "forget")
    assert plan.changes == entry.changes


@pytest.mark.parametrize("uri", ["/corpus/a.pdf", "/corpus/copy of a.pdf"])
def test_a_name_means_the_document_under_it_as_its_own_name_or_as_an_alias(whole: MemoryStore, uri: str) -> None:
    done = forget(whole, config(), order(Takedown(uris=frozenset({uri}))))
    assert done.ids == {A.doc_id}
    assert verify(whole, "main").findings == ()


def test_every_document_that_was_ever_read_under_a_name_is_forgotten_with_it(store: MemoryStore) -> None:
    finished_build(store, [document("a.pdf"), document("b.pdf")], "monday")
    publish(store, config("monday"))
    finished_build(store, [document("a.pdf", version="v2"), document("b.pdf")], "tuesday")
    publish(store, config("tuesday"))
    done = forget(store, config("tuesday"), order(Takedown(uris=frozenset({"/corpus/a.pdf"}))))
    assert done.ids == {opened(document("a.pdf")).doc_id, opened(document("a.pdf", version="v2")).doc_id}


def test_a_document_of_the_same_text_under_other_bytes_goes_with_it(store: MemoryStore) -> None:
    """Whoever asks for a text to go does not know under which bytes it lies."""
    build_with_a_copy(store)
    publish(store, config())
    kept, other = (SECOND, FIRST) if SECOND.doc_id in published(store, "main") else (FIRST, SECOND)
    done = forget_ids(store, other.doc_id)
    assert (done.ids, done.copies) == ({other.doc_id}, {kept.doc_id})
    assert verify(store, "main").findings == ()
    assert published(store, "main.1") == set()
    assert not [words for words in words_of(FIRST) if words in told_by(store)]


def test_only_keeps_the_documents_that_say_the_same(store: MemoryStore) -> None:
    build_with_a_copy(store)
    publish(store, config())
    (kept,) = published(store, "main")
    done = forget(store, config(), order(Takedown(only_ids=frozenset({kept}))))
    assert done.copies == set()
    assert published(store, "main.1") == {FIRST.doc_id, SECOND.doc_id} - {kept}


def test_no_later_build_reads_its_bytes_or_its_names(whole: MemoryStore) -> None:
    forget(whole, config(), order(Takedown(ids=frozenset({C.doc_id}), uris=frozenset({"/corpus/a.pdf"}))))
    known = known_ids(whole, but="")
    assert A.doc_id in known
    assert C.doc_id in known
    changed = [document("a.pdf", version="v2"), document("b.pdf", version="v2")]
    plan = planned_build(whole, [*changed, *CORPUS[2:]], "tuesday")
    assert [ref.uri for shard in plan.shards for ref in shard.documents] == ["/corpus/b.pdf"]


def test_a_document_that_no_build_has_read_yet_is_known_beforehand(store: MemoryStore) -> None:
    forget_ids(store, A.doc_id)
    assert read_forgotten(store).ids == {A.doc_id}
    assert A.doc_id in known_ids(store, but="")


def test_a_rejudge_after_it_does_not_bring_it_back(whole: MemoryStore) -> None:
    forget_ids(whole, A.doc_id)
    lax = {"rules": {"documents": {"min_letters": 0, "min_words": 0}}}
    version = publish(whole, config(**lax))
    assert A.doc_id not in published(whole, version.version_id)
    assert verify(whole, "main").findings == ()


def test_a_build_in_work_is_cleaned_too(store: MemoryStore) -> None:
    plan = planned_build(store)
    shard = next(shard for shard in plan.shards if A.document.uri in {ref.uri for ref in shard.documents})
    commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    forget_ids(store, A.doc_id)
    assert A.title not in told_by(store)
    assert verify(store, "main").findings == ()


def test_a_crash_at_any_write_or_delete_is_finished_by_the_same_command() -> None:
    """Before a write is after the one before it."""
    whole = MortalStore()
    finished_build(whole, CORPUS[:4], **SMALL_PARTS)
    publish(whole, config(**SMALL_PARTS))
    objects, attempts, before = dict(whole.objects), dict(whole.attempts), whole.num_writes
    forget_ids(whole, A.doc_id, **SMALL_PARTS)
    num_writes = whole.num_writes - before
    kept = {key: data for key, data in whole.objects.items() if not key.startswith(("_audit/", "_versions/main/withdrawn"))}
    assert num_writes >= 12
    for step in range(1, num_writes + 1):
        store = MortalStore()
        store.objects, store.attempts, store.crash_before_write = dict(objects), dict(attempts), step
        with pytest.raises(Crash):
            forget_ids(store, A.doc_id, **SMALL_PARTS)
        forget_ids(store, A.doc_id, **SMALL_PARTS)
        assert {key: data for key, data in store.objects.items() if key in kept} == kept, step
        assert A.title not in told_by(store), step


def test_the_images_of_its_pages_go_too_and_those_of_a_dead_worker() -> None:
    store = MortalStore()
    plan = planned_build(store, CORPUS[:4])
    agree_on_images(store, "main", ImagesConfig())
    pages = sorted((page for ref in CORPUS[:4] for page in pages_of(opened(ref))), key=lambda page: page.page_id)
    images = [
        StoredImage(page_id=page.page_id, data=f"pixels of {page.page_id}".encode(), width_px=3, height_px=4, format="webp")
        for page in pages
    ]
    (shard,) = plan.shards
    data = encode_images(images, {"pagemill.build": "main"})
    commit_with_images(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), data, attempt_id="a")
    store.put(layout.images_key("other", "dead"), data)
    publish(store, config())
    assert f"pixels of {A.doc_id}" in told_by(store)
    done = forget_ids(store, A.doc_id)
    assert {"images/build=main", "images/build=other"} <= {each.key.rpartition("/")[0] for each in done.changes}
    assert f"pixels of {A.doc_id}" not in told_by(store)
    kept = [image for image in images if image.page_id.doc_id != A.doc_id]
    assert store.get(layout.images_key("main", shard.shard_id)) == encode_images(kept, {"pagemill.build": "main"})
    assert verify(store, "main").findings == ()


def test_the_report_of_its_build_goes_too_and_that_of_another_build_stays() -> None:
    store = MortalStore()
    finished_build(store, CORPUS[:4])
    publish(store, config())
    store.put(layout.report_key("main"), f"<p>{A.title}</p>".encode())
    store.put(layout.report_key("other"), b"<p>nothing of it</p>")
    done = forget_ids(store, A.doc_id)
    assert layout.report_key("main") in {each.key for each in done.changes if each.change == "deleted"}
    assert layout.report_key("main") not in store.objects
    assert layout.report_key("other") in store.objects
    assert verify(store, "main").findings == ()
