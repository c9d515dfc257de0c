"""What was done to a dataset beside adding to it: who forgot or deleted what, when and why. Never any text of a document.

In: an AuditEntry, put before anything is changed. Out: `_audit/<time>-<action>-<attempt>.json`, and what all entries of a
dataset say is forgotten. An entry names every object that it is going to change, so after a crash the objects that were changed
stand in some entry. Entries are put once and never deleted: what is forgotten stays so because they say it. Costs one listing
and one get for each entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from pydantic import TypeAdapter

from pipeline.builds import layout
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.interfaces import ObjectStore
from pipeline.records import DocumentRef

Action = Literal["forget", "gc"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What was going to happen to one object."""

    key: str
    change: Literal["replaced", "deleted", "withdrawn"]
    size_bytes: int
    """Before."""
    version: str
    """Before, as the store names it: an ETag, or the time of modification."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    action: Action
    who: str
    """user@host"""
    at: datetime
    """UTC."""
    reason: str
    code_version: str
    ids: tuple[str, ...]
    """Documents that are forgotten: sha256 of their bytes, hex; copies that say the same are among them."""
    uris: tuple[str, ...]
    """Names that are forgotten: nothing is read under them any more."""
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """What no build may read and no version may hold, for good."""

    ids: frozenset[str]
    uris: frozenset[str]

    def names(self, document: DocumentRef) -> bool:
        """The document has a forgotten name. The same bytes under a further name are the same document."""
        return document.uri in self.uris or not self.uris.isdisjoint(document.aliases)


ENTRY: TypeAdapter[AuditEntry] = TypeAdapter(AuditEntry)


def put_entry(store: ObjectStore, entry: AuditEntry) -> str:
    """Returns its key."""
    attempt_id = uuid4().hex
    key = layout.audit_key(f"{entry.at:%Y%m%dT%H%M%SZ}", entry.action, attempt_id[:12])
    store.put_once(key, encode_record(ENTRY, entry), attempt_id=attempt_id)
    return key


def read_entries(store: ObjectStore, action: Action) -> Iterator[AuditEntry]:
    """The oldest first. Raises VerifyError."""
    for info in store.list(layout.AUDIT_PREFIX):
        match = layout.AUDIT_KEY.fullmatch(info.key)
        if match and match["action"] == action:
            yield decode_record(ENTRY, store.get(info.key), info.key)


def read_forgotten(store: ObjectStore) -> Forgotten:
    """Everything that was ever forgotten. Raises VerifyError."""
    return forgotten_by(read_entries(store, "forget"))


def forgotten_by(entries: Iterable[AuditEntry]) -> Forgotten:
    ids: set[str] = set()
    uris: set[str] = set()
    for entry in entries:
        ids.update(entry.ids)
        uris.update(entry.uris)
    return Forgotten(ids=frozenset(ids), uris=frozenset(uris))
