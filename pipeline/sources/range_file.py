"""A stored object as a seekable file, so that zipfile and tarfile read a bucket by ranges."""

import io
from collections import OrderedDict

from pipeline.interfaces import ObjectStore

BLOCK_BYTES = 262_144
NUM_BLOCKS = 8


class RangeFile(io.RawIOBase):
    """Reads whole blocks of 256 KiB and keeps the last eight; a longer read goes straight to the store. Not thread-safe.
    Raises StoreError."""

    def __init__(self, store: ObjectStore, key: str, size_bytes: int) -> None:
        self._store = store
        self._key = key
        self.size_bytes = size_bytes
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        if start + offset < 0:
            raise OSError(f"seek to {start + offset}, before the start")
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self.size_bytes - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._from_blocks(wanted) if wanted <= BLOCK_BYTES else self._store.get_range(self._key, self._at, wanted)
        self._at += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _from_blocks(self, wanted: int) -> bytes:
        """At most two blocks, because `wanted` is at most one."""
        if not wanted:
            return b""
        first, last = self._at // BLOCK_BYTES, (self._at + wanted - 1) // BLOCK_BYTES
        joined = b"".join(self._block(number) for number in range(first, last + 1))
        start = self._at - first * BLOCK_BYTES
        return joined[start : start + wanted]

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._blocks[number] = self._store.get_range(self._key, number * BLOCK_BYTES, BLOCK_BYTES)
            if len(self._blocks) > NUM_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]
