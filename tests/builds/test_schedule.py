"""The queue of shards: largest first, suspects alone, three losses and then halves."""

from pipeline.builds.schedule import MAX_ATTEMPTS, ShardQueue
from pipeline.receipts import Shard
from pipeline.records import DocumentRef


def shard_of(shard_id: str, *sizes: int) -> Shard:
    documents = tuple(DocumentRef(uri=f"{shard_id}-{i}", size_bytes=size, version="1") for i, size in enumerate(sizes))
    return Shard(shard_id=shard_id, documents=documents)


def test_the_largest_shard_is_handed_out_first() -> None:
    queue = ShardQueue([shard_of("small", 1), shard_of("large", 9), shard_of("middle", 5)])
    order = [taken.shard_id for _ in range(3) if (taken := queue.take(in_work=()))]
    assert order == ["large", "middle", "small"]
    assert queue.take(in_work=()) is None


def test_a_worker_holds_two_shards_and_no_more() -> None:
    queue = ShardQueue([shard_of("a", 1), shard_of("b", 1)])
    assert queue.take(in_work=(shard_of("x", 1),)) is not None
    assert queue.take(in_work=(shard_of("x", 1), shard_of("y", 1))) is None


def test_a_shard_that_lost_its_worker_is_read_alone() -> None:
    suspect, innocent = shard_of("suspect", 9), shard_of("innocent", 1)
    queue = ShardQueue([suspect, innocent])
    queue.take(in_work=())
    assert queue.lost(suspect).action == "retry"
    assert queue.take(in_work=(shard_of("busy", 1),)) == innocent
    assert queue.take(in_work=()) == suspect
    queue.add(innocent)
    assert queue.take(in_work=(suspect,)) is None


def test_three_losses_split_a_shard_of_many_documents_and_quarantine_a_single_one() -> None:
    for shard, action in ((shard_of("many", 1, 1), "split"), (shard_of("one", 1), "quarantine")):
        queue = ShardQueue([shard])
        verdicts = []
        for _ in range(MAX_ATTEMPTS):
            assert queue.take(in_work=()) == shard
            verdicts.append(queue.lost(shard).action)
        assert verdicts == ["retry", "retry", action]
        assert len(queue) == 0


def test_a_document_that_would_outlast_the_rest_of_the_build_gets_no_neighbour() -> None:
    giant, small = shard_of("giant", 900), [shard_of(f"small{number}", 10, 10) for number in range(100)]
    early = ShardQueue([giant, *(shard_of(f"many{number}", 400, 500) for number in range(10))], workers=4)
    assert early.take(in_work=()) in (giant, shard_of("many0", 400, 500), shard_of("many1", 400, 500))
    assert early.take(in_work=(giant,)) is not None
    late = ShardQueue([giant, *small], workers=4)
    assert late.take(in_work=()) == giant
    assert late.take(in_work=(giant,)) is None
    assert late.take(in_work=(shard_of("of two", 450, 450),)) is not None
    assert ShardQueue(small, workers=1).take(in_work=(giant,)) is not None


def test_what_came_back_to_the_queue_counts_as_waiting_again() -> None:
    giant, rest = shard_of("giant", 100), shard_of("rest", 500, 500)
    queue = ShardQueue([rest], workers=2)
    assert queue.take(in_work=()) == rest
    queue.add(shard_of("last", 1, 1))
    assert queue.take(in_work=(giant,)) is None
    queue.lost(rest)
    assert queue.take(in_work=(giant,)) == shard_of("last", 1, 1)
