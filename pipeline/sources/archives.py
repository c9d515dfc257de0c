"""Members of zip, tar and tar.gz archives, listed and read in place: nothing is ever extracted to disk.

A member's name is only a label, so ".." and "/" in it are harmless. Directories, links and devices are left out, hidden names
too. What unpacks too far, overlaps or goes backwards is refused (see `unpacking`); an archive in an archive is a document that
nothing can read. The second member of one name is labelled `name#2`. Costs: a zip holds its directory in memory (about 0.5 kB a
member), a tar is listed with one range read a member, a tar.gz is unpacked once to be listed (which also gives each sha256)
and once more to be read in that order; reading it backwards unpacks it again from the start.
"""

import hashlib
import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pipeline.errors import (
    DocumentDamaged,
    DocumentEncrypted,
    DocumentMissing,
    DocumentTooLarge,
    DocumentUnsupported,
)
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.sources.range_file import RangeFile
from pipeline.sources.unpacking import METHODS, Bomb, HeaderFile, LeashedGzip, is_bomb, overlapping

MAX_MEMBER_BYTES = 2_000_000_000
"""Largest member that is unpacked into memory: `render.max_document_bytes` by default."""
NUM_CURSORS = 4
"""Places in a tar.gz that are kept open: the shards a worker reads at once, with room to spare."""
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)
"""What the standard library raises on damaged, encrypted or foreign archives."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    label: str
    place: str
    """Where in the archive it stands, and its checksum where there is one; unique in the archive."""
    size_bytes: int
    modified_at: datetime | None
    sha256: str | None = None


class Archive(Protocol):
    """An opened archive. `members` raises one of DAMAGED where the archive breaks off."""

    def members(self) -> Iterator[Member]: ...

    def read_last(self, place: str, size_bytes: int, num_bytes: int) -> bytes:
        """The member's last bytes, all of them with `num_bytes` at its size. Raises DocumentMissing, or one of DAMAGED."""
        ...


class ZipArchive:
    def __init__(self, store: ObjectStore, info: ObjectInfo) -> None:
        self._zip = zipfile.ZipFile(RangeFile(store, info.key, info.size_bytes))
        self._by_place = {_zip_place(entry): entry for entry in self._zip.infolist()}
        self._overlapping = overlapping(self._zip.infolist())
        self._lock = threading.Lock()

    def members(self) -> Iterator[Member]:
        label = _labels()
        for entry in self._zip.infolist():
            if entry.is_dir() or stat.S_ISLNK(entry.external_attr >> 16) or is_hidden(entry.filename):
                continue
            yield Member(
                label=label(entry.filename),
                place=_zip_place(entry),
                size_bytes=entry.file_size,
                modified_at=_zip_time(entry),
            )

    def read_last(self, place: str, size_bytes: int, num_bytes: int) -> bytes:
        """zipfile stops at the size that the directory states and checks the CRC, so a bomb cannot swell past it."""
        entry = self._by_place[place]
        if is_bomb(entry.compress_size, entry.file_size):
            raise DocumentTooLarge(f"a decompression bomb: {entry.compress_size} bytes that unpack to {entry.file_size}")
        if entry.header_offset in self._overlapping:
            raise zipfile.BadZipFile("it overlaps the next member")
        if entry.compress_type not in METHODS:
            raise NotImplementedError("its compression method is not read; pack the archive with deflate")
        with self._lock:
            return _last(self._zip.read(entry), num_bytes)


class TarArchive:
    def __init__(self, store: ObjectStore, info: ObjectInfo) -> None:
        self._store = store
        self._info = info

    def members(self) -> Iterator[Member]:
        label = _labels()
        file = HeaderFile(self._store, self._info.key, self._info.size_bytes)
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for entry in _regular(tar):
                yield Member(
                    label=label(entry.name),
                    place="sparse" if entry.issparse() else str(entry.offset_data),
                    size_bytes=entry.size,
                    modified_at=_tar_time(entry),
                )
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
                raise tarfile.ReadError(f"no member starts at byte {tar.offset}")

    def read_last(self, place: str, size_bytes: int, num_bytes: int) -> bytes:
        if place == "sparse":
            raise DocumentUnsupported("sparse members are not supported; pack the archive without --sparse")
        wanted = min(size_bytes, num_bytes)
        data = self._store.get_range(self._info.key, int(place) + size_bytes - wanted, wanted)
        if len(data) != wanted:
            raise tarfile.ReadError(f"the archive ends {wanted - len(data)} bytes before the member does")
        return data


@dataclass(kw_only=True, slots=True)
class _Cursor:
    """An unpacking under way; owned by one thread at a time."""

    tar: tarfile.TarFile
    entries: Iterator[tarfile.TarInfo]
    next_number: int


class TarGzArchive:
    def __init__(self, store: ObjectStore, info: ObjectInfo) -> None:
        self._store = store
        self._info = info
        self._cursors: list[_Cursor] = []
        self._lock = threading.Lock()

    def members(self) -> Iterator[Member]:
        label = _labels()
        with self._unpack() as tar:
            for number, entry in enumerate(_regular(tar)):
                sha256 = _sha256(tar, entry)
                yield Member(
                    label=label(entry.name),
                    place=f"{number}:{sha256[:16]}",
                    size_bytes=entry.size,
                    modified_at=_tar_time(entry),
                    sha256=sha256,
                )

    def read_last(self, place: str, size_bytes: int, num_bytes: int) -> bytes:
        number = int(place.partition(":")[0])
        cursor = self._cursor_before(number)
        for entry in cursor.entries:
            cursor.next_number += 1
            if cursor.next_number > number:
                data = _content(cursor.tar, entry)
                self._keep(cursor)
                return _last(data, num_bytes)
        raise tarfile.ReadError(f"the archive ends after {cursor.next_number} documents")

    def _unpack(self) -> tarfile.TarFile:
        """gzip's own reader, because tarfile's stops after the first gzip member of `cat a.gz b.gz`."""
        packed = RangeFile(self._store, self._info.key, self._info.size_bytes)
        return tarfile.open(fileobj=LeashedGzip(packed), mode="r:")

    def _cursor_before(self, number: int) -> _Cursor:
        with self._lock:
            usable = [cursor for cursor in self._cursors if cursor.next_number <= number]
            if usable:
                nearest = max(usable, key=lambda cursor: cursor.next_number)
                self._cursors.remove(nearest)
                return nearest
        tar = self._unpack()
        return _Cursor(tar=tar, entries=_regular(tar), next_number=0)

    def _keep(self, cursor: _Cursor) -> None:
        with self._lock:
            self._cursors = [*self._cursors, cursor][-NUM_CURSORS:]


ARCHIVES: Mapping[str, Callable[[ObjectStore, ObjectInfo], Archive]] = {
    ".zip": ZipArchive,
    ".tar": TarArchive,
    ".tar.gz": TarGzArchive,
    ".tgz": TarGzArchive,
}


def refusal(told: str, error: Exception) -> DocumentMissing:
    """What one of DAMAGED means for the document that `told` speaks of. zipfile has RuntimeError for a password alone."""
    message = f"{told}: {' '.join(str(error).split())}"
    match error:
        case Bomb():
            return DocumentTooLarge(message)
        case NotImplementedError():
            return DocumentUnsupported(message)
        case RuntimeError():
            return DocumentEncrypted(message)
        case _:
            return DocumentDamaged(message)


def looks_packed(head: bytes) -> bool:
    """The first 512 bytes of a file are those of a zip, a gzip or a tar; a file of another kind may be called so as well."""
    return head.startswith((b"PK", b"\x1f\x8b")) or head[257:262] == b"ustar"


def is_archive(name: str) -> bool:
    return name.lower().endswith(tuple(ARCHIVES))


def open_archive(store: ObjectStore, info: ObjectInfo) -> Archive:
    """Raises one of DAMAGED, or StoreError."""
    opener = next(opener for suffix, opener in ARCHIVES.items() if info.key.lower().endswith(suffix))
    return opener(store, info)


def is_hidden(name: str) -> bool:
    """A step that starts with "." or "_", but not the steps "." and ".." themselves."""
    return any(step.startswith((".", "_")) and step not in (".", "..") for step in name.replace("\\", "/").split("/"))


def _labels() -> Callable[[str], str]:
    """Gives each name a label that no other member of the archive has; costs a set of all labels."""
    seen: set[str] = set()

    def label(name: str) -> str:
        storable = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        unique, number = storable, 1
        while unique in seen:
            number += 1
            unique = f"{storable}#{number}"
        seen.add(unique)
        return unique

    return label


def _regular(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """tarfile remembers every member it has passed; a large archive must not, so the list is emptied. A member of negative size
    would lead back to where it began, for ever."""
    while (entry := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]
        if entry.size < 0 or tar.offset <= entry.offset:
            raise tarfile.ReadError(f"the member at byte {entry.offset} has a negative size")
        if entry.isreg() and not is_hidden(entry.name):
            yield entry


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    return b"".join(_chunks(tar, entry))


def _chunks(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(entry)
    while stream and (chunk := stream.read(1 << 20)):
        yield chunk


def _last(data: bytes, num_bytes: int) -> bytes:
    return data[max(len(data) - num_bytes, 0) :]


def _sha256(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(tar, entry):
        digest.update(chunk)
    return digest.hexdigest()


def _zip_place(entry: zipfile.ZipInfo) -> str:
    return f"{entry.header_offset}:{entry.CRC:08x}"


def _zip_time(entry: zipfile.ZipInfo) -> datetime | None:
    """Zip stores local time without a zone; it is taken for UTC, and None where it is no date."""
    try:
        return datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return None


def _tar_time(entry: tarfile.TarInfo) -> datetime | None:
    try:
        return datetime.fromtimestamp(entry.mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None
