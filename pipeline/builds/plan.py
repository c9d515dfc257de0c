"""Documents to shards. In: documents as a source lists them, and the keys of those already planned. Out: shards.

Pure and deterministic: the same set of documents gives the same shards, whatever the order it was listed in. A shard's id
is a hash of its documents and of nothing else. Documents that come later never move an old one, because the old ones are
`done` and a plan is written once: new documents only ever make new shards. Opens no document; pages are unknown here, so
shards are balanced by bytes. Costs about 600 bytes of memory a document.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

import pyarrow as pa

from pipeline.config import PlanConfig
from pipeline.errors import VerifyError
from pipeline.receipts import Shard
from pipeline.records import DocumentRef
from pipeline.tables.footer import BuildStamp, stamp_of, stamp_texts
from pipeline.tables.parquet import decode, encode, footer_of, to_json
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


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPlan:
    """What a build will read and how: written once when it begins, and never changed."""

    stamp: BuildStamp
    input_uri: str
    planned_at: datetime
    """UTC."""
    shards: tuple[Shard, ...]
    retries: tuple[Shard, ...] = ()
    """Shards of the rounds in which quarantined documents are read again; see `builds.retry`."""

    @property
    def build_id(self) -> str:
        return self.stamp.build_id

    @property
    def documents(self) -> Iterator[DocumentRef]:
        """Each once, whatever was tried again."""
        return (document for shard in self.shards for document in shard.documents)


def document_key(document: DocumentRef) -> str:
    """What tells a document that was planned from one that is new or has changed: a hash of its uri, size and version."""
    return _hash(to_json([document.uri, document.size_bytes, document.version]))


def shard_of(documents: Sequence[DocumentRef], *, attempt: int = 1) -> Shard:
    """The shard of these documents, in this order; of each attempt another one."""
    keys = [document_key(document) for document in documents]
    shard_id = _hash(to_json(keys if attempt == 1 else [*keys, attempt]))
    return Shard(shard_id=shard_id, documents=tuple(documents), attempt=attempt)


def plan_shards(
    documents: Iterable[DocumentRef], *, done: Collection[str], config: PlanConfig, attempt: int = 1
) -> list[Shard]:
    """Every document not `done` in exactly one shard. A shard holds at most `shard_bytes` unless it is one document, and at
    most `shard_documents`. A document listed twice counts once."""
    new = {key: document for document in documents if (key := document_key(document)) not in done}
    return [
        shard_of(group, attempt=attempt)
        for group in _groups(sorted(new.values(), key=lambda document: (document.uri, document.version)), config)
    ]


def bisect(shard: Shard) -> tuple[Shard, Shard]:
    """The two halves of a shard, always the same two. Raises ValueError for a shard of one document."""
    middle = len(shard.documents) // 2
    if middle == 0:
        raise ValueError(f"shard {shard.shard_id} holds one document and cannot be split")
    left, right = shard.documents[:middle], shard.documents[middle:]
    return shard_of(left, attempt=shard.attempt), shard_of(right, attempt=shard.attempt)


def encode_plan(plan: BuildPlan, *, attempt: int = 1) -> bytes:
    """plan.parquet, or with a later attempt a round of retries: one row per document; the recipe and the rules stand in the
    footer, so that they come with the plan or not at all."""
    rows = [
        {
            "shard_id": shard.shard_id,
            "ordinal": ordinal,
            "uri": document.uri,
            "aliases": document.aliases,
            "size_bytes": document.size_bytes,
            "version": document.version,
            "modified_at": document.modified_at,
            "sha256": document.sha256,
        }
        for ordinal, shard in enumerate(plan.shards)
        for document in shard.documents
    ]
    footer = stamp_texts(plan.stamp, "plan")
    footer |= {"pagemill.input": plan.input_uri, "pagemill.planned_at": plan.planned_at.isoformat()}
    footer |= {"pagemill.attempt": str(attempt)} if attempt > 1 else {}
    return encode(pa.Table.from_pylist(rows, schema=PLAN_SCHEMA), footer)


def decode_plan(data: bytes) -> BuildPlan:
    """Raises VerifyError when the bytes are no plan, or the ids are not those of the documents."""
    texts = footer_of(data)
    by_ordinal: dict[int, list[PlanRow]] = {}
    for row in decode(data, PLAN_SCHEMA.names).to_pylist():
        by_ordinal.setdefault(row["ordinal"], []).append(row)
    attempt = int(texts.get("pagemill.attempt", "1"))
    shards = tuple(_planned_shard(rows, attempt) for _, rows in sorted(by_ordinal.items()))
    return BuildPlan(
        stamp=stamp_of(texts, "plan"),
        input_uri=texts["pagemill.input"],
        planned_at=datetime.fromisoformat(texts["pagemill.planned_at"]),
        shards=shards,
    )


class PlanRow(TypedDict):
    shard_id: str
    ordinal: int
    uri: str
    aliases: list[str]
    size_bytes: int
    version: str
    modified_at: datetime | None
    sha256: str | None


def planned_keys(data: bytes) -> Iterator[str]:
    """`document_key` of each document of an encoded plan."""
    columns = decode(data, ["uri", "size_bytes", "version"])
    for uri, size_bytes, version in zip(*(columns.column(i).to_pylist() for i in range(3)), strict=True):
        yield document_key(DocumentRef(uri=uri, size_bytes=size_bytes, version=version))


def _groups(documents: Iterable[DocumentRef], config: PlanConfig) -> Iterator[list[DocumentRef]]:
    group: list[DocumentRef] = []
    group_bytes = 0
    for document in documents:
        is_full = len(group) == config.shard_documents or group_bytes + document.size_bytes > config.shard_bytes
        if group and is_full:
            yield group
            group, group_bytes = [], 0
        group.append(document)
        group_bytes += document.size_bytes
    if group:
        yield group


def _planned_shard(rows: Sequence[PlanRow], attempt: int) -> Shard:
    shard = shard_of([_document(row) for row in rows], attempt=attempt)
    if shard.shard_id != rows[0]["shard_id"]:
        raise VerifyError(f"the plan's shard {rows[0]['shard_id']} does not hold the documents it is named after")
    return shard


def _document(row: PlanRow) -> DocumentRef:
    modified_at = row["modified_at"]
    return DocumentRef(
        uri=row["uri"],
        size_bytes=row["size_bytes"],
        version=row["version"],
        modified_at=None if modified_at is None else modified_at.astimezone(UTC),
        sha256=row["sha256"],
        aliases=tuple(row["aliases"]),
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
