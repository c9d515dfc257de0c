"""What becomes of a shard that was handed out."""

import pytest

from pipeline.builds.commit import commit_shard, split_shard
from pipeline.builds.plan import BuildPlan, bisect, shard_of
from pipeline.builds.schedule import MAX_ATTEMPTS, ShardQueue
from pipeline.builds.settle import Settlement
from pipeline.errors import StoreError
from pipeline.receipts import Shard
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import NOON, STAMP, document, pages_file

SHARD = shard_of([document(f"{name}.pdf") for name in "abcd"])
ALONE = shard_of([document("e.pdf")])
PLAN = BuildPlan(stamp=STAMP, input_uri="/corpus", planned_at=NOON, shards=(SHARD, ALONE))


@pytest.fixture
def queue() -> ShardQueue:
    return ShardQueue(())


@pytest.fixture
def settlement(queue: ShardQueue, store: MemoryStore) -> Settlement:
    return Settlement(queue, store, STAMP, name="test")


def waiting(queue: ShardQueue) -> set[str]:
    found = set()
    while shard := queue.take(in_work=()):
        found.add(shard.shard_id)
    return found


def lose_often(settlement: Settlement, queue: ShardQueue, shard: Shard) -> object:
    for _ in range(MAX_ATTEMPTS - 1):
        assert settlement.lost(shard, "worker lost") is None
        assert waiting(queue) == {shard.shard_id}
    return settlement.lost(shard, "worker lost")


def test_a_shard_that_a_store_refuses_comes_back_and_the_third_refusal_ends_the_run(
    settlement: Settlement, queue: ShardQueue
) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        settlement.refused(SHARD, StoreError("slow down"))
        assert waiting(queue) == {SHARD.shard_id}
    settlement.refused(ALONE, StoreError("each shard has its own count"))
    with pytest.raises(StoreError, match="slow down"):
        settlement.refused(SHARD, StoreError("slow down"))


def test_a_shard_lost_with_three_workers_gives_way_to_its_halves(settlement: Settlement, queue: ShardQueue) -> None:
    receipt = lose_often(settlement, queue, SHARD)
    halves = {half.shard_id for half in bisect(SHARD)}
    assert set(receipt.split_into) == halves
    assert waiting(queue) == halves


def test_a_document_alone_with_three_lost_workers_is_quarantined(settlement: Settlement, queue: ShardQueue) -> None:
    receipt = lose_often(settlement, queue, ALONE)
    assert [(failure.reason, failure.error, failure.attempts) for failure in receipt.quarantined] == [
        ("crashed", "worker lost", MAX_ATTEMPTS)
    ]
    assert waiting(queue) == set()


def test_a_zombie_that_committed_before_the_split_has_won(
    settlement: Settlement, queue: ShardQueue, store: MemoryStore
) -> None:
    committed = commit_shard(store, "main", SHARD.shard_id, pages_file(SHARD), attempt_id="zombie")
    assert lose_often(settlement, queue, SHARD) == committed
    assert waiting(queue) == set()


def test_a_worker_that_finds_its_shard_split_by_another_driver_leaves_the_halves_to_do(
    settlement: Settlement, queue: ShardQueue, store: MemoryStore
) -> None:
    split_shard(store, STAMP, SHARD, worker="another driver")
    receipt = commit_shard(store, "main", SHARD.shard_id, pages_file(SHARD), attempt_id="late")
    assert settlement.committed(SHARD, receipt) == receipt
    assert waiting(queue) == {half.shard_id for half in bisect(SHARD)}
