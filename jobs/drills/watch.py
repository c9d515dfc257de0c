"""What a reader sees who globs the tables after every write: no row twice, nothing that changes, nothing that goes away.

In: the store as it is. Out: nothing, or `Broken` at the first write after which a promise does not hold. Reads each new data
file once; holds the ids of its rows.
"""

from collections import defaultdict, deque

from pipeline.interfaces import ObjectStore
from pipeline.tables.parquet import decode

TABLES = ("pages/", "documents/")
"""One table each, but that each version of `documents` is a table of its own: the folder below."""
NUM_FRESH = 6
"""Writes that a stale listing may not show yet."""


class Broken(Exception):
    """A promise of the build does not hold."""


class Watch:
    """Looks at the store of one drill; told of each write after it is done."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._versions: dict[str, str] = {}
        self._rows: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._fresh: deque[str] = deque(maxlen=NUM_FRESH)
        self.num_looks = 0

    def is_fresh(self, key: str) -> bool:
        return key in self._fresh

    def look(self, key: str) -> None:
        """After a write to `key`; a probe's key is empty."""
        self._fresh.append(key)
        if not key.startswith(TABLES):
            return
        self.num_looks += 1
        seen = {info.key: info.version for table in TABLES for info in self.store.list(table)}
        for known, version in self._versions.items():
            if seen.get(known) != version:
                raise Broken(f"{known} was {'replaced' if known in seen else 'removed'} after a reader had seen it")
        for new in sorted(seen.keys() - self._versions.keys()):
            self._read(new)
        self._versions = seen

    def _read(self, key: str) -> None:
        rows = self._rows["pages/" if key.startswith("pages/") else key.rpartition("/")[0]]
        for row_id in decode(self.store.get(key), ["id"]).column("id").to_pylist():
            first = rows.setdefault(row_id, key)
            if first != key:
                raise Broken(f"a reader sees row {row_id} twice: in {first} and in {key}")
