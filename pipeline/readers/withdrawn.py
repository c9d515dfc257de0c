"""Versions that were published once and may not be read any more, because they hold what is forgotten, or were only old.

In: the store. Out: the `Withdrawal` of a version, or an error that names the version to read instead. Withdrawing is
publishing's (`publishing/withdrawn.py`); here it is only looked up, which costs one request for each version that is opened.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import ConfigError, ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore

LATEST_KEY = "_versions/_latest.json"


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


def withdrawal_key(version_id: str) -> str:
    return f"_versions/{version_id}/withdrawn.json"


def find_withdrawal(store: ObjectStore, version_id: str) -> Withdrawal | None:
    """None while the version may be read. Raises VerifyError."""
    key = withdrawal_key(version_id)
    try:
        return WITHDRAWAL.validate_json(store.get(key))
    except ObjectMissing:
        return None
    except ValidationError as error:
        raise VerifyError(f"{key} in {store.uri} is damaged ({error}); until it is read, the version is not") from error


def refuse_withdrawn(store: ObjectStore, version_id: str) -> None:
    """Raises ConfigError that says when and why the version was withdrawn, and which one to read instead."""
    gone = find_withdrawal(store, version_id)
    if gone is None:
        return
    more = f"; {gone.audit_key} tells more" if gone.audit_key else ""
    raise ConfigError(
        f"version {version_id!r} of {store.uri} was withdrawn on {gone.at:%Y-%m-%d} ({gone.reason}){more}; "
        f"{_what_to_do(store, version_id)}"
    )


def named_latest(store: ObjectStore) -> str:
    """The version that readers are told to take. Raises ConfigError when nothing is published, VerifyError."""
    try:
        return str(json.loads(store.get(LATEST_KEY))["version_id"])
    except ObjectMissing as error:
        raise ConfigError(f"nothing is published in {store.uri}; run `pagemill publish`, or check the address") from error
    except (ValueError, KeyError) as error:
        raise VerifyError(f"{LATEST_KEY} in {store.uri} names no version ({error}); publish again") from error


def _what_to_do(store: ObjectStore, version_id: str) -> str:
    try:
        latest = named_latest(store)
    except ConfigError:
        latest = version_id
    if latest == version_id or find_withdrawal(store, latest) is not None:
        return "no version can be read until `pagemill publish` has made another"
    return f"read version {latest!r}, which is the latest"
