"""Where tests lay their inputs, and how they pack archives."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping

from pipeline.config import StoreConfig
from pipeline.interfaces import ObjectStore, Source
from pipeline.sources import open_source
from pipeline.store import open_store


class Place:
    """Where a test lays its input: a folder or a bucket."""

    def __init__(self, config: StoreConfig) -> None:
        self.config = config
        self.store: ObjectStore = open_store(config)

    def lay(self, objects: Mapping[str, bytes]) -> "Place":
        for key, data in objects.items():
            self.store.put(key, data)
        return self

    def source(self, key: str = "") -> Source:
        return open_source(self.config.model_copy(update={"uri": self.uri(key)}))

    def uri(self, key: str) -> str:
        return f"{self.store.uri}/{key}".rstrip("/")

    def names(self, key: str = "") -> list[str]:
        return [document.uri.removeprefix(self.store.uri + "/") for document in self.source(key).scan()]


def zip_of(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10)), data, compression)
    return out.getvalue()


def tar_of(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), 1_700_000_000
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def tgz_of(*members: tuple[str, bytes]) -> bytes:
    return gzip.compress(tar_of(*members))


PACKERS: tuple[tuple[str, Callable[..., bytes]], ...] = (("zip", zip_of), ("tar", tar_of), ("tar.gz", tgz_of), ("tgz", tgz_of))
