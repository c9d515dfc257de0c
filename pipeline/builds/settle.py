"""What became of a shard that was handed out: committed, refused by a store, or lost with its worker.

In: a shard and its outcome. Out: the receipt that accounts for it, if there is one now, and a queue that holds what is still
to do. The same code settles on a cluster, in a drill and in a simulation. Knows no Ray and no clock. Costs nothing but the
put of a split or a quarantine.
"""

from pipeline.builds.commit import quarantine_document, split_shard
from pipeline.builds.plan import bisect
from pipeline.builds.schedule import MAX_ATTEMPTS, ShardQueue
from pipeline.errors import SourceError, StoreError
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard, ShardReceipt
from pipeline.tables.footer import BuildStamp


class Settlement:
    """The queue of one driver, and how often a store refused each shard."""

    def __init__(self, queue: ShardQueue, store: ObjectStore, stamp: BuildStamp, *, name: str) -> None:
        """`name` stands as the worker in the receipts of splits and quarantines."""
        self._queue = queue
        self._store = store
        self._stamp = stamp
        self._name = name
        self._num_refusals: dict[str, int] = {}

    def committed(self, shard: Shard, receipt: ShardReceipt) -> ShardReceipt:
        """Whoever committed first has won; when that was a split, the halves are still to do."""
        if receipt.split_into:
            for half in bisect(shard):
                self._queue.add(half)
        return receipt

    def refused(self, shard: Shard, error: StoreError | SourceError) -> None:
        """A store or the source gave up on it, the worker is well: back in the queue. The third time raises the error."""
        refusals = self._num_refusals.get(shard.shard_id, 0) + 1
        if refusals >= MAX_ATTEMPTS:
            raise error
        self._num_refusals[shard.shard_id] = refusals
        self._queue.add(shard)

    def lost(self, shard: Shard, reason: str) -> ShardReceipt | None:
        """Its worker was lost: back in the queue (None), in two halves, or in quarantine. Raises StoreError."""
        verdict = self._queue.lost(shard)
        if verdict.action == "retry":
            return None
        if verdict.action == "split":
            receipt = split_shard(self._store, self._stamp, shard, worker=self._name)
        else:
            receipt = quarantine_document(
                self._store, self._stamp, shard, error=reason, attempts=verdict.attempts, worker=self._name
            )
        return self.committed(shard, receipt)
