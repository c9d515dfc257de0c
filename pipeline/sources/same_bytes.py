"""The same bytes under several names become one document with aliases, so that they are read once.

Asks ever dearer questions, and each only of documents that were equal so far: size (free), the last 4 KB (one range read), the
sha256 of all bytes. A PDF's end holds its cross-reference offset and often its id, so two different documents of one size
hardly ever get to the third. Holds the documents as columns.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import DocumentMissing
from pipeline.interfaces import Source
from pipeline.parallel import map_in_order
from pipeline.records import DocumentRef
from pipeline.tables.document_refs import gather, refs_at, refs_of

TAIL_BYTES = 4096
NUM_TAIL_READERS = 32
"""A range read from a bucket takes 20 ms or more, and waits for nothing here."""
NUM_WHOLE_READERS = 4
"""Each holds a whole document."""
MISSING = "missing"
Rows = npt.NDArray[np.int64]
NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NOTHING = bytes(32)
"""The digest of a document that cannot be read."""


def merge_same_bytes(documents: Iterable[DocumentRef], source: Source) -> Iterator[DocumentRef]:
    """The documents in their order, those with equal bytes merged into the one with the smallest uri, the other uris its
    `aliases`. Empty, missing and unreadable documents are left alone. Raises StoreError."""
    listed = gather(documents)
    by_size, size_groups = _of_one_size(listed)
    is_hashed = np.isin(size_groups, size_groups[_flags(pc.is_valid(listed.column("sha256")))[by_size]])
    same_tail = _equal(
        listed,
        by_size[~is_hashed],
        size_groups[~is_hashed],
        lambda document: hashlib.sha256(source.read_tail(document, TAIL_BYTES)).digest(),
        NUM_TAIL_READERS,
    )
    rows, groups = (np.concatenate(pair) for pair in zip((by_size[is_hashed], size_groups[is_hashed]), same_tail, strict=True))
    merged = _merged(listed, *_equal(listed, rows, groups, lambda document: _sha256_of(document, source), NUM_WHOLE_READERS))
    for row, document in enumerate(refs_of(listed)):
        if row not in merged:
            yield document
        elif (aliases := merged[row]) is not None:
            yield replace(document, aliases=aliases)


def _of_one_size(listed: pa.Table) -> tuple[Rows, Rows]:
    """The rows that share their size with another, and that size as the number of their group."""
    sizes: Rows = listed.column("size_bytes").to_numpy()
    asked = np.flatnonzero((sizes > 0) & _flags(pc.not_equal(listed.column("version"), MISSING)))
    _, inverse, counts = np.unique(sizes[asked], return_inverse=True, return_counts=True)
    rows = asked[counts[inverse] > 1]
    return rows, sizes[rows]


def _equal(
    listed: pa.Table, rows: Rows, groups: Rows, question: Callable[[DocumentRef], bytes], num_readers: int
) -> tuple[Rows, Rows]:
    """Those of the rows whose answer, 32 bytes, is that of another row of their group, and the number of the group that they
    form; a document that cannot be read leaves its group."""
    if not len(rows):
        return NO_ROWS, NO_ROWS
    answers = bytearray()
    documents = refs_at(listed, rows.tolist())
    for answer in map_in_order(lambda document: _answer(question, document), documents, num_threads=num_readers):
        answers += answer
    pairs = np.empty(len(rows), dtype=[("group", np.int64), ("answer", np.void, 32)])
    pairs["group"] = groups
    pairs["answer"] = np.frombuffer(answers, dtype=np.dtype((np.void, 32)))
    _, inverse, counts = np.unique(pairs.view(np.dtype((np.void, pairs.itemsize))), return_inverse=True, return_counts=True)
    are_equal = (counts[inverse] > 1) & (pairs["answer"] != np.void(NOTHING))
    return rows[are_equal], inverse[are_equal]


def _merged(listed: pa.Table, rows: Rows, groups: Rows) -> Mapping[int, tuple[str, ...] | None]:
    """The other names by the row that stands for a group; None by a row that another stands for."""
    members: dict[int, dict[int, DocumentRef]] = {}
    for row, group, document in zip(rows.tolist(), groups.tolist(), refs_at(listed, rows.tolist()), strict=True):
        members.setdefault(group, {})[row] = document
    found: dict[int, tuple[str, ...] | None] = {}
    for documents in members.values():
        canonical = min(documents, key=lambda row: documents[row].uri)
        names = {name for document in documents.values() for name in (document.uri, *document.aliases)}
        found |= dict.fromkeys(documents)
        found[canonical] = tuple(sorted(names - {documents[canonical].uri}))
    return found


def _sha256_of(document: DocumentRef, source: Source) -> bytes:
    return bytes.fromhex(document.sha256) if document.sha256 else hashlib.sha256(source.read(document)).digest()


def _answer(question: Callable[[DocumentRef], bytes], document: DocumentRef) -> bytes:
    """NOTHING for a document that cannot be read: it equals nothing, and reading will report it."""
    try:
        return question(document)
    except DocumentMissing:
        return NOTHING


def _flags(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = column.to_numpy()
    return flags
