"""What an archive may cost: how far it may unpack, how long its headers may be. Knows no document.

In: sizes, or the packed stream. Out: the same stream on a leash, or an exception. An honest archive of documents hardly shrinks
(PDFs and images are packed already); deflate reaches 1,032 times on zeros. Costs nothing that can be measured.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from itertools import pairwise

from pipeline.sources.range_file import RangeFile

MAX_RATIO = 200
"""Unpacked over packed bytes."""
FREE_BYTES = 100_000_000
"""Unpacked without a question about the ratio: a blank bitmap packs as well as a bomb, and is small."""
MAX_HEADER_BYTES = 1 << 24
"""Longest piece read in one go: long names and extended headers of a tar are read whole, and have kilobytes."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Zip methods that are read. LZMA is not: its header asks for up to 4 GB before the first byte comes out."""


def is_bomb(packed_bytes: int, unpacked_bytes: int) -> bool:
    """Unpacks further than an honest archive."""
    return unpacked_bytes > max(FREE_BYTES, MAX_RATIO * packed_bytes)


def overlapping(entries: Iterable[zipfile.ZipInfo]) -> set[int]:
    """`header_offset` of the entries of a zip that reach into the next one: how few bytes pass for many members."""
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    pairs = pairwise(ordered)
    return {one.header_offset for one, other in pairs if one.header_offset + one.compress_size > other.header_offset}


class Bomb(tarfile.ReadError):
    """A packed stream that unpacks further than an honest one."""


class HeaderFile(RangeFile):
    """A stored tar of which only the headers are read."""

    def read(self, size: int = -1) -> bytes:
        _refuse_long(size)
        return super().read(size)


class LeashedGzip(gzip.GzipFile):
    """A packed stream that ends with Bomb where it would unpack to one, and with ReadError where one huge piece is asked."""

    def __init__(self, packed: RangeFile) -> None:
        super().__init__(fileobj=packed)
        self._most_bytes = max(FREE_BYTES, MAX_RATIO * packed.size_bytes)

    def read(self, size: int | None = -1) -> bytes:
        _refuse_long(size)
        data = super().read(size)
        self._refuse_far(self.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._refuse_far(offset)
        return super().seek(offset, whence)

    def _refuse_far(self, offset: int) -> None:
        if offset > self._most_bytes:
            raise Bomb(f"a decompression bomb: it unpacks to over {self._most_bytes} bytes, {MAX_RATIO} times its size")


def _refuse_long(size: int | None) -> None:
    if size is None or not 0 <= size <= MAX_HEADER_BYTES:
        raise tarfile.ReadError(f"a header of over {MAX_HEADER_BYTES} bytes")
