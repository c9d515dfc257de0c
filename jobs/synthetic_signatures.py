"""A million documents that exist as signatures only, some of them second readings of others. The same numbers every time.

In: how many. Out: which document is made from which; SignedBuilds, whose files are put in a store. Every number is a hash of
where it stands, so any file can be made alone. In a hundred documents
* 4 are another reading of an earlier one. A reading keeps each minhash value of the true text with probability sqrt(.77), so
  two readings of a text have an expected Jaccard of .77, as with 1 % of characters wrong in each (filters_and_schemas.md C2);
* half a one has an earlier one's text, and half a one consists of the first half of an earlier one's pages.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.config.build import MINHASH_VALUES
from pipeline.dedup.signatures import SIGNATURE_FIELDS, mix
from pipeline.dedup.signed import SignedBuild, SignedFile
from pipeline.interfaces import ObjectStore
from pipeline.tables.parquet import encode

NEW, READ_AGAIN, COPIED, EXCERPT = range(4)
FILE_DOCUMENTS = 500
MAX_PAGES = 12
PAGE_LETTERS = 2_400
JACCARD = 0.77
FATE, ORIGIN, TRUE_VALUE, NOISE, MISREAD, PAGE, NUM_PAGES, TEXT = range(1, 9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Planted:
    """N documents."""

    fate_N: npt.NDArray[np.int8]
    origin_N: npt.NDArray[np.int64]
    """The document that it was made from, which is NEW; itself when it is new."""


def plant(num_documents: int) -> Planted:
    """What each document is."""
    numbers = np.arange(num_documents)
    chance = _uniform(FATE, numbers)
    fate = np.select([chance < 0.04, chance < 0.045, chance < 0.05], [READ_AGAIN, COPIED, EXCERPT], NEW)
    origin = (_uniform(ORIGIN, numbers) * numbers).astype(np.int64)
    is_planted = (fate != NEW) & (fate[origin] == NEW) & (origin < numbers)
    return Planted(fate_N=np.where(is_planted, fate, NEW).astype(np.int8), origin_N=np.where(is_planted, origin, numbers))


def put_signed(store: ObjectStore, planted: Planted, *, name: str = "1") -> SignedBuild:
    """Puts the signatures of all documents, as files of FILE_DOCUMENTS."""
    files = []
    for first in range(0, len(planted.fate_N), FILE_DOCUMENTS):
        numbers = np.arange(first, min(first + FILE_DOCUMENTS, len(planted.fate_N)))
        key = f"signed/build={name}/{first // FILE_DOCUMENTS:06d}.parquet"
        store.put(key, encode(signature_table(planted, numbers), {}))
        files.append(SignedFile(key=key, num_documents=len(numbers)))
    return SignedBuild(files=tuple(files), index_prefix=f"index/build={name}/")


def signature_table(planted: Planted, numbers: npt.NDArray[np.int64]) -> pa.Table:
    """Signatures of these documents."""
    texts = np.where(planted.fate_N[numbers] == COPIED, planted.origin_N[numbers], numbers)
    text_hashes = np.stack([_seeded(TEXT, texts), _seeded(TEXT, ~texts)], axis=1)
    hashes, num_pages = _pages(planted, texts)
    letters = np.full(len(hashes), PAGE_LETTERS, np.int32)
    ends = np.concatenate([[0], np.cumsum(num_pages)]).astype(np.int32)
    columns = [
        _binary(text_hashes, 16),
        _binary(_minhashes(planted, texts), 4 * MINHASH_VALUES),
        pa.ListArray.from_arrays(ends, hashes, type=SIGNATURE_FIELDS[2].type),
        pa.ListArray.from_arrays(ends, letters, type=SIGNATURE_FIELDS[3].type),
        pa.array((PAGE_LETTERS * num_pages).astype(np.int32)),
    ]
    return pa.table(columns, schema=pa.schema(SIGNATURE_FIELDS))


def _minhashes(planted: Planted, texts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    columns = np.arange(MINHASH_VALUES)
    truths = np.where(planted.fate_N[texts] == READ_AGAIN, planted.origin_N[texts], texts)
    true = _seeded(TRUE_VALUE, truths[:, None] * MINHASH_VALUES + columns)
    noise = _seeded(NOISE, texts[:, None] * MINHASH_VALUES + columns)
    is_read_well = _uniform(MISREAD, texts[:, None] * MINHASH_VALUES + columns) < np.sqrt(JACCARD)
    return (np.where(is_read_well, true, noise) >> np.uint64(32)).astype("<u4")


def _pages(planted: Planted, texts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hashes of all pages of these documents, and how many each has: an excerpt has up to all of its origin's first ones."""
    is_excerpt = planted.fate_N[texts] == EXCERPT
    volumes = np.where(is_excerpt, planted.origin_N[texts], texts)
    num_pages = num_pages_of(volumes)
    num_pages = np.where(is_excerpt, (num_pages + 1) // 2, num_pages)
    places = np.arange(MAX_PAGES)
    hashes = _seeded(PAGE, volumes[:, None] * MAX_PAGES + places)
    return hashes[places < num_pages[:, None]], num_pages


def num_pages_of(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pages of each document that is no excerpt, 1..MAX_PAGES."""
    return 1 + (_uniform(NUM_PAGES, numbers) * MAX_PAGES).astype(np.int64)


def _binary(rows: npt.NDArray[np.generic], size_bytes: int) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size_bytes), len(rows), [None, pa.py_buffer(rows.tobytes())])


def _seeded(purpose: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    return mix(numbers.astype(np.uint64) + np.uint64(purpose << 56))


def _uniform(purpose: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return (_seeded(purpose, numbers) >> np.uint64(11)) / float(1 << 53)
