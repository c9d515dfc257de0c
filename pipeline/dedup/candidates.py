"""Which pairs of a group to look at: all of a small one, a bounded number for each document of a large one. Pure.

In: entries of groups in the order of ranks. Out: pairs (later, earlier) of ranks, each as one number. In a group of k the pairs
are k^2 / 2, and a form that a million people filled in is one group; so a document is paired with the first FIRST of its group,
which are the ones most likely to be kept, and with the LAST before it, because copies often come from one place. Whom a
document is paired with depends on the documents before it only.

Array legend: E entries, R pairs.
"""

import numpy as np
import numpy.typing as npt

from pipeline.dedup.slices import Records

FIRST = 16
LAST = 16
Pairs = npt.NDArray[np.uint64]
"""later * 2^32 + earlier, both ranks."""
RANK_BITS = np.uint64(32)
MAX_DOCUMENTS = 1 << 32
MERGED_PAIRS = 1_000_000


def candidate_pairs(entries: Records, later: npt.NDArray[np.intp]) -> Pairs:
    """The pairs whose later document stands at one of the places `later`, each once, ascending. (R,)"""
    documents_E = entries["document"].astype(np.uint64)
    begins_E, places_E = positions(entries["group"])
    found = [np.empty(0, np.uint64)]
    for step in range(FIRST):
        later = later[places_E[later] > step]
        found.append(packed(documents_E[later], documents_E[begins_E[later] + step]))
    for step in range(1, LAST + 1):
        later = later[places_E[later] - step >= FIRST]
        found.append(packed(documents_E[later], documents_E[later - step]))
    return np.unique(np.concatenate(found))


def packed(highs: npt.NDArray[np.uint64], lows: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Two numbers below 2^32 as one: it sorts as the pair does."""
    return (highs << RANK_BITS) | lows


def positions(groups_E: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where the group of each entry begins, and the entry's place in it from 0. (E,), (E,)"""
    places = np.arange(len(groups_E))
    is_first = np.diff(groups_E, prepend=-1) != 0
    begins_E = np.maximum.accumulate(np.where(is_first, places, 0)) if len(places) else places
    return begins_E, places - begins_E


def unpacked(pairs: Pairs) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Later and earlier ranks. (R,), (R,)"""
    return (pairs >> RANK_BITS).astype(np.int64), (pairs & np.uint64(MAX_DOCUMENTS - 1)).astype(np.int64)


class PairSet:
    """Pairs from many partitions, each once: holds 8 bytes a pair, twice that while it merges."""

    def __init__(self) -> None:
        self._pairs: Pairs = np.empty(0, np.uint64)
        self._added: list[Pairs] = []
        self._num_added = 0

    def add(self, pairs: Pairs) -> None:
        self._added.append(pairs)
        self._num_added += len(pairs)
        if self._num_added > MERGED_PAIRS + len(self._pairs):
            self.merged()

    def merged(self) -> Pairs:
        """All of them, ascending. (R,)"""
        self._pairs = np.unique(np.concatenate([self._pairs, *self._added]))
        self._added, self._num_added = [], 0
        return self._pairs
