"""Receipts and manifests as JSON objects, and back. In and out: records and bytes; one spelling per value.

Costs about 700 bytes a receipt, and 400 more for each quarantined document.
"""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.builds import layout
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.records import BuildManifest, ShardReceipt
from pipeline.tables.parquet import to_json

Record = TypeVar("Record")

RECEIPT: TypeAdapter[ShardReceipt] = TypeAdapter(ShardReceipt)
MANIFEST: TypeAdapter[BuildManifest] = TypeAdapter(BuildManifest)


def encode_receipt(receipt: ShardReceipt) -> bytes:
    return _encode(RECEIPT, receipt)


def decode_receipt(data: bytes, key: str) -> ShardReceipt:
    """Raises VerifyError."""
    return _decode(RECEIPT, data, key)


def encode_manifest(manifest: BuildManifest) -> bytes:
    return _encode(MANIFEST, manifest)


def decode_manifest(data: bytes, key: str) -> BuildManifest:
    """Raises VerifyError."""
    return _decode(MANIFEST, data, key)


def read_manifest(store: ObjectStore, build_id: str) -> BuildManifest:
    """The manifest of a published build. Raises ObjectMissing when it is not published, VerifyError when it is damaged."""
    key = layout.manifest_key(build_id)
    return decode_manifest(store.get(key), key)


def _encode(adapter: TypeAdapter[Record], record: Record) -> bytes:
    return (to_json(adapter.dump_python(record, mode="json")) + "\n").encode()


def _decode(adapter: TypeAdapter[Record], data: bytes, key: str) -> Record:
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        raise VerifyError(f"{key} is damaged: {' '.join(str(error).split())}") from error
