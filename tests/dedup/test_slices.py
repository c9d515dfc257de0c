"""Slices and groups: any ranges of a slice are the records of those keys, and large groups cost a bounded number of pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.candidates import FIRST, LAST, candidate_pairs, unpacked
from pipeline.dedup.groups import ENTRY, GroupTask, among, find_groups
from pipeline.dedup.slices import NUM_RANGES, RECORDS, Records, encode_slice, partitions, read_slice
from pipeline.errors import VerifyError
from tests.builds.memory_store import MemoryStore

BANDS = RECORDS["bands"]
KEYS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**54 - 1, 2**54, 2**63, 2**64 - 1])


def _records(rows: list[tuple[int, int]]) -> Records:
    return np.array(rows, BANDS)


def _group(size: int) -> Records:
    entries = np.zeros(size, ENTRY)
    entries["document"] = np.arange(size)
    return entries


@settings(deadline=None)
@given(rows=st.lists(st.tuples(KEYS, st.integers(0, 2**32 - 1)), max_size=40), num_bytes=st.integers(0, 40_000))
def test_partitions_together_hold_every_record_once_and_in_order(rows: list[tuple[int, int]], num_bytes: int) -> None:
    store = MemoryStore()
    store.put("slice", encode_slice(_records(rows)))
    parts = [read_slice(store, "slice", BANDS, ranges) for ranges in partitions(num_bytes, 20)]
    assert [record for part in parts for record in part.tolist()] == sorted(rows)


@pytest.mark.parametrize(("num_bytes", "expected"), [(0, 1), (19, 1), (20, 1), (21, 2), (100, 5), (10**9, NUM_RANGES)])
def test_the_number_of_partitions_grows_with_the_index(num_bytes: int, expected: int) -> None:
    cuts = partitions(num_bytes, 20)
    assert len(cuts) == expected
    assert [place for cut in cuts for place in cut] == list(range(NUM_RANGES))


@pytest.mark.parametrize("ranges", [range(NUM_RANGES), range(5)])
def test_something_else_is_not_taken_for_a_slice(ranges: range) -> None:
    store = MemoryStore()
    store.put("slice", b"PAR1" * 5000)
    with pytest.raises(VerifyError, match="not a slice"):
        read_slice(store, "slice", BANDS, ranges)


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=12), min_size=1, max_size=3))
def test_groups_are_the_documents_of_one_key_with_company(slices: list[list[tuple[int, int]]]) -> None:
    store = MemoryStore()
    for number, rows in enumerate(slices):
        store.put(str(number), encode_slice(_records(sorted(set(rows)))))
    firsts = tuple((str(number), 100 * number) for number in range(len(slices)))
    entries = find_groups(GroupTask(store=store, record=BANDS, slices=firsts, ranges=range(NUM_RANGES)))
    documents: dict[int, list[int]] = {}
    for number, rows in enumerate(slices):
        for key, row in sorted(set(rows)):
            documents.setdefault(key, []).append(100 * number + row)
    found = [entries["document"][entries["group"] == group].tolist() for group in dict.fromkeys(entries["group"].tolist())]
    assert found == [numbers for _, numbers in sorted(documents.items()) if len(numbers) > 1]


def test_texts_with_half_a_hash_in_common_are_no_group() -> None:
    store = MemoryStore()
    store.put("texts", encode_slice(np.array([(5, 0, 1), (5, 1, 2), (5, 2, 1)], RECORDS["texts"])))
    task = GroupTask(store=store, record=RECORDS["texts"], slices=(("texts", 0),), ranges=range(NUM_RANGES))
    assert find_groups(task)["document"].tolist() == [0, 2]


def test_a_group_is_ordered_by_rank_and_left_when_one_is_alone() -> None:
    entries = np.zeros(5, ENTRY)
    entries["group"], entries["document"] = [0, 0, 0, 1, 1], [10, 11, 12, 10, 13]
    ranks = np.full(14, -1)
    ranks[[10, 12, 13]] = [4, 2, -1]
    left = among(entries, ranks)
    assert left["document"].tolist() == [2, 4]
    assert left["group"].tolist() == [0, 0]


@pytest.mark.parametrize("size", [2, 7, FIRST + LAST + 1])
def test_in_a_small_group_every_pair_is_looked_at(size: int) -> None:
    later, earlier = unpacked(candidate_pairs(_group(size), np.arange(size)))
    pairs = list(zip(later.tolist(), earlier.tolist(), strict=True))
    assert pairs == [(one, other) for one in range(size) for other in range(one)]


def test_in_a_large_group_a_document_meets_a_bounded_number_before_it_and_none_because_of_later_ones() -> None:
    later, earlier = unpacked(candidate_pairs(_group(500), np.arange(500)))
    assert np.bincount(later).max() == FIRST + LAST
    assert set(earlier[later == 400].tolist()) == {*range(FIRST), *range(400 - LAST, 400)}
    shorter_later, shorter_earlier = unpacked(candidate_pairs(_group(300), np.arange(300)))
    assert shorter_earlier.tolist() == earlier[later < 300].tolist()
    assert len(shorter_later) == np.count_nonzero(later < 300)
