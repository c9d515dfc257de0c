"""An ObjectStore in memory that can crash before or after its n-th write, and lets two writers meet."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from pipeline.errors import ObjectMissing
from pipeline.interfaces import ObjectInfo


class Crash(Exception):
    """The process died here."""


class MemoryStore:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.attempts: dict[str, str] = {}
        self.num_writes = 0
        self.crash_before_write: int | None = None
        self.crash_after_write: int | None = None
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        return "memory:"

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        with self._lock, self._writing():
            if key in self.objects:
                return self.attempts.get(key) == attempt_id
            self.objects[key], self.attempts[key] = data, attempt_id
            return True

    def put(self, key: str, data: bytes) -> None:
        with self._lock, self._writing():
            self.objects[key] = data

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        with self._lock, self._writing():
            if key not in self.objects or self.head(key).version != version:
                return key in self.objects and self.attempts.get(key) == attempt_id
            self.objects[key], self.attempts[key] = data, attempt_id
            return True

    def copy(self, source_key: str, key: str) -> None:
        data = self.get(source_key)
        with self._lock, self._writing():
            self.objects[key] = data

    def get(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError as error:
            raise ObjectMissing(f"no object under {key}") from error

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get(key)[start : start + length]

    def head(self, key: str) -> ObjectInfo:
        data = self.get(key)
        return ObjectInfo(
            key=key,
            size_bytes=len(data),
            version=hashlib.sha256(data).hexdigest(),
            modified_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        yield from (self.head(key) for key in sorted(self.objects) if key.startswith(prefix))

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def probe(self) -> None:
        return

    def _writing(self) -> "_Write":
        self.num_writes += 1
        return _Write(self, self.num_writes)


class _Write:
    def __init__(self, store: MemoryStore, ordinal: int) -> None:
        self.store, self.ordinal = store, ordinal

    def __enter__(self) -> None:
        if self.store.crash_before_write == self.ordinal:
            raise Crash

    def __exit__(self, *exc_info: object) -> None:
        if exc_info[0] is None and self.store.crash_after_write == self.ordinal:
            raise Crash
