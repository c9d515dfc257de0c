"""What can have happened to a document, a page or a shard: one value an event, each with where it was found. Values only.

A JournalLine is an entry as well: what a driver saw of the document's shard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.builds.journal_lines import JournalLine
from pipeline.publishing.verdicts import Verdict
from pipeline.quality.broken_limits import BrokenLimit
from pipeline.receipts import ShardReceipt
from pipeline.records import Attempt

VersionState = Literal["latest", "earlier", "unpublished", "withdrawn"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A listing has found the document, and a build was going to read it."""

    at: datetime
    """When the build was planned, UTC."""
    build_id: str
    shard_id: str
    uri: str
    aliases: tuple[str, ...]
    size_bytes: int
    version: str
    key: str
    """The object that says so; likewise below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NameChanged:
    """A listing has found a name of the document gone, back, or on the document for the first time."""

    at: datetime
    build_id: str
    uri: str
    change: Literal["removed", "returned", "renamed"]
    of_uri: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenRule:
    """A reject reason, and the limits behind it; () when no number made it."""

    reason: str
    limits: tuple[BrokenLimit, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageTold:
    """One page as it was read, judged with the rules of its build."""

    page_index: int
    status: str
    reject: tuple[BrokenRule, ...]
    warnings: tuple[str, ...]
    error: str
    mode: str | None
    rung: str | None
    """None when no engine was asked."""
    attempts: tuple[Attempt, ...]
    """Readings that the ladder set aside, oldest first."""
    seconds: float | None
    vision_tokens: int | None
    output_tokens: int | None
    confidence: float | None
    finish_reason: str | None
    num_chars: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """The document was opened and its pages were read."""

    at: datetime
    """When its shard was finished, UTC."""
    build_id: str
    shard_id: str
    worker: str
    engine: str
    uri: str
    doc_id: str
    num_pages: int
    media: str
    pages: tuple[PageTold, ...]
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantined:
    """It gave no page."""

    at: datetime
    build_id: str
    shard_id: str
    uri: str
    doc_id: str | None
    reason: str
    error: str
    attempts: int
    num_builds: int
    """In which it has failed so far, this one included."""
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAlready:
    """Its bytes had been read before: one more name of rows that are there."""

    at: datetime
    build_id: str
    shard_id: str
    uri: str
    doc_id: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Its shard kept losing its worker and was cut in two, perhaps more than once."""

    at: datetime
    build_id: str
    shard_id: str
    split_into: tuple[str, ...]
    """The halves that the document is in, the smallest last."""
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotReadYet:
    """Its shard has no receipt."""

    at: datetime
    build_id: str
    shard_id: str
    uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherBytes:
    """The name holds another document since this build."""

    at: datetime
    build_id: str
    uri: str
    doc_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """Somebody had it forgotten: by its id, or by one of its names."""

    at: datetime
    who: str
    reason: str
    by: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a version makes of it."""

    at: datetime
    """When the store got the version's manifest, or the refusal of a gate, UTC."""
    version_id: str
    state: VersionState
    why: str
    """The gates that keep it from its readers, or why it was withdrawn; ""."""
    verdict: Verdict
    reject: tuple[BrokenRule, ...]
    pages_judged_otherwise: tuple[tuple[int, tuple[BrokenRule, ...]], ...]
    """Pages, by number, on which its rules differ from those of the build, and which of its rules they break."""
    part_key: str
    """"" when it does not stand in the version, or that was never published."""
    row: int
    """0-based in the part; meaningless without one."""
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardCommitted:
    at: datetime
    build_id: str
    receipt: ShardReceipt


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardPlanned:
    at: datetime
    build_id: str
    shard_id: str
    num_documents: int
    size_bytes: int
    key: str


Entry = (
    Planned
    | NameChanged
    | JournalLine
    | Opened
    | Quarantined
    | KnownAlready
    | Split
    | NotReadYet
    | OtherBytes
    | Forgotten
    | Standing
    | ShardCommitted
    | ShardPlanned
)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """Everything that is stored of one thing, in order of time."""

    thing: str
    """As it was found: `document 5eed..., page 3`."""
    outcome: str
    """One line: what it is now."""
    entries: Sequence[Entry]
