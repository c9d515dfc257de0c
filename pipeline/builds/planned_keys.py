"""Which documents earlier builds have planned: a set of document keys at 16 bytes each.

In: keys as `plan.document_key` spells them, 32 hex digits. Out: whether a key is among them. Two
sorted columns of numbers, held twice while they are sorted.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator

import numpy as np


class PlannedKeys(Collection[str]):
    """Built once, then asked."""

    def __init__(self, keys: Iterable[str]) -> None:
        heads, tails = array("Q"), array("Q")
        for key in keys:
            heads.append(int(key[:16], 16))
            tails.append(int(key[16:], 16))
        order = np.lexsort((np.frombuffer(tails, dtype=np.uint64), np.frombuffer(heads, dtype=np.uint64)))
        self._heads = array("Q", np.frombuffer(heads, dtype=np.uint64)[order].tobytes())
        self._tails = array("Q", np.frombuffer(tails, dtype=np.uint64)[order].tobytes())

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        head, tail = int(key[:16], 16), int(key[16:], 16)
        place = bisect_left(self._heads, head)
        while place < len(self._heads) and self._heads[place] == head:
            if self._tails[place] == tail:
                return True
            place += 1
        return False

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[str]:
        return (f"{head:016x}{tail:016x}" for head, tail in zip(self._heads, self._tails, strict=True))
