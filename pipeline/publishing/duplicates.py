"""Documents that say what another one says. In: the evidence, and which documents may be published. Out: Duplicates.

The earlier build wins; in one build the document with fewer lost pages, then more characters, then the smaller id. The search
is `dedup.find`, which numbers documents file by file; where a shard was split, dataset order is another, and what goes in and
comes out is put in order here.
"""

from collections.abc import Mapping
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds import layout
from pipeline.config import DedupConfig
from pipeline.dedup.find import Duplicates, find_duplicates
from pipeline.dedup.resolve import CONTAINED, EXACT, KEPT, NEAR
from pipeline.dedup.signed import SignedBuild, SignedFile
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread
from pipeline.publishing.evidence import Evidence

KIND_NAMES: Mapping[int, str] = {KEPT: "kept", EXACT: "exact", NEAR: "near", CONTAINED: "contained"}


def duplicates_of(
    store: ObjectStore,
    evidence: Evidence,
    judge_id: str,
    *,
    admitted: npt.NDArray[np.bool_],
    first: npt.NDArray[np.bool_],
    config: DedupConfig,
    spread: Spread,
) -> Duplicates:
    """Among the admitted documents, of which those of `first` stay before all others; who is not admitted stands for itself.
    Puts what the index lacks of any build."""
    sizes = np.bincount(evidence.source, minlength=len(evidence.sources))
    place = np.concatenate([[0], np.cumsum(sizes)])[evidence.source] + evidence.row
    document = np.argsort(place)
    found = find_duplicates(
        _signed_builds(evidence, sizes.tolist(), judge_id),
        store=store,
        admitted=admitted[document],
        priority=(priority_of(evidence) - np.where(first, len(evidence), 0))[document],
        config=config,
        spread=spread,
    )
    return Duplicates(
        canonical=document[found.canonical][place],
        kind=found.kind[place],
        similarity=found.similarity[place],
        cluster_size=found.cluster_size[place],
    )


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


def _signed_builds(evidence: Evidence, sizes: list[int], judge_id: str) -> list[SignedBuild]:
    builds = groupby(zip(evidence.sources, sizes, strict=True), key=lambda pair: pair[0].build_id)
    return [
        SignedBuild(
            files=tuple(
                SignedFile(key=layout.judged_key(judge_id, build_id, source.shard_id), num_documents=size)
                for source, size in files
            ),
            index_prefix=layout.dedup_prefix(judge_id, build_id),
        )
        for build_id, files in builds
    ]
