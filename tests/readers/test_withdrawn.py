"""A version that was withdrawn is read by nobody, and whoever asks is told which one to take."""

from datetime import UTC, datetime

import pytest

from pipeline.errors import ConfigError, VerifyError
from pipeline.publishing.withdrawn import withdraw
from pipeline.readers.groups import index_bytes, index_key, latest_version, open_version
from pipeline.readers.withdrawn import LATEST_KEY, Withdrawal, withdrawal_key
from tests.builds.memory_store import MemoryStore
from tests.readers.tables import write_version

GONE = Withdrawal(version_id="v1", at=datetime(2026, 11, 24, tzinfo=UTC), reason="a court order", audit_key="")


def two_versions(latest: str) -> MemoryStore:
    store = MemoryStore()
    for version in ("v1", "v2"):
        store.put(index_key(version), index_bytes(write_version(store, ([5],), version)))
    store.put(LATEST_KEY, f'{{"version_id": "{latest}"}}'.encode())
    return store


def test_a_withdrawn_version_is_not_opened_by_the_index_that_is_left_of_it() -> None:
    store = two_versions(latest="v2")
    withdraw(store, GONE)
    assert index_key("v1") in store.objects
    with pytest.raises(ConfigError, match=r"withdrawn on 2026-11-24 \(a court order\); read version 'v2', which is the latest"):
        open_version(store, "v1")
    assert open_version(store, latest_version(store)).num_rows == 5


def test_a_latest_version_that_was_withdrawn_is_not_given_out() -> None:
    """Between a takedown and the version that is to follow it, and after one that left nothing to publish."""
    store = two_versions(latest="v1")
    withdraw(store, GONE)
    with pytest.raises(ConfigError, match="no version can be read until `pagemill publish` has made another"):
        latest_version(store)


def test_where_nothing_is_published_no_version_is_named() -> None:
    store = MemoryStore()
    withdraw(store, GONE)
    with pytest.raises(ConfigError, match="no version can be read until"):
        open_version(store, "v1")


def test_a_mark_that_cannot_be_read_keeps_the_version_closed() -> None:
    store = two_versions(latest="v1")
    store.put(withdrawal_key("v1"), b"{")
    with pytest.raises(VerifyError, match=r"withdrawn.json in memory: is damaged"):
        open_version(store, "v1")
