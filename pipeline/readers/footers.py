"""Footers of Parquet files, and the bytes of one row group, by ranges of an object.

In: a store and a key. Out: the footer, and a file for pyarrow that holds just the column chunks that are wanted, fetched with
as few requests as their neighbourhood allows. Costs one request for a footer up to 64 kB, two for a longer one. A folder's
files are mapped into memory instead: nothing is copied before it is decoded.
"""

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ObjectMissing, VerifyError
from pipeline.store import FolderStore

TAIL_BYTES = 65_536
GAP_BYTES = 262_144
"""Ranges closer than this are fetched as one: at 100 MB/s a gap takes 2.6 ms, a request of its own 10 to 30."""


class RangeStore(Protocol):
    """What reading needs of a store: `interfaces.ObjectStore` is one, `cache.CachedStore` another."""

    @property
    def uri(self) -> str: ...

    def get_range(self, key: str, start: int, length: int) -> bytes: ...


def read_footer(store: RangeStore, key: str, size_bytes: int) -> pq.FileMetaData:
    """Raises VerifyError when the object is not whole Parquet, ObjectMissing."""
    tail = store.get_range(key, max(0, size_bytes - TAIL_BYTES), TAIL_BYTES)
    if len(tail) < 12 or tail[-4:] != b"PAR1":
        raise VerifyError(f"{key} in {store.uri} does not end like Parquet; it was cut or replaced after it was published")
    needed = struct.unpack("<I", tail[-8:-4])[0] + 8
    if needed > len(tail):
        tail = store.get_range(key, max(0, size_bytes - needed), needed)
    try:
        return pq.read_metadata(io.BytesIO(tail))
    except (pa.ArrowException, OSError) as error:
        raise VerifyError(f"{key} in {store.uri}: no readable Parquet footer ({' '.join(str(error).split())})") from error


def chunk_ranges(footer: pq.FileMetaData, ordinal: int, columns: Sequence[str]) -> list[tuple[int, int]]:
    """(start, stop) of the bytes of these top-level columns in row group `ordinal`, neighbours joined, ascending."""
    group, wanted = footer.row_group(ordinal), set(columns)
    chunks = (group.column(number) for number in range(group.num_columns))
    spans = sorted(
        (_start(chunk), _start(chunk) + chunk.total_compressed_size)
        for chunk in chunks
        if chunk.path_in_schema.partition(".")[0] in wanted
    )
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if joined and start - joined[-1][1] <= GAP_BYTES:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _start(chunk: pq.ColumnChunkMetaData) -> int:
    offsets = (chunk.data_page_offset, chunk.dictionary_page_offset)
    return int(min(offset for offset in offsets if offset))


def open_row_group(
    store: RangeStore, key: str, footer: pq.FileMetaData, ordinal: int, columns: Sequence[str]
) -> pq.ParquetFile:
    """A file of which these columns of this row group can be read. Raises ObjectMissing, StoreError."""
    if isinstance(store, FolderStore):
        return pq.ParquetFile(_mapped(store, key), metadata=footer)
    ranges = chunk_ranges(footer, ordinal, columns)
    fragments = [(start, store.get_range(key, start, stop - start)) for start, stop in ranges]
    return pq.ParquetFile(pa.PythonFile(Fragments(fragments), mode="r"), metadata=footer)


def _mapped(store: FolderStore, key: str) -> pa.MemoryMappedFile:
    try:
        return pa.memory_map(str(Path(store.root, key)))
    except FileNotFoundError as error:
        raise ObjectMissing(f"{key} in {store.uri} has gone since its footer was read; open a version that is there") from error


class Fragments(io.RawIOBase):
    """A file of which only some ranges are held; reading anywhere else is an error, for it would be a request unasked."""

    def __init__(self, fragments: Sequence[tuple[int, bytes]]) -> None:
        self._size_bytes = max((start + len(data) for start, data in fragments), default=0)
        self._fragments = fragments
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence] + offset
        return self._at

    def read_buffer(self, size: int) -> memoryview:
        """What Arrow asks for in place of `read` where a file has it: nothing is copied."""
        for start, data in self._fragments:
            if start <= self._at < start + len(data):
                found = memoryview(data)[self._at - start : self._at - start + size]
                self._at += len(found)
                return found
        raise OSError(f"byte {self._at} is in none of the ranges that were fetched")
