"""Estimates: the rows that are asked for and no others, in requests of a bounded size."""

import numpy as np
import pytest

from pipeline.dedup.estimates import GAP_ROWS, REQUEST_ROWS, ROW_BYTES, EstimateTask, MinhashObject, count_equal
from tests.builds.memory_store import MemoryStore


class CountingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.num_rows: list[int] = []

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.num_rows.append(length // ROW_BYTES)
        return super().get_range(key, start, length)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 3, (5000, 128), dtype=np.uint32)


def _count(store: MemoryStore, rows: np.ndarray, cuts: list[int], left: list[int], right: list[int]) -> list[int]:
    objects = []
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        store.put(str(number), rows[first:last].astype("<u4").tobytes())
        objects.append(MinhashObject(key=str(number), first_document=first, num_documents=last - first))
    return count_equal(
        EstimateTask(store=store, objects=tuple(objects), left_R=np.array(left), right_R=np.array(right))
    ).tolist()


def test_pairs_in_and_across_objects_are_compared(rows: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    left, right = rng.integers(0, 5000, 300).tolist(), rng.integers(0, 5000, 300).tolist()
    assert _count(MemoryStore(), rows, [7, 1000, 1001, 4000], left, right) == [
        int((rows[one] == rows[other]).sum()) for one, other in zip(left, right, strict=True)
    ]


def test_only_rows_that_are_needed_and_their_near_neighbours_are_read(rows: np.ndarray) -> None:
    store = CountingStore()
    _count(store, rows, [], [10, 10, 10], [10 + GAP_ROWS, 3000, 3000 + GAP_ROWS + 1])
    assert sorted(store.num_rows) == [1, 1, GAP_ROWS + 1]


def test_a_request_is_never_longer_than_its_bound(rows: np.ndarray) -> None:
    store = CountingStore()
    _count(store, rows, [], list(range(4999)), list(range(1, 5000)))
    assert max(store.num_rows) == REQUEST_ROWS
    assert sum(store.num_rows) == 5000
