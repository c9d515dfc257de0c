"""Which shard goes to which worker next, and what a lost worker means. Pure: no Ray, no clock, no store.

In: the shards still to do, and what became of each that was handed out. Out: the next shard for a worker, or an order to
split or quarantine. The same code drives a real cluster and a simulated one. Memory: the shards still open.

Largest shard first, so that the tail of a build is made of small ones; a document that would outlast them all gets a worker
of its own. A shard that lost its worker is read again alone on
a worker (its neighbour must not be blamed for it), three times in all; then it is split in two, until the document that
kills workers stands alone and is quarantined (design, section 6).
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipeline.receipts import Shard

MAX_ATTEMPTS = 3
"""Lost workers before a shard is split, or its only document quarantined (design, section 6)."""

SHARDS_PER_WORKER = 2
"""The tail of one shard overlaps the head of the next (design, section 6)."""

FIRST_BACKOFF_S = 1.0
"""A lost worker is made again after this, twice as long after each loss in a row, and never later than MAX_BACKOFF_S."""
MAX_BACKOFF_S = 15.0
"""A dying node attracts new actors for 15 s (measured), so a lost worker is made again ever more slowly up to that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What to do with a shard that lost its worker."""

    action: Literal["retry", "split", "quarantine"]
    attempts: int


class ShardQueue:
    """The shards that nobody works on, and how often each was lost."""

    def __init__(self, shards: Iterable[Shard], *, workers: int = 1) -> None:
        """`workers` share the queue; it is only asked when a long document is at the end, see `_outlasts_the_rest`."""
        self._workers = workers
        self._heap = [(-shard.size_bytes, shard.shard_id, shard) for shard in shards]
        heapq.heapify(self._heap)
        self._waiting_bytes = sum(-negative_bytes for negative_bytes, _, _ in self._heap)
        self._attempts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, shard: Shard) -> None:
        self._waiting_bytes += shard.size_bytes
        heapq.heappush(self._heap, (-shard.size_bytes, shard.shard_id, shard))

    def is_suspect(self, shard: Shard) -> bool:
        """True once the shard was lost with a worker: it is then read alone."""
        return self._attempts[shard.shard_id] > 0

    def take(self, *, in_work: Iterable[Shard]) -> Shard | None:
        """The next shard for a worker that already works on `in_work`; None when nothing fits beside those."""
        neighbours = tuple(in_work)
        if len(neighbours) >= SHARDS_PER_WORKER or any(self.is_suspect(shard) for shard in neighbours):
            return None
        if any(self._outlasts_the_rest(shard) for shard in neighbours):
            return None
        held = []
        chosen = None
        while self._heap and chosen is None:
            entry = heapq.heappop(self._heap)
            if neighbours and self.is_suspect(entry[2]):
                held.append(entry)
            else:
                chosen = entry[2]
                self._waiting_bytes += entry[0]
        for entry in held:
            heapq.heappush(self._heap, entry)
        return chosen

    def _outlasts_the_rest(self, shard: Shard) -> bool:
        """A document so long that the other workers would be done before it: beside a neighbour it takes twice its time, and
        the whole build waits for it. (One worker is never waited for.)"""
        twice_bytes = SHARDS_PER_WORKER * shard.size_bytes
        return self._workers > 1 and len(shard.documents) == 1 and twice_bytes * self._workers > self._waiting_bytes

    def lost(self, shard: Shard) -> Verdict:
        """The worker was lost while it held this shard. On "retry" the shard is back in the queue."""
        self._attempts[shard.shard_id] += 1
        attempts = self._attempts[shard.shard_id]
        if attempts < MAX_ATTEMPTS:
            self.add(shard)
            return Verdict(action="retry", attempts=attempts)
        action: Literal["split", "quarantine"] = "split" if len(shard.documents) > 1 else "quarantine"
        return Verdict(action=action, attempts=attempts)
