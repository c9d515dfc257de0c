"""How much two documents have in common: the minhashes of some pairs compared, by one task.

In: an EstimateTask, which names the chunks' minhash objects and pairs of documents. Out: for each pair how many of the
MINHASH_VALUES are equal. Reads the rows that it needs by range, neighbours within GAP_ROWS together; holds PAIRS_PER_TASK
pairs with their rows, 50 MB.

Array legend: R pairs, D distinct documents of them, M minhash values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.config.build import MINHASH_VALUES
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order

PAIRS_PER_TASK = 16_384
GAP_ROWS = 32
"""16 kB that nobody needs cost less than another request."""
REQUEST_ROWS = 1024
READERS = 8
ROW_BYTES = 4 * MINHASH_VALUES


@dataclass(frozen=True, kw_only=True, slots=True)
class MinhashObject:
    """The minhashes of consecutive documents, ROW_BYTES each."""

    key: str
    first_document: int
    num_documents: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EstimateTask:
    """Pairs to compare."""

    store: ObjectStore
    objects: tuple[MinhashObject, ...]
    """In dataset order."""
    left_R: npt.NDArray[np.int64]
    right_R: npt.NDArray[np.int64]
    """Numbers in the dataset."""


def count_equal(task: EstimateTask) -> npt.NDArray[np.uint8]:
    """Equal minhash values of each pair, 0..128. (R,) Raises VerifyError when an object is cut short."""
    documents_D, places = np.unique(np.concatenate([task.left_R, task.right_R]), return_inverse=True)
    rows_DM = np.concatenate(list(_rows(task.store, task.objects, documents_D)))
    left, right = places[: len(task.left_R)], places[len(task.left_R) :]
    num_equal_R: npt.NDArray[np.uint8] = np.sum(rows_DM[left] == rows_DM[right], axis=1, dtype=np.uint8)
    return num_equal_R


def _rows(
    store: ObjectStore, objects: Sequence[MinhashObject], documents_D: npt.NDArray[np.int64]
) -> Iterator[npt.NDArray[np.uint32]]:
    """The rows of `documents_D`, ascending, in pieces."""
    requests: list[tuple[MinhashObject, npt.NDArray[np.int64]]] = []
    firsts = [each.first_document for each in objects]
    edges = [*np.searchsorted(documents_D, firsts).tolist(), len(documents_D)]
    for each, (first, last) in zip(objects, pairwise(edges), strict=True):
        requests += [(each, rows) for rows in _requests(documents_D[first:last] - each.first_document)]
    return map_in_order(partial(_read, store), requests, num_threads=READERS)


def _requests(rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Ascending rows of one object, cut where a gap is wide or a request would be long."""
    if not len(rows):
        return
    is_cut = (np.diff(rows) > GAP_ROWS) | (np.diff(rows // REQUEST_ROWS) > 0)
    yield from np.split(rows, np.flatnonzero(is_cut) + 1)


def _read(store: ObjectStore, request: tuple[MinhashObject, npt.NDArray[np.int64]]) -> npt.NDArray[np.uint32]:
    each, rows = request
    first, num_rows = int(rows[0]), int(rows[-1] - rows[0]) + 1
    data = store.get_range(each.key, first * ROW_BYTES, num_rows * ROW_BYTES)
    if len(data) != num_rows * ROW_BYTES:
        raise VerifyError(
            f"{each.key} in {store.uri} should hold the minhashes of {each.num_documents} documents and ends before row "
            f"{first + num_rows}: it is cut short; delete it and publish again"
        )
    return np.frombuffer(data, "<u4").reshape(num_rows, MINHASH_VALUES)[rows - first]
