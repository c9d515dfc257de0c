"""Objects in a folder: a key is a path below it.

`put_once` writes a temporary file (`.put-*`, never listed), makes it durable, and hard-links it to its name, which fails if
the name exists. An attempt id need not be kept: no client retries behind our back, so a reply can be lost only inside
`os.link` (NFS), and then the name already leads to our own temporary file, which is checked. A process that dies leaves at
most a `.put-*` file behind.
"""

import fcntl
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import EMLINK, ENOSYS, EOPNOTSUPP, EPERM
from pathlib import Path
from urllib.parse import unquote_to_bytes

from pipeline.errors import ObjectForbidden, ObjectMissing, StoreError, StoreUnsafe
from pipeline.interfaces import ObjectInfo

TEMPORARY = ".put-"
LOCK = ".put-lock"
NO_HARD_LINK = frozenset({EPERM, EOPNOTSUPP, ENOSYS, EMLINK})


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderStore:
    """An `ObjectStore`; every OSError comes out as a StoreError that names the path."""

    root: Path
    """Absolute."""

    @property
    def uri(self) -> str:
        return str(self.root)

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        path = self._path(key)
        with _told(path, "write"), _temporary(path, data) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return os.path.samefile(temporary, path)
            except OSError as error:
                if error.errno in NO_HARD_LINK:
                    raise StoreUnsafe(
                        f"{self.root} lies on a filesystem without hard links ({error.strerror}), so it cannot create a file "
                        "exactly once; choose a folder on another filesystem"
                    ) from error
                raise
        return True

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with _told(path, "write"), _temporary(path, data) as temporary:
            os.replace(temporary, path)

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        """Comparing and replacing are one under a lock on the folder, which the kernel drops with its holder."""
        path = self._path(key)
        with _told(path, "write"), _locked(path.parent), _temporary(path, data) as temporary:
            status = _status_of(path)
            if status is None or str(status.st_mtime_ns) != version:
                return False
            _make_newer(temporary, than=status)
            os.replace(temporary, path)
        return True

    def copy(self, source_key: str, key: str) -> None:
        """A second name of the same file; a filesystem that has no hard links, or no more of them, gets a second file."""
        source, path = self._path(source_key), self._path(key)
        with _told(source, "read"):
            source.stat()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
        try:
            with _told(path, "write"):
                os.link(source, temporary)
                os.replace(temporary, path)
                _sync_folder(path.parent)
        except StoreError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in NO_HARD_LINK:
                raise
            self.put(key, self.get(source_key))
        finally:
            temporary.unlink(missing_ok=True)  # POSIX: renaming one name of a file to another of its names leaves both

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with _told(path, "read"):
            return path.read_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        path = self._path(key)
        with _told(path, "read"), path.open("rb") as stream:
            stream.seek(start)
            return stream.read(max(length, 0))

    def head(self, key: str) -> ObjectInfo:
        path = self._path(key)
        with _told(path, "read"):
            if not path.is_file():
                raise FileNotFoundError(path)
            return _info(key, path.stat())

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Regular files, links followed; a folder that links back to one above it is not entered again. Names that are not
        UTF-8 are shown with `%XX` for the odd bytes, and are found again by that key."""
        folder_key = prefix[: prefix.rfind("/") + 1]
        start = self._path(folder_key) if folder_key else self.root
        if start.is_dir() or not folder_key:
            yield from _walk(start, folder_key, prefix, ())

    def leftovers(self) -> Iterator[ObjectInfo]:
        """Files that writers who died have left half written. They are no objects: `list` does not show them, `delete` takes
        their keys. A writer at work has some, too; they are young."""
        for folder, _, names in os.walk(self.root):
            for name in sorted(names):
                path = Path(folder, name)
                status = _status_of(path) if name.startswith(TEMPORARY) else None
                if status is not None:
                    yield _info(path.relative_to(self.root).as_posix(), status)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _told(path, "delete"):
            path.unlink(missing_ok=True)

    def probe(self) -> None:
        key = f"_probe-{uuid.uuid4().hex}"
        try:
            first = self.put_once(key, b"first", attempt_id="first")
            second = self.put_once(key, b"second", attempt_id="second")
            if not first or second or self.get(key) != b"first":
                raise StoreUnsafe(f"{self.root} let a second writer replace an object; choose a folder on another filesystem")
        finally:
            self.delete(key)

    def _path(self, key: str) -> Path:
        steps = key.rstrip("/").split("/")
        if any(step in ("", ".", "..") for step in steps):
            raise StoreError(f"{key!r} is not a key of a folder: its steps may not be empty, '.' or '..'")
        path = self.root.joinpath(*steps)
        if "%" not in key or os.path.lexists(path):
            return path
        undone = self.root
        for step in steps:
            literal = undone / step
            undone = literal if os.path.lexists(literal) else undone / os.fsdecode(unquote_to_bytes(step))
        return undone if os.path.lexists(undone) else path


def _walk(folder: Path, folder_key: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[ObjectInfo]:
    with _told(folder, "list"):
        identity = (folder.stat().st_dev, folder.stat().st_ino)
        if identity in above:
            return
        with os.scandir(folder) as entries:
            found = sorted((_utf8_name(e.name) + ("/" if e.is_dir() else ""), e.name) for e in entries)
    for name, raw_name in found:
        path = folder / raw_name
        key = folder_key + name
        if name.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _walk(path, key, prefix, (*above, identity))
        elif key.startswith(prefix) and not name.startswith(TEMPORARY):
            status = _status_of(path)
            if status is not None and stat.S_ISREG(status.st_mode):
                yield _info(key, status)


def _status_of(path: Path) -> os.stat_result | None:
    """None for a link to nothing and for what was deleted while we listed: neither is an object."""
    try:
        with _told(path, "read"):
            return path.stat()
    except ObjectMissing:
        return None


def _utf8_name(name: str) -> str:
    """`os.scandir` gives odd bytes as lone surrogates, which no table can hold: "caf\\udce9" becomes "caf%E9"."""
    if not any("\udc80" <= c <= "\udcff" for c in name):
        return name
    return re.sub("[\udc80-\udcff%]", lambda odd: f"%{os.fsencode(odd[0])[0]:02X}", name)


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size_bytes=status.st_size,
        version=str(status.st_mtime_ns),
        modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
    )


@contextmanager
def _temporary(path: Path, data: bytes) -> Iterator[Path]:
    """`data` in a durable file beside `path`; what the caller makes of it is made durable, the temporary name removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Only one process at a time is inside, on this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_newer(path: Path, *, than: os.stat_result) -> None:
    """File times advance in steps of up to 4 ms, and the time is the version: two writes within one step must differ."""
    status = path.stat()
    if status.st_mtime_ns <= than.st_mtime_ns:
        os.utime(path, ns=(status.st_atime_ns, than.st_mtime_ns + 1))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        if verb == "write":
            raise StoreError(
                f"cannot write {path}: {error.strerror}; a folder and an object are in each other's way"
            ) from error
        raise ObjectMissing(f"{path} does not exist, or is not what its name says; check the path") from error
    except PermissionError as error:
        raise ObjectForbidden(f"may not {verb} {path}: permission denied; check its owner and mode") from error
    except OSError as error:
        raise StoreError(f"cannot {verb} {path}: {error.strerror}; check the disk and the mount") from error
