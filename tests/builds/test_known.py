"""Whose bytes a build need not read again."""

from dataclasses import replace
from pathlib import Path

from pipeline.builds.commit import commit_shard
from pipeline.builds.known import known_ids
from pipeline.config import StoreConfig
from pipeline.records import KnownDocument
from pipeline.store import open_store
from pipeline.tables.pages import encode_pages
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import document, head, opened, pages_of

READ = [opened(ref).doc_id for ref in CORPUS if not ref.uri.endswith(".bad")]


def test_the_ids_of_finished_builds_are_known_and_those_of_a_build_in_work_are_not(store: MemoryStore) -> None:
    finished_build(store, CORPUS[:4], "monday")
    publish(store, config("monday"))
    finished_build(store, CORPUS, "tuesday")
    known = known_ids(store, but="wednesday")
    assert sorted(known) == sorted(doc_id[:32] for doc_id in READ[:4])
    publish(store, config("tuesday"))
    assert all(doc_id in known_ids(store, but="wednesday") for doc_id in READ)


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
    publish(store, config())
    assert list(known_ids(store, but="tuesday")) == [first.doc_id[:32]]


def test_a_footer_longer_than_the_first_guess_is_fetched_whole(tmp_path: Path) -> None:
    store = open_store(StoreConfig(uri=str(tmp_path)))
    corpus = [document(f"{'long name ' * 30}{number}.pdf") for number in range(600)]
    finished_build(store, corpus, plan={"shard_documents": 600, "shard_bytes": 10**9})
    publish(store, config(plan={"shard_documents": 600, "shard_bytes": 10**9}))
    assert len(known_ids(store, but="tuesday")) == 600
