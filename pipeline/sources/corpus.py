"""The one Source: addresses of every shape, over folders and buckets, archives opened on the way.

A document's version is its ETag or modification time; a member's is its archive's version, "@", and its place in the archive,
so that it is found again without listing the archive.
"""

import os
import posixpath
import re
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from pipeline.config import StoreConfig
from pipeline.config.addresses import refuse_credentials
from pipeline.errors import DocumentMissing, DocumentTooLarge, ObjectForbidden, ObjectMissing, SourceError, StoreError
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.records import DocumentRef
from pipeline.sources.archives import (
    DAMAGED,
    MAX_MEMBER_BYTES,
    Archive,
    is_archive,
    is_hidden,
    looks_packed,
    open_archive,
    refusal,
)
from pipeline.sources.denials import raise_denial, refuse_all_denied
from pipeline.sources.lists import LISTS, addresses_in
from pipeline.store import open_store

MISSING = "missing"
MEMBER = re.compile(r"\.(?:zip|tar|tar\.gz|tgz)(#)", re.IGNORECASE)
NUM_OPEN_ARCHIVES = 8
NUM_HEADS = 32
"""Requests under way at once when a list of objects is looked up: one takes 20 ms or more, a list has a million."""
HEADS_AHEAD = 1024
Fetched = TypeVar("Fetched")


class CorpusSource:
    """An `interfaces.Source`; see the table in `pipeline.sources`. Connections and archives are opened where it is used."""

    def __init__(self, config: StoreConfig) -> None:
        self._config = config
        self._uri = _absolute(config.uri, "")
        self._stores: dict[str, ObjectStore] = {}
        self._archives: OrderedDict[str, tuple[str, Archive]] = OrderedDict()
        self._read_last = ""
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["CorpusSource"], tuple[StoreConfig]]:
        return CorpusSource, (self._config,)

    def scan(self) -> Iterator[DocumentRef]:
        try:
            info = self._head(self._uri)
        except ObjectMissing:
            yield from self._below(self._uri)
            return
        if not self._uri.lower().endswith(tuple(LISTS)):
            yield from self._expanded(self._uri, info)
            return
        store, key = self._place(self._uri)
        yield from self._listed(addresses_in(self._uri, store.get(key)))

    def read(self, document: DocumentRef) -> bytes:
        archive_uri, member = _split(document)
        if member:
            return self._read_member(archive_uri, document, document.size_bytes)
        if is_archive(document.uri):
            self._refuse_archive(document)
        store, key = self._place(document.uri)
        return self._of_one_document(document.uri, partial(store.get, key))

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        archive_uri, member = _split(document)
        if member:
            return self._read_member(archive_uri, document, num_bytes)
        store, key = self._place(document.uri)
        start = max(document.size_bytes - num_bytes, 0)
        return self._of_one_document(document.uri, partial(store.get_range, key, start, num_bytes))

    # ---- listing ----

    def _below(self, uri: str) -> Iterator[DocumentRef]:
        """Every visible object below a folder or prefix."""
        if uri.startswith("/") and not os.path.isdir(uri):
            raise SourceError(f"the input {uri} does not exist, or may not be entered; check input.uri")
        store, key = self._place(uri)
        root = uri.removesuffix(key)
        prefix = f"{key.rstrip('/')}/" if key else ""
        try:
            for info in store.list(prefix):
                if not is_hidden(info.key.removeprefix(prefix)):
                    yield from self._expanded(f"{root.rstrip('/')}/{info.key}", info)
        except (ObjectMissing, ObjectForbidden) as error:
            raise SourceError(f"cannot list the input {uri}: {error}") from error

    def _listed(self, addresses: Iterable[str]) -> Iterator[DocumentRef]:
        folder = self._uri.rpartition("/")[0]
        uris = iter([_absolute(_without_credentials(address, self._uri), folder) for address in addresses])
        with ThreadPoolExecutor(NUM_HEADS) as pool:
            while some := list(islice(uris, HEADS_AHEAD)):
                found = list(pool.map(self._looked_up, some))
                refuse_all_denied(found, self._uri)
                for uri, info in zip(some, found, strict=True):
                    yield from self._found(uri, info)

    def _found(self, uri: str, info: ObjectInfo | StoreError) -> Iterator[DocumentRef]:
        archive = MEMBER.search(uri)
        if isinstance(info, ObjectInfo) and archive:
            members = self._expanded(uri[: archive.start(1)], info)
            yield next((member for member in members if member.uri == uri), _missing(uri))
        elif isinstance(info, ObjectInfo):
            yield from self._expanded(uri, info)
        elif os.path.isdir(uri) or (uri.startswith("s3://") and uri.endswith("/")):
            yield from self._below(uri)
        else:
            yield _missing(uri)

    def _looked_up(self, uri: str) -> ObjectInfo | StoreError:
        archive = MEMBER.search(uri)
        try:
            return self._head(uri[: archive.start(1)] if archive else uri)
        except (ObjectMissing, ObjectForbidden) as error:
            return error

    def _expanded(self, uri: str, info: ObjectInfo) -> Iterator[DocumentRef]:
        """The document, or the members of an archive. Where an archive cannot be read, or not to its end, the archive itself
        comes after the members that were found, and ends in quarantine: the rest of it is not lost in silence."""
        if is_archive(uri):
            try:
                for member in self._archive(uri, info).members():
                    yield DocumentRef(
                        uri=f"{uri}#{member.label}",
                        size_bytes=member.size_bytes,
                        version=f"{info.version}@{member.place}",
                        modified_at=member.modified_at,
                        sha256=member.sha256,
                    )
                return
            except DAMAGED:
                pass
        yield DocumentRef(uri=uri, size_bytes=info.size_bytes, version=info.version, modified_at=info.modified_at)

    # ---- reading ----

    def _read_member(self, archive_uri: str, document: DocumentRef, num_last_bytes: int) -> bytes:
        version, _, place = document.version.rpartition("@")
        if document.size_bytes > MAX_MEMBER_BYTES:
            raise DocumentTooLarge(
                f"{document.uri} unpacks to {document.size_bytes} bytes, above the limit of {MAX_MEMBER_BYTES}"
            )
        try:
            archive = self._of_one_document(archive_uri, partial(self._archive_of, archive_uri, version))
            read = partial(archive.read_last, place, document.size_bytes, num_last_bytes)
            return self._of_one_document(archive_uri, read)
        except DAMAGED as error:
            raise refusal(f"{document.uri} cannot be unpacked", error) from error

    def _refuse_archive(self, document: DocumentRef) -> None:
        """An archive is a document where it could not be listed to its end: listed once more, it says why. What only has an
        archive's name is left to rendering, which goes by the bytes."""
        store, key = self._place(document.uri)
        if not looks_packed(self._of_one_document(document.uri, partial(store.get_range, key, 0, tarfile.BLOCKSIZE))):
            return
        try:
            archive = self._of_one_document(document.uri, partial(self._archive_of, document.uri, document.version))
            for _ in archive.members():
                pass
        except DAMAGED as error:
            raise refusal(f"{document.uri} cannot be listed to its end", error) from error

    def _archive_of(self, uri: str, version: str) -> Archive:
        with self._lock:
            known, archive = self._archives.get(uri, ("", None))
        if archive is None:
            info = self._head(uri)
            known, archive = info.version, self._archive(uri, info)
        if known != version:
            raise DocumentMissing(f"{uri} has changed since it was listed; plan a new build to read it")
        return archive

    def _archive(self, uri: str, info: ObjectInfo) -> Archive:
        archive = open_archive(self._place(uri)[0], info)
        with self._lock:
            self._archives[uri] = (info.version, archive)
            while len(self._archives) > NUM_OPEN_ARCHIVES:
                self._archives.popitem(last=False)
        return archive

    def _of_one_document(self, uri: str, fetch: partial[Fetched]) -> Fetched:
        """What `fetch` gives; what went wrong with this object alone becomes DocumentMissing."""
        try:
            fetched = fetch()
        except ObjectMissing as error:
            raise DocumentMissing(str(error)) from error
        except ObjectForbidden as error:
            raise_denial(uri, error, others=self._others(), read_a_byte=self._read_a_byte)
        self._read_last = uri
        return fetched

    def _others(self) -> Iterator[str]:
        """Objects that a denied read is compared with, each once."""
        seen = {""}
        for uri in chain([self._read_last], (_split(document)[0] for document in self.scan())):
            if uri not in seen:
                seen.add(uri)
                yield uri

    def _read_a_byte(self, uri: str) -> None:
        store, key = self._place(uri)
        store.get_range(key, 0, 1)

    def _head(self, uri: str) -> ObjectInfo:
        store, key = self._place(uri)
        if not key or key.endswith("/"):
            raise ObjectMissing(f"{uri} is a folder")
        return store.head(key)

    def _place(self, uri: str) -> tuple[ObjectStore, str]:
        """The store, one per bucket, and the key in it; the local disk is one store from "/" on."""
        root, key = ("/", uri.lstrip("/")) if uri.startswith("/") else _bucket_and_key(uri)
        with self._lock:
            if root not in self._stores:
                self._stores[root] = open_store(self._config.model_copy(update={"uri": root}))
            return self._stores[root], key


def _missing(uri: str) -> DocumentRef:
    return DocumentRef(uri=uri, size_bytes=0, version=MISSING)


def _split(document: DocumentRef) -> tuple[str, str]:
    """Address of the archive and label of the member; the label is "" for a document that lies alone. Only a member has an
    "@" in its version."""
    mark = MEMBER.search(document.uri)
    if mark is None or "@" not in document.version:
        return document.uri, ""
    return document.uri[: mark.start(1)], document.uri[mark.end(1) :]


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return f"s3://{bucket}", key


def _without_credentials(address: str, where: str) -> str:
    """The address, when it holds none. Raises SourceError, which does not repeat it."""
    try:
        return refuse_credentials(address)
    except ValueError as error:
        raise SourceError(f"the list {where} holds {error}") from error


def _absolute(address: str, folder: str) -> str:
    """An absolute path or `s3://bucket/key`; a relative address counts from `folder`. Raises SourceError."""
    scheme, separator, rest = address.partition("://")
    if separator and scheme == "s3":
        return address
    if separator and scheme == "file":
        return "/" + rest.lstrip("/")
    if separator and "/" not in scheme:
        host = re.split(r"[?#]", address, maxsplit=1)[0]
        raise SourceError(f"cannot read {host}: {scheme}:// is not supported; give a path or s3://bucket/key")
    if folder.startswith("s3://") and not address.startswith("/"):
        return f"{folder}/{posixpath.normpath(address)}" + ("/" if address.endswith("/") else "")
    path = os.path.join(folder, os.path.expanduser(address))
    return os.path.abspath(path) + ("/" if address.endswith("/") else "")
