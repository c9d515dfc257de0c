"""The sockets: what a source, an engine, a renderer and an object store must do, and nothing of how.

Each is the smallest set of verbs the flow needs, so that a test, a plug-in or a simulation can stand in for the real thing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from pipeline.config import RereadRung
from pipeline.records import DocumentRef, PageFacts, PageImage, PageText, RenderEvent


class Source(Protocol):
    """Where documents come from."""

    def scan(self) -> Iterator[DocumentRef]:
        """Lists the corpus in a stable order; opens no PDF it need not open. Raises SourceError or StoreError."""
        ...

    def read(self, document: DocumentRef) -> bytes:
        """The document's bytes. Raises DocumentMissing for this document alone, StoreError when the store is at fault."""
        ...

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        """The last bytes, cheaply: planning compares them to find the same bytes under two names."""
        ...


class Renderer(Protocol):
    """Documents to pages. One document's trouble never stops the next one."""

    def __call__(self, documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
        """Yields events in the order that `records.RenderEvent` promises; holds a bounded number of pages."""
        ...


class Engine(Protocol):
    """Reads pages.

    Exactly one PageText per PageImage, in any order; a page it cannot read is a PageText with status "failed". Raises
    EngineDead only when the engine itself is lost. Thread-safe: a worker reads two shards at once so that the tail of one
    overlaps the head of the next. Bounded: holds at most `max_pages_in_flight` images. Knows nothing of documents,
    shards, storage or rules.
    """

    @property
    def name(self) -> str:
        """As in the config and the `engine` column."""
        ...

    @property
    def version(self) -> str:
        """Weights and runtime, one line: `PP-OCRv6-small/openvino-bf16`."""
        ...

    @property
    def max_pages_in_flight(self) -> int: ...

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]: ...

    def close(self) -> None: ...


@runtime_checkable
class Rereader(Engine, Protocol):
    """An engine that can read one page again with other settings, beside the pages it is reading."""

    def reread(self, page: PageImage, changes: RereadRung, previous: PageText) -> PageText | None:
        """Reads the page with `changes` laid over the engine's settings and waits for the answer; called from many threads at
        once, which the engine may batch. `previous` is its reading so far: `mode: larger` counts from its mode. None when the
        changes lead to no other reading (no larger mode). A page it cannot read is a PageText with status "failed". Must not
        wait for answers of `recognize` that nobody has taken yet. Raises EngineDead."""
        ...


class Assessor(Protocol):
    """What is wrong with a reading: all that the ladder knows of quality. Pure."""

    def reasons_against(self, facts: PageFacts, page: PageText) -> tuple[str, ...]:
        """Reject reasons of the page rules and `overfull`; () means a good reading."""
        ...

    def loop_start(self, text: str) -> int | None:
        """Where to cut a text that runs in circles at its end; None when it does not, or when too little would be left."""
        ...

    def trusts_layer(self, facts: PageFacts) -> bool:
        """The page's own text layer can stand for a reading."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectInfo:
    """One object as a listing shows it."""

    key: str
    """Relative to the store's root."""
    size_bytes: int
    version: str
    """ETag, or modification time in nanoseconds."""
    modified_at: datetime
    """UTC."""


class ObjectStore(Protocol):
    """Whole objects under keys, in a bucket or a folder."""

    @property
    def uri(self) -> str:
        """Root, for messages; never holds a credential."""
        ...

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        """Creates the object, whole or not at all. True when this attempt's bytes are now there (a lost reply that turns out
        to have succeeded included), False when another attempt was first. Raises StoreError."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Creates or replaces; only for pointers and cards, never for data."""
        ...

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        """Replaces the object if `head` still says `version` of it: a lease or a pointer moves from what its writer has seen,
        or not at all. True when this attempt's bytes are now there, False when the object has changed or gone. Raises
        StoreError."""
        ...

    def copy(self, source_key: str, key: str) -> None:
        """Makes `key` hold the bytes of `source_key`, without their passing through here. Raises ObjectMissing."""
        ...

    def get(self, key: str) -> bytes:
        """Raises ObjectMissing."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`; fewer at the end of the object. Raises ObjectMissing."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Raises ObjectMissing."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with `prefix`, in ascending order of key, streamed."""
        ...

    def delete(self, key: str) -> None:
        """Removes an object; absent is fine."""
        ...

    def probe(self) -> None:
        """Checks that the store is reachable, writable and puts once. Raises StoreError, StoreUnsafe."""
        ...
