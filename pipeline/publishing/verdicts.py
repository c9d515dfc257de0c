"""What a version decides on every document of every build, and the table of it: no document is dropped without a row.

In: the evidence, which documents are live, and which are duplicates. Out: a Decision, and `verdicts.parquet` as bytes; back
from bytes, batch by batch. The order is dataset order. Costs some 50 bytes a document in the file, and nothing but one batch
of rows at a time as Python values.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.find import Duplicates
from pipeline.dedup.resolve import KEPT
from pipeline.publishing.duplicates import KIND_NAMES
from pipeline.publishing.evidence import Evidence, Reasons, names_of
from pipeline.publishing.live import Living
from pipeline.tables.parquet import decode_groups, open_writer
from pipeline.tables.schemas import STRINGS

VERDICTS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # sha256 of the document's bytes, hex
        pa.field("file_path", pa.string(), nullable=False),  # as planned; `documents` has the canonical one of its live names
        pa.field("build_id", pa.string(), nullable=False),
        pa.field("shard_id", pa.string(), nullable=False),
        pa.field("n_pages", pa.int32(), nullable=False),
        pa.field("kept_pages", pa.int32(), nullable=False),
        pa.field("reject", STRINGS, nullable=False),  # empty: published
        pa.field("cluster", pa.string(), nullable=False),  # id of the first document of its cluster, its own when alone
        pa.field("cluster_size", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # kept, exact, near, contained
        pa.field("canonical", pa.string(), nullable=False),  # id of the document that stands for it
        pa.field("similarity", pa.float32(), nullable=False),  # to that one, 0..1
        pa.field("benchmark_ngrams", pa.int32(), nullable=False),  # different 13-grams of benchmarks in its text
        pa.field("benchmarks", STRINGS, nullable=False),  # which benchmarks they are of
    ]
)
GROUP_ROWS = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Over all documents of the evidence, in its order."""

    evidence: Evidence
    living: Living
    duplicates: Duplicates
    reject: Reasons
    """Those of the rules, and `removed`, `superseded` or `duplicate_*`. The first combination is (): published."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One row of the table."""

    id: str
    file_path: str
    build_id: str
    shard_id: str
    n_pages: int
    kept_pages: int
    reject: tuple[str, ...]
    cluster: str
    cluster_size: int
    kind: str
    canonical: str
    similarity: float
    benchmark_ngrams: int
    benchmarks: tuple[str, ...]


def with_liveness(evidence: Evidence, living: Living) -> Reasons:
    """The reasons of the rules, and of documents that the corpus no longer holds. A known document stands for no rows of its
    own: its names live with those that it names."""
    is_gone = ~living.is_live & ~evidence.is_known
    return evidence.reject.adding("superseded", is_gone & living.is_superseded).adding(
        "removed", is_gone & ~living.is_superseded
    )


def decide(evidence: Evidence, living: Living, reject: Reasons, duplicates: Duplicates) -> Decision:
    """`reject` holds every reason but those of duplicates, which were looked for among what it keeps."""
    for kind, name in KIND_NAMES.items():
        if kind != KEPT:
            reject = reject.adding(f"duplicate_{name}", duplicates.kind == kind)
    return Decision(evidence=evidence, living=living, duplicates=duplicates, reject=reject)


def encode_verdicts(decision: Decision, judge_id: str) -> bytes:
    """verdicts.parquet."""
    sink = io.BytesIO()
    with open_writer(sink, VERDICTS_SCHEMA, {"pagemill.judge": judge_id}) as writer:
        for start in range(0, len(decision.evidence), GROUP_ROWS):
            documents = np.arange(start, min(start + GROUP_ROWS, len(decision.evidence)))
            writer.write_table(_rows(decision, documents), row_group_size=GROUP_ROWS)
    return sink.getvalue()


def decode_verdicts(data: bytes) -> Iterator[Verdict]:
    """Raises VerifyError."""
    return (verdict for group in decode_groups(data, VERDICTS_SCHEMA.names) for verdict in verdicts_of(group))


def verdicts_of(table: pa.Table) -> Iterator[Verdict]:
    """The rows of a table of VERDICTS_SCHEMA as records."""
    return map(verdict_of, table.to_pylist())


def verdict_of(row: Mapping[str, Any]) -> Verdict:
    """One row of it, all columns by name."""
    return Verdict(**{**row, "reject": tuple(row["reject"]), "benchmarks": tuple(row["benchmarks"])})


def _rows(decision: Decision, documents: npt.NDArray[np.int64]) -> pa.Table:
    evidence, duplicates = decision.evidence, decision.duplicates
    sources = [evidence.sources[ordinal] for ordinal in evidence.source[documents]]
    columns = [
        _hex(evidence.doc_id, documents),
        evidence.uri.take(pa.array(documents)).cast(pa.string()),
        pa.array([source.build_id for source in sources], pa.string()),
        pa.array([source.shard_id for source in sources], pa.string()),
        evidence.num_pages[documents],
        evidence.num_kept_pages[documents],
        pa.array([decision.reject[document] for document in documents], STRINGS),
        _hex(evidence.doc_id, duplicates.cluster[documents]),
        duplicates.cluster_size[documents],
        pa.array([KIND_NAMES[int(kind)] for kind in duplicates.kind[documents]], pa.string()),
        _hex(evidence.doc_id, duplicates.canonical[documents]),
        duplicates.similarity[documents],
        evidence.num_benchmark_ngrams[documents],
        pa.array([names_of(each) for each in evidence.benchmarks.take(pa.array(documents)).to_pylist()], STRINGS),
    ]
    return pa.table(columns, schema=VERDICTS_SCHEMA)


def _hex(ids: pa.Array, documents: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array([doc_id.hex() for doc_id in ids.take(pa.array(documents)).to_pylist()], pa.string())
