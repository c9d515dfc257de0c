"""Whose bytes a build need not read again."""

from dataclasses import replace
from pathlib import Path

from pipeline.builds.close import close_build
from pipeline.builds.commit import commit_shard
from pipeline.config import StoreConfig
from pipeline.publishing.known import known_ids
from pipeline.records import KnownDocument
from pipeline.store import open_store
from pipeline.tables.pages import encode_pages
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import document, head, opened, pages_of

READ = [opened(ref).doc_id for ref in CORPUS if not ref.uri.endswith(".bad")]


def test_the_ids_of_finished_builds_are_known_and_those_of_a_build_in_work_are_not(store: MemoryStore) -> None:
    close_build(store, finished_build(store, CORPUS[:4], "monday"))
    plan = finished_build(store, CORPUS, "tuesday")
    assert sorted(known_ids(store, but="wednesday")) == sorted(doc_id[:32] for doc_id in READ[:4])
    close_build(store, plan)
    assert sorted(known_ids(store, but="wednesday")) == sorted(doc_id[:32] for doc_id in READ)


def test_what_a_version_holds_is_known_from_its_verdicts_alone(store: MemoryStore) -> None:
    finished_build(store, CORPUS[:4], "monday")
    publish(store, config("monday"))
    asked = known_ids(store, but="wednesday")
    close_build(store, finished_build(store, CORPUS, "tuesday"))
    store.objects = {key: data for key, data in store.objects.items() if not key.startswith("pages/build=monday/")}
    assert sorted(asked) == sorted(doc_id[:32] for doc_id in READ[:4])
    assert sorted(known_ids(store, but="wednesday")) == sorted(doc_id[:32] for doc_id in READ)
    assert sorted(known_ids(store, but="monday")) == sorted(doc_id[:32] for doc_id in READ[4:])


def test_a_build_is_not_known_to_itself(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    assert len(known_ids(store, but="main")) == 0


def test_a_known_document_is_no_source_of_a_known_id(store: MemoryStore) -> None:
    """Its rows lie in another build; that one is asked."""
    plan = planned_build(store, [document("a.pdf"), document("b.pdf")])
    (shard,) = plan.shards
    whole = head(shard, stamp=plan.stamp)
    first, second = whole.documents.opened
    known = KnownDocument(document=second.document, doc_id="e" * 64)
    documents = replace(whole.documents, opened=(first,), known=(known,))
    receipt = commit_shard(
        store, "main", shard.shard_id, encode_pages(pages_of(first), replace(whole, documents=documents)), attempt_id="a"
    )
    assert (receipt.num_documents, receipt.num_known) == (1, 1)
    close_build(store, plan)
    assert list(known_ids(store, but="tuesday")) == [first.doc_id[:32]]


def test_a_footer_longer_than_the_first_guess_is_fetched_whole(tmp_path: Path) -> None:
    store = open_store(StoreConfig(uri=str(tmp_path)))
    corpus = [document(f"{'long name ' * 30}{number}.pdf") for number in range(600)]
    plan = finished_build(store, corpus, plan={"shard_documents": 600, "shard_bytes": 10**9})
    close_build(store, plan)
    assert len(known_ids(store, but="tuesday")) == 600
