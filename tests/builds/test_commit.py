"""Exactly-once: crashes between the steps, two writers, zombies, splits."""

import random
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.builds import layout
from pipeline.builds.commit import commit_shard, leaf_shards, open_shards, quarantine_document, read_receipts, split_shard
from pipeline.builds.ledger import decode_receipt, encode_receipt
from pipeline.builds.listing import listing_of
from pipeline.builds.plan import BuildPlan, bisect, plan_shards, shard_of
from pipeline.builds.receipt import receipt_of
from pipeline.config import PlanConfig
from pipeline.errors import BuildError, VerifyError
from pipeline.receipts import Shard
from pipeline.tables.pages import encode_pages
from pipeline.tables.parquet import decode
from tests.builds.memory_store import Crash, MemoryStore
from tests.tables.samples import NOON, STAMP, document, head, opened, pages_file, pages_of

SHARD = shard_of([document(f"{name}.pdf") for name in "abcdef"])
PLAN = BuildPlan(stamp=STAMP, input_uri="/corpus", planned_at=NOON, shards=(SHARD, shard_of([document("g.pdf")])))


def commit(store: MemoryStore, shard: Shard, *, attempt_id: str = "a1", data: bytes | None = None) -> object:
    return commit_shard(store, "main", shard.shard_id, data or pages_file(shard), attempt_id=attempt_id)


def ids_of_rows(store: MemoryStore) -> list[str]:
    keys = [info.key for info in store.list("pages/")]
    return [page_id for key in keys for page_id in decode(store.get(key), ["id"]).column(0).to_pylist()]


def ids_of(shards: tuple[Shard, ...]) -> list[str]:
    records = [record for shard in shards for ref in shard.documents for record in pages_of(opened(ref))]
    return sorted(str(record.page_id) for record in records)


def test_a_receipt_is_a_pure_function_of_its_pages_file(store: MemoryStore) -> None:
    receipt = commit(store, SHARD)
    key = layout.pages_key("main", SHARD.shard_id)
    assert receipt == receipt_of(store.get(key), key)
    assert receipt == decode_receipt(store.get(layout.receipt_key("main", SHARD.shard_id)), "key")
    assert read_receipts(store, "main") == {SHARD.shard_id: receipt}


def test_a_receipt_counts_what_the_file_holds() -> None:
    shard = shard_of([document("a.pdf"), document("b.pdf"), document("c.bad")])
    receipt = receipt_of(pages_file(shard), "key")
    records = [record for name in ("a.pdf", "b.pdf") for record in pages_of(opened(document(name)))]
    assert receipt.num_rows == len(records)
    assert receipt.num_documents == 2
    assert [(q.document.uri, q.reason) for q in receipt.quarantined] == [("/corpus/c.bad", "damaged")]
    assert receipt.pages_by_status == {
        "blank": sum(r.status == "blank" for r in records),
        "ok": sum(r.status == "ok" for r in records),
    }
    assert receipt.pages_by_reject == {"blank": sum(r.status == "blank" for r in records)}
    assert receipt.num_kept == sum(r.reject == () for r in records)
    assert receipt.num_kept_chars == sum(len(r.text) for r in records if not r.reject)
    assert receipt.num_output_tokens == sum(80 for r in records if r.status == "ok")
    assert receipt.times.engine_s == 7.5


def test_a_late_writer_is_refused_and_reports_what_was_first(store: MemoryStore) -> None:
    first = commit(store, SHARD, attempt_id="a1")
    late_head = head(SHARD)
    late_head = replace(late_head, shard=replace(late_head.shard, worker="zombie", finished_at=NOON + timedelta(hours=1)))
    late = commit(store, SHARD, attempt_id="a2", data=encode_pages([], late_head))
    assert late == first
    assert ids_of_rows(store) == ids_of((SHARD,))


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("moment", ["crash_before_write", "crash_after_write"])
def test_after_a_crash_at_any_step_the_shard_is_there_once_or_still_open(store: MemoryStore, step: int, moment: str) -> None:
    setattr(store, moment, step)
    with pytest.raises(Crash):
        commit(store, SHARD, attempt_id="a1")
    still_open = [shard.shard_id for shard in open_shards(PLAN, read_receipts(store, "main"))]
    was_committed = (moment, step) != ("crash_before_write", 1)
    assert (SHARD.shard_id not in still_open) == was_committed
    commit(store, SHARD, attempt_id="a2")
    assert ids_of_rows(store) == ids_of((SHARD,))
    assert list(read_receipts(store, "main")) == [SHARD.shard_id]


def test_a_missing_receipt_is_put_back(store: MemoryStore) -> None:
    receipt = commit(store, SHARD)
    store.delete(layout.receipt_key("main", SHARD.shard_id))
    assert read_receipts(store, "main") == {SHARD.shard_id: receipt}
    assert store.get(layout.receipt_key("main", SHARD.shard_id)) == encode_receipt(receipt)  # type: ignore[arg-type]


def test_a_damaged_file_without_receipt_is_named(store: MemoryStore) -> None:
    store.put(layout.pages_key("main", "abc"), b"half a file")
    with pytest.raises(VerifyError, match=r"pages/build=main/abc\.parquet is no pages file: not a whole Parquet file"):
        read_receipts(store, "main")


def test_many_writers_of_one_shard_agree(store: MemoryStore) -> None:
    """Eight attempts of one shard at once, each with bytes of its own."""
    receipts: list[object] = []

    def attempt(ordinal: int) -> None:
        head_of_attempt = head(SHARD)
        head_of_attempt = replace(head_of_attempt, shard=replace(head_of_attempt.shard, worker=f"worker-{ordinal}"))
        data = encode_pages([r for of in head_of_attempt.documents.opened for r in pages_of(of)], head_of_attempt)
        receipts.append(commit(store, SHARD, attempt_id=f"a{ordinal}", data=data))

    threads = [threading.Thread(target=attempt, args=(ordinal,)) for ordinal in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 8
    assert all(receipt == receipts[0] for receipt in receipts)
    assert ids_of_rows(store) == ids_of((SHARD,))


def test_a_split_shard_gives_way_to_its_halves_and_refuses_its_zombie(store: MemoryStore) -> None:
    left, right = bisect(SHARD)
    receipt = split_shard(store, STAMP, SHARD, worker="driver")
    assert receipt.split_into == (left.shard_id, right.shard_id)
    assert commit(store, SHARD, attempt_id="zombie") == receipt
    assert ids_of_rows(store) == []
    assert open_shards(PLAN, read_receipts(store, "main")) == [left, right, PLAN.shards[1]]


def test_a_shard_committed_in_the_meantime_is_not_split(store: MemoryStore) -> None:
    receipt = commit(store, SHARD)
    assert split_shard(store, STAMP, SHARD, worker="driver") == receipt
    assert open_shards(PLAN, read_receipts(store, "main")) == [PLAN.shards[1]]


def test_a_poisonous_document_ends_alone_and_the_rest_is_kept(store: MemoryStore) -> None:
    """The driver's whole way: split what crashes until the document is alone, then quarantine it."""
    poison = "/corpus/d.pdf"
    while todo := open_shards(PLAN, read_receipts(store, "main")):
        shard = todo[0]
        if all(ref.uri != poison for ref in shard.documents):
            commit(store, shard)
        elif len(shard.documents) > 1:
            split_shard(store, STAMP, shard, worker="driver")
        else:
            quarantine_document(store, STAMP, shard, error="worker died three times", attempts=3, worker="driver")
    receipts = read_receipts(store, "main")
    healthy = tuple(shard for shard in leaf_shards(PLAN, receipts) if all(ref.uri != poison for ref in shard.documents))
    assert sorted(ids_of_rows(store)) == ids_of(healthy)
    assert sorted(ref.uri for shard in healthy for ref in shard.documents) == [f"/corpus/{n}.pdf" for n in "abcefg"]
    (failure,) = [q for receipt in receipts.values() for q in receipt.quarantined]
    assert (failure.document.uri, failure.reason, failure.attempts) == (poison, "crashed", 3)


def test_only_a_document_that_is_alone_is_quarantined(store: MemoryStore) -> None:
    with pytest.raises(BuildError, match="holds 6 documents"):
        quarantine_document(store, STAMP, SHARD, error="", attempts=3, worker="driver")


@pytest.mark.parametrize("seed", range(5))
def test_any_interleaving_of_crashing_drivers_ends_with_every_page_once(seed: int) -> None:
    """Drivers that commit, split and quarantine at random and crash at random writes: simulated, 5 seeds."""
    chance, store = random.Random(seed), MemoryStore()
    documents = [document(f"{i:03d}.pdf") for i in range(20)]
    shards = tuple(plan_shards(listing_of(documents), config=PlanConfig(shard_documents=7)))
    plan = BuildPlan(stamp=STAMP, input_uri="/corpus", planned_at=NOON, shards=shards)
    zombies: list[Shard] = []
    while todo := open_shards(plan, read_receipts(store, "main")):
        store.crash_after_write = store.num_writes + chance.randint(1, 6)
        try:
            for shard in todo:
                zombies.append(shard)
                if len(shard.documents) > 1 and chance.random() < 0.3:
                    split_shard(store, STAMP, shard, worker="driver")
                commit(store, chance.choice([shard, *zombies]), attempt_id=f"{chance.random()}")
        except Crash:
            store.crash_after_write = None
    assert sorted(ids_of_rows(store)) == ids_of(shards)
