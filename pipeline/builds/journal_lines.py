"""One line of a build's journal: what a driver saw, when, as JSON. In: events. Out: lines, and back.

    {"at":"2026-11-27T20:00:04.120Z","build_id":"main","driver":"20261127T200000Z-3f1c","event":"shard_given","shard_id":...}

A line holds ids of shards and workers, figures and reasons, and no name, title or text of a document: nothing in it has to be
forgotten. A reason is another library's sentence, so addresses in it, and what it quotes, are struck out. Costs about 250
bytes a line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import VerifyError
from pipeline.events import ShardGiven, ShardReturned, WorkerFigures, WorkerLost, WorkerOpened
from pipeline.receipts import ShardReceipt
from pipeline.tables.parquet import to_json

QUOTED_OR_ADDRESS = re.compile(r"(?<!\w)(?P<quote>['\"]).*(?P=quote)|\b[A-Za-z][\w+.-]*://\S+|(?<![^\s(])/\S+")


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverBegan:
    """A driver is going to hand out shards."""

    process: str
    """host/pid."""
    code_version: str
    num_shards: int
    """Still to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverEnded:
    """The last line of a driver; one that was killed has none."""

    outcome: Literal["done", "stopped", "failed"]
    """`stopped`: by Ctrl-C or SIGTERM."""
    reason: str
    """One line; "" when it is done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardDone:
    """A shard has its receipt, which tells more."""

    shard_id: str
    worker: str
    """Who wrote the pages file; another driver's worker when that one was first."""
    num_rows: int
    num_kept: int
    num_quarantined: int
    seconds: float
    split_into: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LinesLost:
    """The store refused the journal for so long that lines before this one were given up."""

    num_lines: int
    """Of this driver so far, earlier lines of this kind among them."""
    reason: str
    """One line."""


JournalEvent = (
    DriverBegan | DriverEnded | ShardGiven | ShardReturned | ShardDone | WorkerOpened | WorkerLost | WorkerFigures | LinesLost
)
NAMES: Mapping[type, str] = {kind: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in get_args(JournalEvent)}
ADAPTERS: Mapping[str, TypeAdapter[JournalEvent]] = {name: TypeAdapter(kind) for kind, name in NAMES.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalLine:
    """One event, as one driver saw it."""

    at: datetime
    """UTC, to the millisecond, by the driver's clock."""
    build_id: str
    driver: str
    """When it began and its attempt id: `20261127T200000Z-3f1c9a7be210`."""
    event: JournalEvent


def encode_line(line: JournalLine) -> bytes:
    """One JSON object and a line end."""
    event = _fit_to_keep(line.event)
    at = f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{line.at.microsecond // 1000:03d}Z"
    head = {"at": at, "build_id": line.build_id, "driver": line.driver, "event": NAMES[type(event)]}
    return (to_json({**head, **ADAPTERS[NAMES[type(event)]].dump_python(event, mode="json")}) + "\n").encode()


def decode_lines(data: bytes, key: str, *, about: bytes = b"") -> Iterator[JournalLine]:
    """The lines that hold the text `about`. Raises VerifyError with the number of the line that is none."""
    for number, text in enumerate(data.splitlines(), start=1):
        if about not in text:
            continue
        try:
            values = RAW.validate_json(text)
            adapter = ADAPTERS[str(values.pop("event"))]
            at = datetime.fromisoformat(str(values.pop("at")))
            build_id, driver = str(values.pop("build_id")), str(values.pop("driver"))
            yield JournalLine(at=at, build_id=build_id, driver=driver, event=adapter.validate_python(values))
        except (ValidationError, KeyError, ValueError) as error:
            raise VerifyError(f"{key}, line {number}, is no line of a journal: {' '.join(str(error).split())}") from error


RAW: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


def done_of(receipt: ShardReceipt) -> ShardDone:
    """What the journal keeps of a receipt."""
    return ShardDone(
        shard_id=receipt.shard_id,
        worker=receipt.worker,
        num_rows=receipt.num_rows,
        num_kept=receipt.num_kept,
        num_quarantined=len(receipt.quarantined),
        seconds=round(receipt.times.total_s, 3),
        split_into=receipt.split_into,
    )


def unnamed(reason: str) -> str:
    """The reason with ... for addresses, paths and whatever stands in quotes: `cannot get s3://corpus/a.pdf: timed out` is
    `cannot get ... timed out`."""
    return QUOTED_OR_ADDRESS.sub("...", reason)


def _fit_to_keep(event: JournalEvent) -> JournalEvent:
    match event:
        case WorkerLost() | ShardReturned() | DriverEnded() | LinesLost():
            return replace(event, reason=unnamed(event.reason))
        case WorkerFigures():
            return replace(event, alive_s=round(event.alive_s, 3), engine_busy_s=round(event.engine_busy_s, 3))
        case WorkerOpened():
            return replace(event, seconds=round(event.seconds, 3))
        case _:
            return event
