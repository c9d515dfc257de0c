"""Which document each name of an input holds, and what a new listing changes about it.

In: what earlier plans and tables of changes say of names, in the order of their builds. Out: the last word on each name, and,
with a listing beside it, the names that have gone, come back or become another name of a document that is known. A document
stands here as its key (uri, size, version), a name as its hash. Holds 32 bytes a name, and three times that while it
compares.

    listed under the name      held by the name so far      means
    a document to be read      nothing                      new; the plan says it
    a document to be read      another                      changed; the plan says it
    one that is planned        another, or nothing          returned, or renamed when the name is an alias
    nothing                    any                          removed
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds.changes import ListingCounts, NameChange
from pipeline.builds.listing import KEY, Listing, Rows, name_key, name_keys
from pipeline.tables.document_refs import refs_at

NOTHING = bytes(16)
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldNames:
    """Names that hold a document."""

    names: pa.Array
    """KEY, each once."""
    keys: pa.Array
    """KEY of the document that each holds."""


class NameLog:
    """What is said of names, one statement after another: the last one counts."""

    def __init__(self) -> None:
        self._names = bytearray()
        self._keys = bytearray()

    def holds(self, uri: str, key: bytes) -> None:
        self._names += name_key(uri)
        self._keys += key

    def removed(self, uri: str) -> None:
        self.holds(uri, NOTHING)

    def held(self) -> HeldNames:
        """By the hash of the name."""
        names = np.frombuffer(self._names, dtype="V16")
        keys = np.frombuffer(self._keys, dtype="V16")
        _, from_the_end = np.unique(names[::-1], return_index=True)
        last: Places = len(names) - 1 - from_the_end
        last = last[keys[last] != np.void(NOTHING)]
        return HeldNames(names=_array_of(names[last]), keys=_array_of(keys[last]))


@dataclass(frozen=True, kw_only=True, slots=True)
class NameDifferences:
    """A listing against the names that were held before."""

    listing: Listing
    returned: Places
    """Rows of the listing."""
    renamed: tuple[tuple[str, int], ...]
    """A name, and the row of the document that it has become an alias of."""
    removed: HeldNames
    counts: ListingCounts

    def changes(self) -> Iterator[NameChange]:
        """Those that the listing itself can name; the removed ones are for whoever can find their names."""
        for document in refs_at(self.listing.documents, self.returned.tolist()):
            yield NameChange(
                uri=document.uri,
                change="returned",
                size_bytes=document.size_bytes,
                version=document.version,
                of_uri=document.uri,
            )
        documents = refs_at(self.listing.documents, [row for _, row in self.renamed])
        for (uri, _), document in zip(self.renamed, documents, strict=True):
            yield NameChange(
                uri=uri, change="renamed", size_bytes=document.size_bytes, version=document.version, of_uri=document.uri
            )


def compare_names(listing: Listing, held: HeldNames, *, is_planned: Rows, is_retried: Rows) -> NameDifferences:
    """What the listing changes. `is_planned`: documents that are to be read, and `is_retried` those of them that were planned
    before; one flag for each document of the listing."""
    documents = listing.documents
    aliases = documents.column("aliases").combine_chunks()
    alias_texts, alias_rows = pc.list_flatten(aliases), pc.list_parent_indices(aliases).to_numpy()
    names = name_keys(text for batch in documents.select(["uri"]).to_batches() for text in batch.column(0).to_pylist())
    alias_names = name_keys(text.as_py() for text in alias_texts)
    was_there, is_same = _held_so_far(names, listing.keys, held)
    _, alias_is_same = _held_so_far(alias_names, listing.keys.take(pa.array(alias_rows)), held)
    renamed = np.flatnonzero(~alias_is_same & ~is_planned[alias_rows])
    is_first_time = is_planned & ~is_retried
    returned = np.flatnonzero(~is_planned & ~is_same)
    is_gone = ~(_is_in(held.names, names) | _is_in(held.names, alias_names))
    removed = HeldNames(names=held.names.filter(pa.array(is_gone)), keys=held.keys.filter(pa.array(is_gone)))
    return NameDifferences(
        listing=listing,
        returned=returned,
        renamed=tuple((alias_texts[place].as_py(), int(alias_rows[place])) for place in renamed.tolist()),
        removed=removed,
        counts=ListingCounts(
            num_listed=len(listing.keys),
            num_new=int((is_first_time & ~was_there).sum()),
            num_changed=int((is_first_time & was_there).sum()),
            num_retried=int(is_retried.sum()),
            num_removed=len(removed.names),
            num_returned=len(returned),
            num_renamed=len(renamed),
            num_held=len(held.names),
        ),
    )


def _held_so_far(names: pa.Array, keys: pa.Array, held: HeldNames) -> tuple[Rows, Rows]:
    """For each name: it held a document, and this very one."""
    places = pc.index_in(names, value_set=held.names)
    return _flags(pc.is_valid(places)), _flags(pc.fill_null(pc.equal(held.keys.take(places), keys), False))


def _is_in(names: pa.Array, others: pa.Array) -> Rows:
    return _flags(pc.is_in(names, value_set=others))


def _flags(array: pa.Array) -> Rows:
    flags: Rows = array.to_numpy(zero_copy_only=False)
    return flags


def _array_of(values: npt.NDArray[np.void]) -> pa.Array:
    return pa.Array.from_buffers(KEY, len(values), [None, pa.py_buffer(values.tobytes())])
