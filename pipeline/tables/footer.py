"""What a pages file says of itself besides its rows: the build it belongs to, the shard, and every document of the shard.

In: those three as records. Out: the footer's texts under `pagemill.*` keys, and back. A receipt is computed from a pages
file alone, so whatever a receipt holds and the rows do not must stand here. Costs about 400 bytes a document.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import VerifyError
from pipeline.receipts import ShardTimes
from pipeline.records import DocumentFailure, KnownDocument, OpenedDocument
from pipeline.tables.parquet import footer_of, to_json
from pipeline.tables.schemas import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildStamp:
    """Which build made a table, and how; stands in the footer of each of its tables."""

    build_id: str
    recipe: Mapping[str, object]
    rules: Mapping[str, object]
    """Thresholds the pages were judged with, as plain values."""
    engine: str
    """Name and version, one line."""
    code_version: str
    lang_detector: str
    """Name and version, one line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardFacts:
    """Who made a shard, and how long it took."""

    shard_id: str
    worker: str
    times: ShardTimes
    started_at: datetime
    """UTC."""
    finished_at: datetime
    """UTC."""
    split_into: tuple[str, ...] = ()
    """Ids of the two shards that replace this one, whose file then has no rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardDocuments:
    """Every document of a shard, once: opened, failed as a whole, or known by its bytes."""

    opened: tuple[OpenedDocument, ...]
    failed: tuple[DocumentFailure, ...]
    known: tuple[KnownDocument, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PagesHead:
    """A pages file without its rows."""

    stamp: BuildStamp
    shard: ShardFacts
    documents: ShardDocuments


SHARD: TypeAdapter[ShardFacts] = TypeAdapter(ShardFacts)
DOCUMENTS: TypeAdapter[ShardDocuments] = TypeAdapter(ShardDocuments)


def stamp_texts(stamp: BuildStamp, table: str) -> dict[str, str]:
    """Footer of any table of a build; `table` is `pages` or `documents`."""
    return {
        "pagemill.schema": f"{table}/{SCHEMA_VERSION}",
        "pagemill.build": stamp.build_id,
        "pagemill.recipe": to_json(stamp.recipe),
        "pagemill.config": to_json(stamp.rules),
        "pagemill.engine": stamp.engine,
        "pagemill.code_version": stamp.code_version,
        "pagemill.lang_detector": stamp.lang_detector,
    }


def head_texts(head: PagesHead) -> dict[str, str]:
    """Footer of a pages file."""
    return {
        **stamp_texts(head.stamp, "pages"),
        "pagemill.shard": SHARD.dump_json(head.shard).decode(),
        "pagemill.documents": DOCUMENTS.dump_json(head.documents).decode(),
    }


def head_of(data: bytes) -> PagesHead:
    """The head of an encoded pages file. Raises VerifyError when the bytes are none, or of another schema version."""
    texts = footer_of(data)
    stamp = stamp_of(texts, "pages")
    try:
        return PagesHead(
            stamp=stamp,
            shard=SHARD.validate_json(texts["pagemill.shard"]),
            documents=DOCUMENTS.validate_json(texts["pagemill.documents"]),
        )
    except (KeyError, ValidationError) as error:
        raise VerifyError(f"a damaged footer: {' '.join(str(error).split())}") from error


def stamp_of(texts: Mapping[str, str], table: str) -> BuildStamp:
    """The stamp in a footer. Raises VerifyError when it is of another table or schema version."""
    schema, expected = texts.get("pagemill.schema", "none"), f"{table}/{SCHEMA_VERSION}"
    if schema != expected:
        raise VerifyError(f"schema {schema}, where this version reads {expected}; read it with the version that wrote it")
    try:
        return BuildStamp(
            build_id=texts["pagemill.build"],
            recipe=json.loads(texts["pagemill.recipe"]),
            rules=json.loads(texts["pagemill.config"]),
            engine=texts["pagemill.engine"],
            code_version=texts["pagemill.code_version"],
            lang_detector=texts["pagemill.lang_detector"],
        )
    except (KeyError, json.JSONDecodeError) as error:
        raise VerifyError(f"a damaged footer: {' '.join(str(error).split())}") from error
