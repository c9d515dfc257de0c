"""Quarantined documents tried again: read at last, or counted on; once for every reader, whoever tries."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.builds import layout
from pipeline.builds.begin import begin_build, read_plan
from pipeline.builds.commit import commit_shard, open_shards, quarantine_document, read_receipts, split_shard
from pipeline.builds.plan import BuildPlan, bisect, document_key
from pipeline.builds.publish import publish
from pipeline.builds.retry import begin_retry, close_retries, keys_left, quarantined
from pipeline.builds.status import status
from pipeline.builds.verify import verify
from pipeline.config import PlanConfig
from pipeline.errors import BuildError, BuildIncomplete
from pipeline.receipts import Shard
from pipeline.records import DocumentFailure
from pipeline.tables.pages import encode_pages
from pipeline.tables.parquet import decode
from tests.builds.factory import config
from tests.builds.memory_store import Crash, MemoryStore
from tests.tables.samples import document, head, pages_of

CORPUS = tuple(document(f"{name}.pdf") for name in "abcdefgh")
Failing = Mapping[str, str]
"""Name of a document to the reason why it fails."""


def plan_of(store: MemoryStore, build_id: str = "main") -> BuildPlan:
    return begin_build(store, config(build_id), lambda: CORPUS, code_version="0.1.0")


def pages_file(plan: BuildPlan, shard: Shard, failing: Failing) -> bytes:
    whole = head(shard, stamp=plan.stamp)
    opened = tuple(each for each in whole.documents.opened if each.document.uri[-5] not in failing)
    failed = tuple(
        DocumentFailure(document=each, doc_id=None, reason=failing[each.uri[-5]], error="told why")
        for each in shard.documents
        if each.uri[-5] in failing
    )
    made = replace(whole, documents=replace(whole.documents, opened=opened, failed=failed))
    return encode_pages([record for each in opened for record in pages_of(each)], made)


def read(store: MemoryStore, plan: BuildPlan, failing: Failing) -> None:
    for shard in open_shards(plan, read_receipts(store, plan.build_id)):
        commit_shard(store, plan.build_id, shard.shard_id, pages_file(plan, shard, failing), attempt_id="a")


def retry(store: MemoryStore, build_id: str = "main") -> BuildPlan:
    return begin_retry(store, read_plan(store, build_id), read_receipts(store, build_id), PlanConfig(shard_documents=2))


def standing(store: MemoryStore, build_id: str = "main") -> list[tuple[str, str, int]]:
    found = quarantined(read_plan(store, build_id), read_receipts(store, build_id))
    return sorted((failure.document.uri[-5], failure.reason, failure.attempts) for _, failure in found)


def ids_of_rows(store: MemoryStore) -> list[str]:
    keys = [info.key for info in store.list("pages/")]
    return sorted(page_id for key in keys for page_id in decode(store.get(key), ["id"]).column(0).to_pylist())


def ids_of(names: str) -> list[str]:
    shard = Shard(shard_id="any", documents=tuple(each for each in CORPUS if each.uri[-5] in names))
    return sorted(str(record.page_id) for each in head(shard).documents.opened for record in pages_of(each))


def test_a_document_read_at_last_leaves_the_quarantine_and_one_that_fails_again_counts_its_attempts(store: MemoryStore) -> None:
    plan = plan_of(store)
    read(store, plan, {"b": "crashed", "c": "missing", "d": "encrypted", "g": "deadline"})
    read(store, retry(store), {"g": "crashed"})
    assert standing(store) == [("d", "encrypted", 1), ("g", "crashed", 2)]
    assert ids_of_rows(store) == ids_of("abcefh")
    read(store, retry(store), {"g": "deadline"})
    assert standing(store) == [("d", "encrypted", 1), ("g", "deadline", 3)]
    publish(store, config())
    report = verify(store, "main")
    assert report.findings == ()
    assert (report.num_documents_planned, report.num_documents_opened, report.num_documents_quarantined) == (8, 6, 2)
    assert status(store, "main").quarantined_by_reason == {"encrypted": 1, "deadline": 1}
    table = decode(store.get(layout.quarantine_key("main")), ["file_path", "reason", "attempts", "error"]).to_pylist()
    assert sorted((row["file_path"][-5], row["reason"], row["attempts"], row["error"]) for row in table) == [
        ("d", "encrypted", 1, "told why"),
        ("g", "deadline", 3, "told why"),
    ]
    card = store.get(layout.CARD_KEY).decode()
    assert "| `deadline` | 1 |" in card
    assert "`missing`" not in card


def test_what_follows_from_the_bytes_is_not_tried_again(store: MemoryStore) -> None:
    plan = plan_of(store)
    read(store, plan, {"b": "encrypted", "c": "damaged", "d": "same_bytes", "e": "not_a_document"})
    before = dict(store.objects)
    assert retry(store).retries == ()
    assert store.objects == before


def test_a_round_waits_for_the_shards_before_it(store: MemoryStore) -> None:
    plan = plan_of(store)
    with pytest.raises(BuildIncomplete, match="open shards"):
        retry(store)
    read(store, plan, {"b": "crashed"})
    retry(store)
    with pytest.raises(BuildIncomplete, match="open shards"):
        retry(store)
    with pytest.raises(BuildIncomplete, match="lacks 1 of 3 shards"):
        publish(store, config())


def test_the_next_run_goes_on_with_a_round_that_was_begun(store: MemoryStore) -> None:
    read(store, plan_of(store), {"b": "crashed"})
    begun = retry(store)
    assert plan_of(store) == begun
    assert [shard.attempt for shard in open_shards(plan_of(store), read_receipts(store, "main"))] == [2]
    assert verify(store, "main").num_shards_open == 1
    assert standing(store) == [("b", "crashed", 1)]


def test_two_drivers_that_retry_at_once_read_one_round(store: MemoryStore) -> None:
    read(store, plan_of(store), {"b": "crashed", "c": "missing", "h": "deadline"})
    plan, receipts = read_plan(store, "main"), read_receipts(store, "main")
    first = begin_retry(store, plan, receipts, PlanConfig(shard_documents=2))
    second = begin_retry(store, plan, receipts, PlanConfig(shard_documents=1))
    assert first == second
    read(store, first, {})
    for shard in second.retries:
        commit_shard(store, "main", shard.shard_id, pages_file(second, shard, {}), attempt_id="late")
    assert ids_of_rows(store) == ids_of("abcdefgh")


def test_a_document_that_kills_workers_on_retry_too_is_halved_out_of_its_round(store: MemoryStore) -> None:
    plan = plan_of(store)
    read(store, plan, {"b": "missing", "c": "missing"})
    plan = retry(store)
    (shard,) = plan.retries
    split_shard(store, plan.stamp, shard, worker="driver")
    deadly, good = bisect(shard)
    quarantine_document(store, plan.stamp, deadly, error="worker lost", attempts=3, worker="driver")
    commit_shard(store, "main", good.shard_id, pages_file(plan, good, {}), attempt_id="a")
    assert standing(store) == [("b", "crashed", 4)]
    publish(store, config())
    assert verify(store, "main").findings == ()


def test_a_published_build_is_not_tried_again_and_the_error_says_what_to_do(store: MemoryStore) -> None:
    read(store, plan_of(store), {"b": "crashed"})
    publish(store, config())
    with pytest.raises(BuildError, match="--build-id NEW --retry-quarantined"):
        retry(store)
    assert verify(store, "main").findings == ()


def test_a_round_that_begins_just_before_publishing_stops_it(store: MemoryStore) -> None:
    plan = plan_of(store)
    read(store, plan, {"b": "crashed"})
    retry(store)
    with pytest.raises(BuildIncomplete, match="another driver has begun to retry"):
        close_retries(store, plan)


def test_a_new_build_takes_up_what_published_builds_left_and_nothing_twice(store: MemoryStore) -> None:
    read(store, plan_of(store), {"b": "crashed", "c": "missing", "d": "encrypted"})
    assert keys_left(store) == set()
    publish(store, config())
    left = keys_left(store)
    assert left == {document_key(each) for each in CORPUS if each.uri[-5] in "bc"}
    later = begin_build(store, config("later"), lambda: CORPUS, code_version="0.1.0", again=left)
    assert sorted(each.uri[-5] for each in later.documents) == ["b", "c"]
    assert keys_left(store) == set(), "a build that has planned them will read them"
    read(store, later, {"c": "missing"})
    publish(store, config("later"))
    assert keys_left(store) == {document_key(each) for each in CORPUS if each.uri[-5] == "c"}
    assert ids_of_rows(store) == ids_of("abefgh")
    assert verify(store, "main").findings == verify(store, "later").findings == ()
    assert begin_build(store, config("third"), lambda: CORPUS, code_version="0.1.0").shards == ()


@pytest.mark.parametrize("seed", range(10))
def test_drivers_that_crash_and_retry_at_random_never_double_a_row(seed: int) -> None:
    """Two drivers' worth of steps, each of which may crash after any write; at the end every readable page is there once."""
    chance, store = random.Random(seed), MemoryStore()
    for _ in range(40):
        store.crash_after_write = store.num_writes + chance.randint(1, 8)
        failing = {name: chance.choice(("crashed", "missing", "deadline")) for name in chance.sample("abcdefgh", 3)}
        try:
            plan = plan_of(store)
            read(store, plan, failing)
            read(store, retry(store), failing)
        except (Crash, BuildIncomplete):
            pass
        rows = ids_of_rows(store)
        assert len(rows) == len(set(rows))
        assert {finding.kind for finding in verify(store, "main").findings} <= {"receipt"}, (
            "a receipt is put back by the next run"
        )
    store.crash_after_write = None
    read(store, plan_of(store), {})
    read(store, retry(store), {})
    publish(store, config())
    assert verify(store, "main").findings == ()
    assert ids_of_rows(store) == ids_of("abcdefgh")
