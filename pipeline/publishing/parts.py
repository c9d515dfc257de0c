"""Which documents stand in which `documents` part, and what the part is made of. In: a Decision. Out: PartTasks, in order.

Parts are cut by the text of all opened documents in dataset order, rejected ones counted in: a removal or a new duplicate
changes the part it is in and no other, a new night adds to the end. A part's content id is a hash of everything that its bytes
turn on, so that one that the parent version holds is copied and not made. Knows no text.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.builds import layout
from pipeline.config import PublishConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.evidence import ShardSource
from pipeline.publishing.verdicts import Decision
from pipeline.tables.parquet import to_json

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionPart:
    """One committed file of a published version."""

    key: str
    size_bytes: int
    sha256: str
    num_rows: int
    content_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PartTask:
    """One part to make or to copy."""

    store: ObjectStore
    key: str
    content_id: str
    parent: VersionPart | None
    """The same content in the version before."""
    judge_id: str
    sources: Sequence[ShardSource]
    documents: pa.Table
    """Rows of the part in order: source (place in `sources`), row (among the judged ones), file_path, aliases, cluster_size."""
    footer: Mapping[str, str]
    row_group_bytes: int

    def __str__(self) -> str:
        return self.key


def part_tasks(
    store: ObjectStore,
    version_id: str,
    decision: Decision,
    parents: Mapping[str, VersionPart],
    config: PublishConfig,
    *,
    judge_id: str,
    footer: Mapping[str, str],
) -> Iterator[PartTask]:
    """`parents` are the parts of the version before, by content id. A stretch of documents of which none is published gives no
    part, but that there is always one, so that readers find a table."""
    is_kept = decision.reject.is_kept()
    stretches = cut(decision.evidence.num_bytes, config.part_bytes)
    filled = [
        (ordinal, kept)
        for ordinal, (start, stop) in enumerate(stretches)
        if len(kept := start + np.flatnonzero(is_kept[start:stop]))
    ]
    for ordinal, documents in filled or [(0, np.empty(0, dtype=np.int64))]:
        sources, rows = _part_rows(decision, documents)
        content_id = _content_id(decision, documents, sources, rows, [judge_id, config.row_group_bytes])
        yield PartTask(
            store=store,
            key=layout.documents_key(version_id, ordinal),
            content_id=content_id,
            parent=parents.get(content_id),
            judge_id=judge_id,
            sources=sources,
            documents=rows,
            footer={**footer, "pagemill.content_id": content_id},
            row_group_bytes=config.row_group_bytes,
        )


def cut(num_bytes: npt.NDArray[np.int64], part_bytes: int) -> list[tuple[int, int]]:
    """Stretches of documents, each but the last of at least `part_bytes`: a boundary turns only on what lies before it."""
    ends = np.cumsum(num_bytes)
    stretches: list[tuple[int, int]] = []
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = min(int(np.searchsorted(ends, before + part_bytes)) + 1, len(ends))
        stretches.append((start, stop))
        start = stop
    return stretches


def _part_rows(decision: Decision, documents: Places) -> tuple[list[ShardSource], pa.Table]:
    evidence = decision.evidence
    used, source = np.unique(evidence.source[documents], return_inverse=True)
    rows = {
        "source": source.astype(np.int32),
        "row": evidence.row[documents],
        "file_path": decision.living.file_paths(documents),
        "aliases": decision.living.aliases(documents),
        "cluster_size": decision.duplicates.cluster_size[documents],
    }
    return [evidence.sources[ordinal] for ordinal in used], pa.table(rows)


def _content_id(
    decision: Decision, documents: Places, sources: Sequence[ShardSource], rows: pa.Table, settings: Sequence[object]
) -> str:
    """Of the values, so that no library's encoding of them counts."""
    aliases = rows.column("aliases").to_pylist()
    values = [
        to_json([*settings, [source.pages_sha256 for source in sources]]),
        "".join(doc_id.hex() for doc_id in decision.evidence.doc_id.take(pa.array(documents)).to_pylist()),
        to_json(rows.column("source").to_pylist()),
        to_json(rows.column("file_path").to_pylist()),
        to_json([[place, names] for place, names in enumerate(aliases) if names]),
        to_json(rows.column("cluster_size").to_pylist()),
    ]
    digest = hashlib.sha256()
    for value in values:
        digest.update(hashlib.sha256(value.encode()).digest())
    return digest.hexdigest()[:32]
