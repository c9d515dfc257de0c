"""Versions that were published once and may not be read any more, because they hold what is forgotten.

In: the store. Out: Withdrawals. `_versions/<id>/withdrawn.json` is put once before the first part is deleted, and stays for
good, as do the version's manifest and verdicts, which hold no text: its name is never used again, and whoever asks for it is
told why it is gone. All its parts go, not only those with the document: what a glob of its folder finds must not be half of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pydantic import TypeAdapter

from pipeline.builds import layout
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.errors import BuildError, ObjectMissing
from pipeline.interfaces import ObjectStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """Why a version is gone."""

    version_id: str
    at: datetime
    """UTC."""
    reason: str
    audit_key: str
    """Of the entry that tells more, "" when the version was only old."""


WITHDRAWAL: TypeAdapter[Withdrawal] = TypeAdapter(Withdrawal)


def withdraw(store: ObjectStore, withdrawal: Withdrawal) -> None:
    """Marks the version, then deletes its parts. Again, when a crash came between."""
    key = layout.withdrawal_key(withdrawal.version_id)
    store.put_once(key, encode_record(WITHDRAWAL, withdrawal), attempt_id=uuid4().hex)
    for info in list(store.list(layout.documents_prefix(withdrawal.version_id))):
        store.delete(info.key)


def find_withdrawal(store: ObjectStore, version_id: str) -> Withdrawal | None:
    """None while the version may be read. Raises VerifyError."""
    key = layout.withdrawal_key(version_id)
    try:
        return decode_record(WITHDRAWAL, store.get(key), key)
    except ObjectMissing:
        return None


def list_withdrawals(store: ObjectStore) -> Iterator[Withdrawal]:
    """By version."""
    for info in store.list(layout.VERSIONS_PREFIX):
        if info.key.endswith("/withdrawn.json"):
            yield decode_record(WITHDRAWAL, store.get(info.key), info.key)


def refuse_withdrawn(store: ObjectStore, version_id: str) -> None:
    """Raises BuildError that says when and why the version was withdrawn."""
    gone = find_withdrawal(store, version_id)
    if gone is not None:
        more = f"; {gone.audit_key} tells more" if gone.audit_key else ""
        raise BuildError(
            f"version {version_id!r} of {store.uri} was withdrawn on {gone.at:%Y-%m-%d} ({gone.reason}){more}; take a newer "
            "one, `pagemill log` lists them"
        )
