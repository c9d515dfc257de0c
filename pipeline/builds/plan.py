"""Documents to shards. In: the new documents of a listing. Out: shards.

Pure and deterministic: the same set of documents gives the same shards, whatever the order it was listed in. A shard's id
is a hash of its documents and of nothing else. Documents that come later never move an old one, because the old ones are
`done` and a plan is written once: new documents only ever make new shards. Opens no document; pages are unknown here, so
shards are balanced by bytes. A plan holds its documents as columns. Costs, measured over 1,000,000 documents with names of 85
characters: 47 microseconds and, at the peak, 770 bytes a document to list and plan them, 12 microseconds and 370 bytes to read
the plan again (`infra/benchmarks/scale.md`).
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, islice, pairwise

import numpy as np
import pyarrow as pa

from pipeline.builds.changes import COUNTS, NO_COUNTS, ListingCounts
from pipeline.builds.listing import Listing, document_key
from pipeline.config import PlanConfig
from pipeline.errors import VerifyError
from pipeline.receipts import Shard
from pipeline.records import DocumentRef
from pipeline.tables.document_refs import REFS_SCHEMA, DocumentSlice, gather
from pipeline.tables.footer import BuildStamp, stamp_of, stamp_texts
from pipeline.tables.parquet import decode_groups, footer_of, open_writer, to_json
from pipeline.tables.schemas import STRINGS, TIMESTAMP

PLAN_SCHEMA = pa.schema(
    [
        pa.field("shard_id", pa.string(), nullable=False),
        pa.field("ordinal", pa.int32(), nullable=False),  # position of the shard in the plan; documents follow in order
        pa.field("uri", pa.string(), nullable=False),
        pa.field("aliases", STRINGS, nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("modified_at", TIMESTAMP),
        pa.field("sha256", pa.string()),
    ]
)
SMALLEST_SHARD = 16
"""Of `shard_bytes`: 4 MB by default, about 50 pages, 20 s of a GPU that reads 2.4 pages a second."""
SHARES_PER_WORKER = 6
"""Simulated with 160 workers (`infra/benchmarks/scale.md`): a worker may hold two shards of four times the pages that their
bytes promise, and the others need work until it is done."""
GROUP_ROWS = 16_384
"""Documents that exist as records at once while a plan is written or read; a row group of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPlan:
    """What a build will read and how: written once when it begins, and never changed."""

    stamp: BuildStamp
    input_uri: str
    planned_at: datetime
    """UTC; later than that of every build that it knows of."""
    shards: tuple[Shard, ...]
    changes_key: str = ""
    """Of the table of names that changed without a document to read; "" when there are none."""
    counts: ListingCounts = NO_COUNTS

    @property
    def build_id(self) -> str:
        return self.stamp.build_id

    @property
    def has_work(self) -> bool:
        """There is something to read, or names have come and gone."""
        return bool(self.shards) or self.changes_key != ""

    @property
    def documents(self) -> Iterator[DocumentRef]:
        return (document for shard in self.shards for document in shard.documents)

    @property
    def num_documents(self) -> int:
        return sum(len(shard.documents) for shard in self.shards)


def shard_of(documents: Sequence[DocumentRef]) -> Shard:
    """The shard of these documents, in this order."""
    return Shard(shard_id=_shard_id([document_key(document) for document in documents]), documents=documents)


def plan_shards(new: Listing, *, config: PlanConfig, workers: int = 1) -> list[Shard]:
    """Every document in exactly one shard. A shard holds at most `shard_bytes` unless it is one document, and at most
    `shard_documents`; the first ones hold less, so that `workers` have small ones left for the end, see `_target_bytes`."""
    groups = list(_groups(_keys_and_sizes(new), config, workers))
    starts = accumulate((group.num_documents for group in groups), initial=0)
    return [
        Shard(shard_id=group.shard_id, documents=DocumentSlice(new.documents, start, start + group.num_documents))
        for start, group in zip(starts, groups, strict=False)
    ]


def bisect(shard: Shard) -> tuple[Shard, Shard]:
    """The two halves of a shard, always the same two. Raises ValueError for a shard of one document."""
    middle = len(shard.documents) // 2
    if middle == 0:
        raise ValueError(f"shard {shard.shard_id} holds one document and cannot be split")
    return shard_of(shard.documents[:middle]), shard_of(shard.documents[middle:])


def encode_plan(plan: BuildPlan) -> bytes:
    """plan.parquet: one row per document; the recipe and the rules stand in the footer, so that they come with the plan or not
    at all."""
    footer = stamp_texts(plan.stamp, "plan")
    footer |= {"pagemill.input": plan.input_uri, "pagemill.planned_at": plan.planned_at.isoformat()}
    footer |= {"pagemill.changes": plan.changes_key, "pagemill.counts": COUNTS.dump_json(plan.counts).decode()}
    rows = ((shard.shard_id, ordinal, ref) for ordinal, shard in enumerate(plan.shards) for ref in shard.documents)
    sink = io.BytesIO()
    with open_writer(sink, PLAN_SCHEMA, footer) as writer:
        while some := list(islice(rows, GROUP_ROWS)):
            writer.write_table(_plan_table(some), row_group_size=GROUP_ROWS)
    return sink.getvalue()


def decode_plan(data: bytes) -> BuildPlan:
    """Raises VerifyError when the bytes are no plan, or the ids are not those of the documents."""
    texts = footer_of(data)
    groups = [REFS_SCHEMA.empty_table()]
    shard_ids: list[str] = []
    starts: list[int] = []
    num_rows = 0
    for group in decode_groups(data, PLAN_SCHEMA.names):
        ordinals = group.column("ordinal").to_numpy()
        first_rows = np.flatnonzero(np.diff(ordinals, prepend=len(shard_ids) - 1))
        shard_ids += group.column("shard_id").take(first_rows).to_pylist()
        starts += (first_rows + num_rows).tolist()
        num_rows += group.num_rows
        groups.append(_refs_table(group))
    documents = pa.concat_tables(groups)
    spans = zip(shard_ids, pairwise([*starts, num_rows]), strict=True)
    return BuildPlan(
        stamp=stamp_of(texts, "plan"),
        input_uri=texts["pagemill.input"],
        planned_at=datetime.fromisoformat(texts["pagemill.planned_at"]),
        shards=tuple(_planned_shard(shard_id, DocumentSlice(documents, *span)) for shard_id, span in spans),
        changes_key=texts["pagemill.changes"],
        counts=COUNTS.validate_json(texts["pagemill.counts"]),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    shard_id: str
    num_documents: int


def _groups(rows: Iterable[tuple[str, int]], config: PlanConfig, workers: int) -> Iterator[_Group]:
    """`rows` are the keys and sizes of new documents, in the order of their names."""
    keys: list[str] = []
    group_bytes = 0
    planned_bytes = 0
    for key, size_bytes in rows:
        target_bytes = _target_bytes(planned_bytes, config, workers)
        is_full = len(keys) == config.shard_documents or group_bytes + size_bytes > target_bytes
        if keys and is_full:
            yield _Group(shard_id=_shard_id(keys), num_documents=len(keys))
            planned_bytes += group_bytes
            keys, group_bytes = [], 0
        keys.append(key)
        group_bytes += size_bytes
    if keys:
        yield _Group(shard_id=_shard_id(keys), num_documents=len(keys))


def _target_bytes(planned_bytes: int, config: PlanConfig, workers: int) -> int:
    """What the next shard may hold, once shards of so many bytes are cut: a share of those, so that sizes grow geometrically
    from a SMALLEST_SHARD-th up to `shard_bytes`. Handed out largest first, the small ones come last, and always fit into what
    the workers still have to do (guided self-scheduling, Polychronopoulos and Kuck 1987, from its end)."""
    share_bytes = planned_bytes // (SHARES_PER_WORKER * workers)
    return min(config.shard_bytes, max(config.shard_bytes // SMALLEST_SHARD, share_bytes))


def _keys_and_sizes(new: Listing) -> Iterator[tuple[str, int]]:
    sizes = new.documents.column("size_bytes")
    for start in range(0, len(new.keys), GROUP_ROWS):
        some = (column.slice(start, GROUP_ROWS).to_pylist() for column in (new.keys, sizes))
        yield from ((key.hex(), size_bytes) for key, size_bytes in zip(*some, strict=True))


def _plan_table(rows: Sequence[tuple[str, int, DocumentRef]]) -> pa.Table:
    refs = gather(ref for _, _, ref in rows)
    columns = {
        "shard_id": pa.array([shard_id for shard_id, _, _ in rows], pa.string()),
        "ordinal": pa.array([ordinal for _, ordinal, _ in rows], pa.int32()),
        "modified_at": refs.column("modified_us").cast(pa.timestamp("us")).cast(TIMESTAMP),
    }
    taken = [columns[field.name] if field.name in columns else refs.column(field.name) for field in PLAN_SCHEMA]
    return pa.table([column.cast(field.type) for column, field in zip(taken, PLAN_SCHEMA, strict=True)], schema=PLAN_SCHEMA)


def _refs_table(group: pa.Table) -> pa.Table:
    columns = {"modified_us": group.column("modified_at").cast(pa.int64())}
    taken = [columns[field.name] if field.name in columns else group.column(field.name) for field in REFS_SCHEMA]
    return pa.table([column.cast(field.type) for column, field in zip(taken, REFS_SCHEMA, strict=True)], schema=REFS_SCHEMA)


def _planned_shard(shard_id: str, documents: DocumentSlice) -> Shard:
    if _shard_id([document_key(document) for document in documents]) != shard_id:
        raise VerifyError(f"the plan's shard {shard_id} does not hold the documents it is named after")
    return Shard(shard_id=shard_id, documents=documents)


def _shard_id(keys: Sequence[str]) -> str:
    return _hash(to_json(keys))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
