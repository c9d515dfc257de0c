"""Receipts and manifests as JSON objects, and back. In and out: records and bytes; one spelling per value.

Costs about 700 bytes a receipt, and 400 more for each quarantined document.
"""

import io
import json
from dataclasses import replace
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.builds import layout
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.receipts import BuildManifest, ShardReceipt
from pipeline.tables.parquet import to_json
from pipeline.tables.schemas import SCHEMA_VERSION

Record = TypeVar("Record")


RECEIPT: TypeAdapter[ShardReceipt] = TypeAdapter(ShardReceipt)
MANIFEST: TypeAdapter[BuildManifest] = TypeAdapter(BuildManifest)


def encode_record(adapter: TypeAdapter[Record], record: Record) -> bytes:
    """A JSON object with one spelling."""
    return (to_json(adapter.dump_python(record, mode="json")) + "\n").encode()


def decode_record(adapter: TypeAdapter[Record], data: bytes, key: str) -> Record:
    """Raises VerifyError."""
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        raise _damaged(key, error) from error


def encode_receipt(receipt: ShardReceipt) -> bytes:
    return encode_record(RECEIPT, receipt)


def decode_receipt(data: bytes, key: str) -> ShardReceipt:
    """Raises VerifyError."""
    return decode_record(RECEIPT, data, key)


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
        refuse_another_schema(data, key)
        raise _damaged(key, error) from error
    if manifest.schema_version != SCHEMA_VERSION:
        refuse_another_schema(data, key)
    return manifest


def refuse_another_schema(data: bytes, key: str) -> None:
    """Raises VerifyError when the manifest names another schema version than this one, or none."""
    try:
        version = json.loads(data)["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise VerifyError(f"{key} is damaged: it names no schema version") from error
    if version != SCHEMA_VERSION:
        raise VerifyError(
            f"{key} is of schema {version}, where this version reads {SCHEMA_VERSION}; give another output, or use the version "
            f"that wrote it"
        )


def read_manifest(store: ObjectStore, build_id: str) -> BuildManifest:
    """The manifest of a finished build. Raises ObjectMissing when it is not finished, VerifyError when it is damaged."""
    key = layout.manifest_key(build_id)
    return decode_manifest(store.get(key), key)


def _damaged(key: str, error: ValidationError) -> VerifyError:
    return VerifyError(f"{key} is damaged: {' '.join(str(error).split())}")
