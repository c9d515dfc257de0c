"""Sorted records in an object, read by ranges of their key: what the index of duplicates is made of.

In: records with a 64-bit hash as `key`. Out: one object: SLICE_MAGIC, the place where each of NUM_RANGES equal ranges of the
key begins, and the records in the order of (key, row). A reader takes the ranges it wants with two requests, so how many
partitions a search has is free to grow with the dataset and no old slice is ever written again. The records are hashes, which
no compression makes smaller, and they are read as they lie. The same records make the same bytes.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore

Records = npt.NDArray[np.void]

NUM_RANGES = 1024
RANGE_BITS = 64 - 10
SLICE_MAGIC = b"PMSLICE1"
DIRECTORY_BYTES = 8 * (NUM_RANGES + 1)
HEADER_BYTES = len(SLICE_MAGIC) + DIRECTORY_BYTES

RECORDS: Mapping[str, np.dtype[np.void]] = {
    "texts": np.dtype([("key", "<u8"), ("row", "<u4"), ("rest", "<u8")]),
    "bands": np.dtype([("key", "<u8"), ("row", "<u4")]),
    "pages": np.dtype([("key", "<u8"), ("row", "<u4"), ("letters", "<u4"), ("document_letters", "<u4")]),
}
"""`row` is the document's number in its build. Of a text, `key` and `rest` are the halves of its hash; `letters` are those of
all pages of the document with this hash."""


def encode_slice(records: Records) -> bytes:
    """One object. The records are sorted here."""
    records = records[np.lexsort((records["row"], records["key"]))]
    edges = np.arange(1, NUM_RANGES, dtype=np.uint64) << np.uint64(RANGE_BITS)
    begins = [0, *np.searchsorted(records["key"], edges).tolist(), len(records)]
    return SLICE_MAGIC + np.array(begins, "<i8").tobytes() + records.tobytes()


def read_slice(store: ObjectStore, key: str, record: np.dtype[np.void], ranges: range) -> Records:
    """The records of these ranges of the key, sorted. Raises VerifyError when the object is not a whole slice."""
    if ranges == range(NUM_RANGES):
        data = store.get(key)
        begins = _directory(store, key, data[:HEADER_BYTES])
        return _whole(store, key, record, data[HEADER_BYTES:], int(begins[-1]))
    begins = _directory(store, key, store.get_range(key, 0, HEADER_BYTES))
    begin, end = int(begins[ranges.start]), int(begins[ranges.stop])
    if begin == end:
        return np.empty(0, record)
    size = record.itemsize
    return _whole(store, key, record, store.get_range(key, HEADER_BYTES + begin * size, (end - begin) * size), end - begin)


def partitions(num_bytes: int, partition_bytes: int) -> Sequence[range]:
    """The ranges of the key cut into partitions of about `partition_bytes` of all slices, at least 1, at most NUM_RANGES."""
    num_partitions = min(NUM_RANGES, max(1, -(-num_bytes // partition_bytes)))
    edges = [NUM_RANGES * number // num_partitions for number in range(num_partitions + 1)]
    return [range(first, last) for first, last in pairwise(edges)]


def _directory(store: ObjectStore, key: str, header: bytes) -> npt.NDArray[np.int64]:
    if len(header) != HEADER_BYTES or not header.startswith(SLICE_MAGIC):
        raise VerifyError(f"{key} in {store.uri} is not a slice of the index of duplicates; delete it and publish again")
    return np.frombuffer(header[len(SLICE_MAGIC) :], "<i8")


def _whole(store: ObjectStore, key: str, record: np.dtype[np.void], data: bytes, num_records: int) -> Records:
    if len(data) != num_records * record.itemsize:
        raise VerifyError(
            f"{key} in {store.uri} should hold {num_records} records of {record.itemsize} bytes and gives {len(data)} bytes: "
            "it is cut short; delete it and publish again"
        )
    return np.frombuffer(data, record)
