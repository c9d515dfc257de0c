"""Documents whose text another document has. In: the evidence, and which documents may be published. Out: Duplicates.

Only equal texts are found here. The earlier build wins; in one build the document with fewer lost pages, then more characters,
then the smaller id.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.publishing.evidence import Evidence

KEPT, EXACT, NEAR, CONTAINED = range(4)
KIND_NAMES = ("kept", "exact", "near", "contained")


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """Over all documents of the evidence, in its order."""

    canonical: npt.NDArray[np.int64]
    """The document that stands for this one: itself when it is kept, or takes no part."""
    kind: npt.NDArray[np.int8]
    similarity: npt.NDArray[np.float32]
    cluster: npt.NDArray[np.int64]
    cluster_size: npt.NDArray[np.int32]


def priority_of(evidence: Evidence) -> npt.NDArray[np.int64]:
    """Which of two documents stays: the one with the lower number. A pure function of the documents and the builds' order."""
    build_ids = [source.build_id for source in evidence.sources]
    ordinals = {build_id: place for place, build_id in enumerate(dict.fromkeys(build_ids))}
    keys = {
        "build": np.array([ordinals[build_id] for build_id in build_ids], dtype=np.int64)[evidence.source],
        "lost_pages": evidence.lost_pages,
        "fewer_chars": -evidence.num_chars,
        "id": evidence.doc_id.cast(pa.binary()),
        "place": np.arange(len(evidence)),
    }
    order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys]).to_numpy()
    priority = np.empty(len(evidence), dtype=np.int64)
    priority[order] = np.arange(len(evidence))
    return priority


def equal_texts(evidence: Evidence, admitted: npt.NDArray[np.bool_], priority: npt.NDArray[np.int64]) -> Duplicates:
    """Of the admitted documents of one text the one with the lowest priority is kept."""
    num_documents = len(evidence)
    canonical = np.arange(num_documents)
    cluster_size = np.ones(num_documents, dtype=np.int32)
    takes_part = np.flatnonzero(admitted)
    text = evidence.text_hash.take(pa.array(takes_part)).dictionary_encode().indices.to_numpy()
    order = np.lexsort((priority[takes_part], text))
    _, firsts, group, counts = np.unique(text[order], return_index=True, return_inverse=True, return_counts=True)
    canonical[takes_part[order]] = takes_part[order][firsts][group]
    cluster_size[takes_part[order]] = counts[group]
    kind = np.where(canonical == np.arange(num_documents), KEPT, EXACT).astype(np.int8)
    return Duplicates(
        canonical=canonical,
        kind=kind,
        similarity=np.ones(num_documents, dtype=np.float32),
        cluster=canonical.copy(),
        cluster_size=cluster_size,
    )
