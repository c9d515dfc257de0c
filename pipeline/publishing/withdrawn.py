"""Withdrawing a version that was published once, because it holds what is forgotten. Readers refuse it by the same mark.

In: the store, and a `readers.withdrawn.Withdrawal`. Out: none of its documents. `_versions/<id>/withdrawn.json` is put once
before the first part is deleted, and stays for good, as do the version's manifest and verdicts, which hold no text: its name is
never used again, and whoever asks for it is told why it is gone. All its parts go, not only those with the document: what a
glob of its folder finds must not be half of it.
"""

from collections.abc import Iterator
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.interfaces import ObjectStore
from pipeline.readers.withdrawn import WITHDRAWAL, Withdrawal, withdrawal_key


def withdraw(store: ObjectStore, withdrawal: Withdrawal) -> None:
    """Marks the version, then deletes its parts. Again, when a crash came between."""
    key = withdrawal_key(withdrawal.version_id)
    store.put_once(key, encode_record(WITHDRAWAL, withdrawal), attempt_id=uuid4().hex)
    for info in list(store.list(layout.documents_prefix(withdrawal.version_id))):
        store.delete(info.key)


def list_withdrawals(store: ObjectStore) -> Iterator[Withdrawal]:
    """By version."""
    for info in store.list(layout.VERSIONS_PREFIX):
        if info.key.endswith("/withdrawn.json"):
            yield decode_record(WITHDRAWAL, store.get(info.key), info.key)
