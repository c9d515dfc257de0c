"""Which documents of a dataset say what an earlier one says: `find_duplicates`.

In: where the signatures of all builds lie, which documents take part and which of two stays. Out: `Duplicates`, a verdict for
every document. A pure function of signatures, `admitted`, `priority` and the config: not of the number of workers, of how
documents are spread over files and builds, or of what part of the index was there before.

    1. index      what no earlier search has put is put: sorted slices of every build (`index`)
    2. texts      documents with one text: the first stands for all of them
    3. bands      documents that agree in a band are compared: near ones from `near_threshold` on (`groups`, `estimates`)
    4. pages      documents of which `contained_fraction` stands on pages of an earlier one (`containment`)
    5. resolve    who stays (`resolve`, where the rules are written down)

What equals what: texts, by letters, marks and numbers alone. Documents without any letter are nobody's duplicate. Below 8
letters only equal texts match. A letter repeated 8 times or 8,000 times has one shingle, so those are near each other, and to
nothing else. The similarity is to the kept document: 1 for an equal text, the share of equal minhash values for a near one, and
for a contained one the share of its letters that stand there.

Everything that is large is done in tasks through `spread`; the largest, which makes the index of 65,536 documents, takes 270
MB. This process holds about 60 bytes a document, 16 for each pair of documents that is compared (at most 32 pairs for each band
of a document, and next to none without duplicates), 100 for each page that two documents share, and one partition's groups: 85
MB for a million documents of which 5 % are duplicates; 21 s of CPU where the index has to be made and 4 s where it is there
(infra/benchmarks/dedup.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.config import DedupConfig
from pipeline.config.build import MINHASH_VALUES
from pipeline.dedup.candidates import MAX_DOCUMENTS, PairSet, candidate_pairs, positions, unpacked
from pipeline.dedup.containment import contained_edges
from pipeline.dedup.estimates import PAIRS_PER_TASK, EstimateTask, MinhashObject, count_equal
from pipeline.dedup.groups import ENTRY, PARTITION_BYTES, GroupTask, among, find_groups
from pipeline.dedup.index import Chunk, Kind, chunks_of, write_index
from pipeline.dedup.resolve import NEAR, Edges, Verdicts, resolve
from pipeline.dedup.signed import SignedBuild
from pipeline.dedup.slices import RECORDS, Records, partitions
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """A verdict for each of N documents, in dataset order."""

    canonical: npt.NDArray[np.int64]
    """The kept document that this one is a duplicate of; itself when it is kept, or takes no part."""
    kind: npt.NDArray[np.int8]
    """KEPT, EXACT, NEAR or CONTAINED (`resolve`)."""
    similarity: npt.NDArray[np.float32]
    """To the canonical document, 0..1."""
    cluster_size: npt.NDArray[np.int32]
    """Documents with the same canonical one, that one included; 1 for a document that takes no part."""

    @property
    def cluster(self) -> npt.NDArray[np.int64]:
        """Clusters are stars: a kept document and its duplicates, known by the kept one's number."""
        return self.canonical


@dataclass(frozen=True, kw_only=True, slots=True)
class _Index:
    """What a search reads."""

    store: ObjectStore
    chunks: Sequence[Chunk]
    sizes_bytes: Mapping[str, int]
    spread: Spread

    def groups(self, kind: Kind, ranks_N: npt.NDArray[np.int64]) -> Iterator[Records]:
        """ENTRYs of those who have a rank, one partition after another."""
        slices = tuple((chunk.key(kind), chunk.build_document) for chunk in self.chunks)
        cuts = partitions(sum(self.sizes_bytes[key] for key, _ in slices), PARTITION_BYTES) if slices else ()
        tasks = (GroupTask(store=self.store, record=RECORDS[kind], slices=slices, ranges=ranges) for ranges in cuts)
        for entries in self.spread(find_groups, tasks):
            yield among(entries, ranks_N)


def find_duplicates(
    builds: Sequence[SignedBuild],
    *,
    store: ObjectStore,
    admitted: npt.NDArray[np.bool_],
    priority: npt.NDArray[np.int64],
    config: DedupConfig,
    spread: Spread,
) -> Duplicates:
    """`builds` in dataset order; `admitted` (N,) says which of their documents take part, and of two that match the one with
    the lower `priority` (N,) is kept, the earlier one of equals. Puts what the index lacks of any build under its
    `index_prefix`. Raises VerifyError when signatures or index are not what they should be, ValueError when the arrays have
    another length than the builds have documents."""
    _check(builds, admitted, priority)
    chunks = chunks_of(builds, config)
    sizes = write_index(builds, chunks, store=store, config=config, spread=spread)
    index = _Index(store=store, chunks=chunks, sizes_bytes=sizes, spread=spread)
    order_K = np.lexsort((np.flatnonzero(admitted), priority[admitted]))
    documents_K = np.flatnonzero(admitted)[order_K]
    ranks_N = np.full(len(admitted), -1, np.int64)
    ranks_N[documents_K] = np.arange(len(documents_K))
    first_of_text_K = _first_of_text(index, ranks_N, len(documents_K))
    ranks_N[documents_K[first_of_text_K != np.arange(len(documents_K))]] = -1
    edges = [
        *_near(index, ranks_N, documents_K, config.near_threshold),
        *_contained(index, ranks_N, config.contained_fraction),
    ]
    return _of_documents(len(admitted), documents_K, resolve(first_of_text_K, edges))


def _check(builds: Sequence[SignedBuild], admitted: npt.NDArray[np.bool_], priority: npt.NDArray[np.int64]) -> None:
    num_documents = sum(build.num_documents for build in builds)
    if not len(admitted) == len(priority) == num_documents:
        raise ValueError(f"{len(admitted)} admitted, {len(priority)} priorities, but the builds have {num_documents} documents")
    if num_documents >= MAX_DOCUMENTS:
        raise ValueError(f"{num_documents} documents, but pairs of them are kept in 64 bits: at most {MAX_DOCUMENTS - 1}")


def _first_of_text(index: _Index, ranks_N: npt.NDArray[np.int64], num_ranks: int) -> npt.NDArray[np.int64]:
    first_K = np.arange(num_ranks)
    for entries in index.groups(Kind.TEXTS, ranks_N):
        begins_E, _ = positions(entries["group"])
        first_K[entries["document"]] = entries["document"][begins_E]
    return first_K


def _near(
    index: _Index, ranks_N: npt.NDArray[np.int64], documents_K: npt.NDArray[np.int64], threshold: float | None
) -> Iterator[Edges]:
    if threshold is None:
        return
    pairs = PairSet()
    for entries in index.groups(Kind.BANDS, ranks_N):
        pairs.add(candidate_pairs(entries, np.arange(len(entries))))
    later_R, earlier_R = unpacked(pairs.merged())
    objects = tuple(
        MinhashObject(
            key=chunk.key(Kind.MINHASH),
            first_document=chunk.build_document + chunk.first_row,
            num_documents=chunk.num_documents,
        )
        for chunk in index.chunks
    )
    turns = [slice(first, first + PAIRS_PER_TASK) for first in range(0, len(later_R), PAIRS_PER_TASK)]
    tasks = (
        EstimateTask(
            store=index.store, objects=objects, left_R=documents_K[later_R[some]], right_R=documents_K[earlier_R[some]]
        )
        for some in turns
    )
    for some, num_equal_R in zip(turns, index.spread(count_equal, tasks), strict=True):
        is_near = num_equal_R >= threshold * MINHASH_VALUES
        yield Edges(
            later_R=later_R[some][is_near],
            earlier_R=earlier_R[some][is_near],
            kind_R=np.full(int(is_near.sum()), NEAR, np.int8),
            similarity_R=(num_equal_R[is_near] / np.float32(MINHASH_VALUES)).astype(np.float32),
        )


def _contained(index: _Index, ranks_N: npt.NDArray[np.int64], fraction: float | None) -> Iterator[Edges]:
    if fraction is None:
        return
    parts = [np.empty(0, ENTRY)]
    num_groups = 0
    for entries in index.groups(Kind.PAGES, ranks_N):
        entries["group"] += num_groups
        num_groups = int(entries["group"][-1]) + 1 if len(entries) else num_groups
        parts.append(entries)
    yield contained_edges(np.concatenate(parts), fraction)


def _of_documents(num_documents: int, documents_K: npt.NDArray[np.int64], verdicts: Verdicts) -> Duplicates:
    canonical = np.arange(num_documents)
    kind = np.zeros(num_documents, np.int8)
    similarity = np.ones(num_documents, np.float32)
    canonical[documents_K] = documents_K[verdicts.canonical_K]
    kind[documents_K] = verdicts.kind_K
    similarity[documents_K] = verdicts.similarity_K
    return Duplicates(
        canonical=canonical,
        kind=kind,
        similarity=similarity,
        cluster_size=np.bincount(canonical, minlength=num_documents)[canonical].astype(np.int32),
    )
