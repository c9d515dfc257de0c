"""Documents most of which stands in one earlier document: the offprint of a volume, a chapter of a report. Pure.

In: entries of the groups of pages that are the same letter by letter. Out: Edges (later, earlier, fraction), where
`fraction` of *all* the later document's letters stand on pages that the earlier one has too. Jaccard similarity cannot see
this: ten pages of a thousand have .01 in common with it.

An earlier document can hold the fraction f of a document of T letters only when it has one of any of its pages that hold more
than (1 - f) T letters together. So candidates come from a document's rarest pages alone, and a page that a million documents
share is not even looked at, unless there is nothing else. Holds 32 bytes for each such page of each document.

Array legend: E entries, Q entries of documents that may be contained, R pairs, X pages of pairs.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.dedup.candidates import candidate_pairs, packed, positions, unpacked
from pipeline.dedup.resolve import CONTAINED, Edges
from pipeline.dedup.slices import Records

PAGES_AT_ONCE = 1_000_000


def contained_edges(entries: Records, fraction: float) -> Edges:
    """Every pair of at least this fraction; of groups larger than FIRST + LAST, the pairs that `candidates` looks at."""
    later_R, earlier_R = unpacked(candidate_pairs(entries, _rare_enough(entries, fraction)))
    similarity_R = _common_fractions(entries, later_R, earlier_R)
    holds = np.flatnonzero(similarity_R >= fraction)
    return Edges(
        later_R=later_R[holds],
        earlier_R=earlier_R[holds],
        kind_R=np.full(len(holds), CONTAINED, np.int8),
        similarity_R=similarity_R[holds].astype(np.float32),
    )


def _rare_enough(entries: Records, fraction: float) -> npt.NDArray[np.intp]:
    """Places of the pages of which whoever contains their document must have one."""
    _, places_E = positions(entries["group"])
    shared = np.flatnonzero(places_E > 0)
    # By document, its rarest pages first: rare among the documents before it, so that later ones change nothing.
    shared = shared[np.lexsort((entries["group"][shared], places_E[shared], entries["document"][shared]))]
    letters_Q = entries["letters"][shared]
    begins_Q, _ = positions(entries["document"][shared])
    before_Q = np.cumsum(letters_Q) - letters_Q
    shared_letters_Q = np.bincount(begins_Q, letters_Q, len(shared))[begins_Q]
    spare_Q = shared_letters_Q - fraction * entries["document_letters"][shared]
    # Letters are whole: half of one is room for the rounding of the fraction.
    return np.compress(before_Q - before_Q[begins_Q] <= spare_Q + 0.5, shared)


def _common_fractions(
    entries: Records, later_R: npt.NDArray[np.int64], earlier_R: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Of all letters of the later document, those on pages that the earlier one has too, 0..1. (R,)"""
    by_document = entries[np.lexsort((entries["group"], entries["document"]))]
    keys = packed(by_document["document"].astype(np.uint64), by_document["group"].astype(np.uint64))
    begins_R = np.searchsorted(by_document["document"], later_R)
    counts_R = np.searchsorted(by_document["document"], later_R, side="right") - begins_R
    fractions_R = np.empty(len(later_R))
    for some in _in_turns(counts_R):
        pairs_X = np.repeat(np.arange(some.stop - some.start), counts_R[some])
        places_X = np.arange(len(pairs_X)) + np.repeat(
            begins_R[some] - np.cumsum(counts_R[some]) + counts_R[some], counts_R[some]
        )
        wanted_X = packed(earlier_R[some].astype(np.uint64)[pairs_X], by_document["group"][places_X].astype(np.uint64))
        found_X = keys[np.minimum(np.searchsorted(keys, wanted_X), len(keys) - 1)] == wanted_X
        common = np.bincount(pairs_X, by_document["letters"][places_X] * found_X, some.stop - some.start)
        fractions_R[some] = common / by_document["document_letters"][begins_R[some]]
    return fractions_R


def _in_turns(counts_R: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Runs of pairs with about PAGES_AT_ONCE pages together."""
    turns_R = np.cumsum(counts_R) // PAGES_AT_ONCE
    edges = np.flatnonzero(np.diff(turns_R, prepend=-1, append=-1))
    yield from (slice(first, last) for first, last in pairwise(edges.tolist()))
