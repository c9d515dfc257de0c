"""The commit of a shard: its pages file is put once, and whoever was first has won.

In: the bytes of a pages file. Out: the receipt of the file that is there, which need not be ours: a late worker (a zombie, a
retry, a second driver) is refused, reads what was there first and reports that. The pages file is the commit; the receipt
beside it is computed from the file alone, saves reading it again, and is put back by `read_receipts` when a crash came
between the two. A shard that cannot be done as one is closed by a file of no rows on its own key, so that no zombie of it
can add a row later. Knows no engine and no cluster. Costs one put and, of a refused one, one get.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.ledger import decode_receipt, encode_receipt
from pipeline.builds.plan import BuildPlan, bisect
from pipeline.builds.receipt import receipt_of
from pipeline.errors import BuildError
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.receipts import Shard, ShardReceipt, ShardTimes
from pipeline.records import DocumentFailure
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts
from pipeline.tables.pages import encode_pages

PARALLEL_GETS = 16
"""Receipts are small: with 16 at a time 10,000 of them take half a minute at 50 ms each. In memory one is 2.2 kB."""
NO_DOCUMENTS = ShardDocuments(opened=(), failed=(), known=())
NO_TIMES = ShardTimes(total_s=0.0, engine_s=0.0, render_wait_s=0.0, judge_s=0.0, engine_busy_s=0.0)


def commit_shard(store: ObjectStore, build_id: str, shard_id: str, pages_file: bytes, *, attempt_id: str) -> ShardReceipt:
    """Puts a pages file and its receipt. The receipt returned is that of the first file under the key; when it has
    `split_into`, the shard was split meanwhile and its halves are to be done. Raises StoreError, VerifyError."""
    key = layout.pages_key(build_id, shard_id)
    is_first = store.put_once(key, pages_file, attempt_id=attempt_id)
    receipt = receipt_of(pages_file if is_first else store.get(key), key)
    store.put_once(layout.receipt_key(build_id, shard_id), encode_receipt(receipt), attempt_id=attempt_id)
    return receipt


def split_shard(store: ObjectStore, stamp: BuildStamp, shard: Shard, *, worker: str) -> ShardReceipt:
    """Replaces a shard by its two halves: a file of no rows that names them, on the shard's own key. Should the shard have
    been committed meanwhile, its receipt comes back and nothing is split."""
    children = tuple(child.shard_id for child in bisect(shard))
    return _commit_empty(store, stamp, shard, NO_DOCUMENTS, split_into=children, worker=worker)


def quarantine_document(
    store: ObjectStore, stamp: BuildStamp, shard: Shard, *, error: str, attempts: int, worker: str
) -> ShardReceipt:
    """Closes a shard of one document that keeps killing its worker: no rows, and an entry that says so."""
    if len(shard.documents) != 1:
        raise BuildError(
            f"shard {shard.shard_id} holds {len(shard.documents)} documents; split it until the one at fault is alone"
        )
    failure = DocumentFailure(document=shard.documents[0], doc_id=None, reason="crashed", error=error, attempts=attempts)
    return _commit_empty(store, stamp, shard, replace(NO_DOCUMENTS, failed=(failure,)), split_into=(), worker=worker)


def read_receipts(store: ObjectStore, build_id: str) -> dict[str, ShardReceipt]:
    """Every committed shard of a build by id: two listings, and one get per receipt. A pages file whose receipt a crash
    prevented gets it now. Raises StoreError, VerifyError."""
    receipted = {layout.shard_id_of(info.key) for info in store.list(layout.receipts_prefix(build_id))}
    committed = {layout.shard_id_of(info.key) for info in store.list(layout.pages_prefix(build_id))}
    receipts = dict(_in_parallel(lambda shard_id: _read(store, build_id, shard_id), sorted(receipted)))
    receipts |= _in_parallel(lambda shard_id: _heal(store, build_id, shard_id), sorted(committed - receipted))
    return dict(sorted(receipts.items()))


def open_shards(plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> list[Shard]:
    """What is still to do, in the plan's order: shards without a receipt, halves of split ones included."""
    return [shard for shard in leaf_shards(plan, receipts) if shard.shard_id not in receipts]


def leaf_shards(plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> Iterator[Shard]:
    """The shards that hold rows or will hold them, in the plan's order: a split shard gives way to its halves. Together
    they hold every planned document once. Raises BuildError when a receipt names other halves."""
    return (leaf for shard in plan.shards for leaf in leaves_of(shard, receipts))


def leaves_of(shard: Shard, receipts: Mapping[str, ShardReceipt]) -> Iterator[Shard]:
    """The same of one planned shard: itself, or what it was split into."""
    return (part for part in _with_halves(shard, receipts) if not is_split(part, receipts))


def shard_tree(plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> Iterator[Shard]:
    """The same with the split shards, each before its halves."""
    for shard in plan.shards:
        yield from _with_halves(shard, receipts)


def is_split(shard: Shard, receipts: Mapping[str, ShardReceipt]) -> bool:
    """Another shard's rows stand for this one's."""
    return shard.shard_id in receipts and receipts[shard.shard_id].split_into != ()


def _with_halves(shard: Shard, receipts: Mapping[str, ShardReceipt]) -> Iterator[Shard]:
    yield shard
    if not is_split(shard, receipts):
        return
    halves, receipt = bisect(shard), receipts[shard.shard_id]
    if receipt.split_into != tuple(half.shard_id for half in halves):
        raise BuildError(
            f"{receipt.key} was split into {receipt.split_into}, not into the halves that this version makes of it"
        )
    for half in halves:
        yield from _with_halves(half, receipts)


def _commit_empty(
    store: ObjectStore, stamp: BuildStamp, shard: Shard, documents: ShardDocuments, *, split_into: tuple[str, ...], worker: str
) -> ShardReceipt:
    now = datetime.now(UTC)
    facts = ShardFacts(
        shard_id=shard.shard_id, worker=worker, times=NO_TIMES, started_at=now, finished_at=now, split_into=split_into
    )
    pages_file = encode_pages((), PagesHead(stamp=stamp, shard=facts, documents=documents))
    receipt = commit_shard(store, stamp.build_id, shard.shard_id, pages_file, attempt_id=uuid4().hex)
    if receipt.num_rows == 0:  # else it was committed meanwhile
        store.delete(layout.images_key(stamp.build_id, shard.shard_id))
    return receipt


def _in_parallel(read: Callable[[str], ShardReceipt], shard_ids: Iterable[str]) -> Iterator[tuple[str, ShardReceipt]]:
    return ((receipt.shard_id, receipt) for receipt in map_in_order(read, shard_ids, num_threads=PARALLEL_GETS))


def _read(store: ObjectStore, build_id: str, shard_id: str) -> ShardReceipt:
    key = layout.receipt_key(build_id, shard_id)
    return decode_receipt(store.get(key), key)


def _heal(store: ObjectStore, build_id: str, shard_id: str) -> ShardReceipt:
    key = layout.pages_key(build_id, shard_id)
    receipt = receipt_of(store.get(key), key)
    store.put_once(layout.receipt_key(build_id, shard_id), encode_receipt(receipt), attempt_id=uuid4().hex)
    return receipt
