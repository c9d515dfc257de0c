"""The nouns of a build: the unit of work, what reading it gave, and the proof that it is written. Values, no behaviour.

Shard --build_shard--> ShardResult --commit--> ShardReceipt --close--> BuildManifest
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.records import DocumentFailure, DocumentRef, KnownDocument, OpenedDocument, PageRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """The unit of work, retry and commit."""

    shard_id: str
    """Hash of its documents' (uri, size, version): depends on nothing else."""
    documents: Sequence[DocumentRef]
    """A tuple, or a slice of a plan's table that equals one and is pickled as one."""

    @property
    def size_bytes(self) -> int:
        return sum(document.size_bytes for document in self.documents)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardTimes:
    """Where the wall time of a shard went, in seconds."""

    total_s: float
    engine_s: float
    """Waiting for the engine's answers, minus waiting for pages to feed it."""
    render_wait_s: float
    """Waiting for rendered pages."""
    judge_s: float
    """Cleaning, measuring and judging."""
    engine_busy_s: float
    """Engine time that the pages themselves report; the rest of `engine_s` waited for the other shard's pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardResult:
    """What reading a shard gave, before it is committed."""

    shard: Shard
    documents: tuple[OpenedDocument, ...]
    failures: tuple[DocumentFailure, ...]
    known: tuple[KnownDocument, ...]
    """With `documents` and `failures`, exactly one entry for every document of the shard."""
    records: tuple[PageRecord, ...]
    """Exactly one for every page of `documents`, by (doc_id, page_index)."""
    engine: str
    engine_version: str
    times: ShardTimes
    finished_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardReceipt:
    """Proof that a shard is written; a pure function of its pages file."""

    shard_id: str
    key: str
    """Of the pages file, relative to the dataset."""
    size_bytes: int
    sha256: str
    """Of the pages file, hex."""
    num_rows: int
    num_documents: int
    """Opened documents; quarantined and known ones are not counted."""
    num_known: int
    """Documents whose bytes had been read before."""
    quarantined: tuple[DocumentFailure, ...]
    pages_by_status: Mapping[str, int]
    pages_by_reject: Mapping[str, int]
    """A page with two reasons counts under both."""
    num_kept: int
    """Pages with no reject reason."""
    num_kept_chars: int
    num_output_tokens: int
    pages_by_rung: Mapping[str, int]
    """By the step of the ladder that gave the page's reading; `first` before any."""
    seconds_by_rung: Mapping[str, float]
    """Engine time, that of the attempts under their own rung."""
    pages_by_mode: Mapping[str, int]
    """By the engine's resolution setting; this and the next two count the pages whose vision and text tokens are known."""
    vision_tokens_by_mode: Mapping[str, int]
    text_tokens_by_mode: Mapping[str, int]
    """Over the vision tokens of the mode: its compression."""
    times: ShardTimes
    worker: str
    finished_at: datetime
    split_into: tuple[str, ...] = ()
    """Ids of the two shards that replace this one; not empty only for a shard that kept losing its worker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePart:
    """One committed Parquet file."""

    key: str
    size_bytes: int
    sha256: str
    num_rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildManifest:
    """A finished build: its receipts, and that there will be no more. Written last."""

    build_id: str
    schema_version: str
    recipe_id: str
    recipe: Mapping[str, object]
    """Everything that changes a page's text, as plain values."""
    rules: Mapping[str, object]
    """Those its pages were first judged with; a version judges them again with its own."""
    code_version: str
    planned_at: datetime
    receipts: tuple[ShardReceipt, ...]
    num_documents_planned: int
