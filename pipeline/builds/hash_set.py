"""Which hashes are in a set, at 16 bytes each: keys of planned documents, ids of documents that have been read.

In: hashes as hex texts. Out: whether one is among them. Only the first 32 digits count: that two of 10^9 documents share
them has a chance of 10^-21. Two sorted columns of numbers, held twice while they are sorted; pickled out of band, so that the
processes of a node that share it through an object store map it and hold no copy. Asking takes 2 microseconds in a million.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator

import numpy as np
import numpy.typing as npt


class HashSet(Collection[str]):
    """Built once, then asked."""

    def __init__(self, hashes: Iterable[str]) -> None:
        heads, tails = array("Q"), array("Q")
        for digits in hashes:
            heads.append(int(digits[:16], 16))
            tails.append(int(digits[16:32], 16))
        order = np.lexsort((np.frombuffer(tails, dtype=np.uint64), np.frombuffer(heads, dtype=np.uint64)))
        self._heads: npt.NDArray[np.uint64] = np.frombuffer(heads, dtype=np.uint64)[order]
        self._tails: npt.NDArray[np.uint64] = np.frombuffer(tails, dtype=np.uint64)[order]

    def __contains__(self, digits: object) -> bool:
        if not isinstance(digits, str):
            return False
        head, tail = int(digits[:16], 16), int(digits[16:32], 16)
        place = bisect_left(self._heads.data, head)
        while place < len(self._heads) and self._heads[place] == head:
            if self._tails[place] == tail:
                return True
            place += 1
        return False

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[str]:
        """The first 32 digits of each, ascending."""
        return (f"{head:016x}{tail:016x}" for head, tail in zip(self._heads.tolist(), self._tails.tolist(), strict=True))
