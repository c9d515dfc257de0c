"""Receipts and manifests as JSON objects, and back. In and out: records and bytes; one spelling per value.

Costs about 700 bytes a receipt, and 400 more for each quarantined document.
"""

import io
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.builds import layout
from pipeline.errors import ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.receipts import BuildManifest, ShardReceipt
from pipeline.tables.parquet import to_json
from pipeline.tables.schemas import SCHEMA_VERSION

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True, slots=True)
class Latest:
    """Where the newest published build is."""

    build_id: str
    manifest_key: str
    planned_at: datetime


RECEIPT: TypeAdapter[ShardReceipt] = TypeAdapter(ShardReceipt)
MANIFEST: TypeAdapter[BuildManifest] = TypeAdapter(BuildManifest)
LATEST: TypeAdapter[Latest] = TypeAdapter(Latest)


def encode_receipt(receipt: ShardReceipt) -> bytes:
    return _encode(RECEIPT, receipt)


def decode_receipt(data: bytes, key: str) -> ShardReceipt:
    """Raises VerifyError."""
    return _decode(RECEIPT, data, key)


def encode_manifest(manifest: BuildManifest) -> bytes:
    """One receipt after another, so that not all of them exist as plain values at once."""
    head = to_json(MANIFEST.dump_python(replace(manifest, receipts=()), mode="json"))
    before, name, after = head.partition('"receipts":[')
    text = io.BytesIO()
    text.write((before + name).encode())
    for ordinal, receipt in enumerate(manifest.receipts):
        text.write(b"," if ordinal else b"")
        text.write(encode_receipt(receipt).rstrip())
    text.write(f"{after}\n".encode())
    return text.getvalue()


def decode_manifest(data: bytes, key: str) -> BuildManifest:
    """Raises VerifyError when it is damaged, or of a build of another schema version."""
    try:
        manifest = MANIFEST.validate_json(data)
    except ValidationError as error:
        _refuse_another_schema(data, key)
        raise _damaged(key, error) from error
    if manifest.schema_version != SCHEMA_VERSION:
        _refuse_another_schema(data, key)
    return manifest


def read_manifest(store: ObjectStore, build_id: str) -> BuildManifest:
    """The manifest of a published build. Raises ObjectMissing when it is not published, VerifyError when it is damaged."""
    key = layout.manifest_key(build_id)
    return decode_manifest(store.get(key), key)


def read_latest(store: ObjectStore) -> Latest | None:
    """The pointer to the newest published build; None before the first. Raises VerifyError when it is damaged."""
    try:
        data = store.get(layout.LATEST_KEY)
    except ObjectMissing:
        return None
    return _decode(LATEST, data, layout.LATEST_KEY)


def advance_latest(store: ObjectStore, manifest: BuildManifest) -> None:
    """Points to this build, unless the pointer already leads to one that was planned later."""
    latest = read_latest(store)
    if latest is None or latest.planned_at <= manifest.planned_at:
        key = layout.manifest_key(manifest.build_id)
        pointer = Latest(build_id=manifest.build_id, manifest_key=key, planned_at=manifest.planned_at)
        store.put(layout.LATEST_KEY, _encode(LATEST, pointer))


def _refuse_another_schema(data: bytes, key: str) -> None:
    try:
        version = json.loads(data)["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise VerifyError(f"{key} is damaged: it names no schema version") from error
    if version != SCHEMA_VERSION:
        raise VerifyError(
            f"{key} is of schema {version}, where this version reads {SCHEMA_VERSION}; give another output, or use the version "
            f"that wrote it"
        )


def _encode(adapter: TypeAdapter[Record], record: Record) -> bytes:
    return (to_json(adapter.dump_python(record, mode="json")) + "\n").encode()


def _decode(adapter: TypeAdapter[Record], data: bytes, key: str) -> Record:
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        raise _damaged(key, error) from error


def _damaged(key: str, error: ValidationError) -> VerifyError:
    return VerifyError(f"{key} is damaged: {' '.join(str(error).split())}")
