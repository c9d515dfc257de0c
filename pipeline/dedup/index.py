"""The index of a build: its signatures turned so that equal ones lie together. Put once, beside the signatures.

In: SignedBuilds. Out: Chunks, of up to about CHUNK_DOCUMENTS consecutive documents of one build, each with up to four objects:

    texts-00000           records, of every document with letters
    bands-21x6-00000      records, `bands` for each document with shingles
    pages-200-00000       records, one for each page with that many letters and each document that has it
    minhash-00000         the documents' minhashes, 512 bytes each, in order: any row can be had alone

What depends on the search stands in the name, so another banding makes new objects beside the old ones. A build's objects
depend on its signatures only, not on who takes part in a search: a night adds its own and reads those of all nights. 784 bytes
a document and 20 for each long page (21 x 6). A task holds one chunk: 270 MB measured where documents have 6.5 pages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from pipeline.config import DedupConfig
from pipeline.config.build import MINHASH_VALUES
from pipeline.dedup.signatures import mix
from pipeline.dedup.signed import SignatureArrays, SignedBuild, SignedFile, read_signatures
from pipeline.dedup.slices import RECORDS, Records, encode_slice
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread

CHUNK_DOCUMENTS = 65_536
"""A chunk is closed when it has as many: 50 MB of index, and 16 chunks for a million documents. Never to be changed for builds
that have an index: the objects would be taken for other documents'."""


class Kind(StrEnum):
    """What an object of the index holds."""

    TEXTS = "texts"
    BANDS = "bands"
    PAGES = "pages"
    MINHASH = "minhash"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some consecutive documents of one build, and where their index lies."""

    files: tuple[SignedFile, ...]
    first_row: int
    """Number of the first document in its build."""
    build_document: int
    """Number of the build's first document in the dataset."""
    num_documents: int
    keys: tuple[tuple[Kind, str], ...]
    """Of the objects that the search needs."""

    def key(self, kind: Kind) -> str:
        return dict(self.keys)[kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexTask:
    """What one chunk lacks."""

    store: ObjectStore
    chunk: Chunk
    absent: tuple[Kind, ...]
    config: DedupConfig


def chunks_of(builds: Sequence[SignedBuild], config: DedupConfig) -> list[Chunk]:
    """All documents of the dataset, in order. How a build is cut depends on that build alone."""
    chunks: list[Chunk] = []
    build_document = 0
    for build in builds:
        first_row = 0
        for number, files in enumerate(_gathered(build.files)):
            num_documents = sum(file.num_documents for file in files)
            keys = tuple((kind, f"{build.index_prefix}{name}-{number:05d}") for kind, name in _names(config))
            chunks.append(
                Chunk(
                    files=files,
                    first_row=first_row,
                    build_document=build_document,
                    num_documents=num_documents,
                    keys=keys,
                )
            )
            first_row += num_documents
        build_document += build.num_documents
    return chunks


def write_index(
    builds: Sequence[SignedBuild], chunks: Sequence[Chunk], *, store: ObjectStore, config: DedupConfig, spread: Spread
) -> dict[str, int]:
    """Puts what is absent. Returns the size in bytes of each object that the search needs."""
    sizes = {info.key: info.size_bytes for build in builds for info in store.list(build.index_prefix)}
    tasks = [
        IndexTask(store=store, chunk=chunk, absent=absent, config=config)
        for chunk in chunks
        if (absent := tuple(kind for kind, key in chunk.keys if key not in sizes))
    ]
    for written in spread(index_chunk, tasks):
        sizes |= written
    return {key: sizes[key] for chunk in chunks for _, key in chunk.keys}


def index_chunk(task: IndexTask) -> dict[str, int]:
    """Puts the absent objects of a chunk; the same chunk gives the same bytes. Returns their sizes by key. Raises
    VerifyError."""
    first_row = task.chunk.first_row
    parts: dict[Kind, list[npt.NDArray[np.generic]]] = {kind: [] for kind in task.absent}
    for file in task.chunk.files:
        signatures = read_signatures(task.store, file)
        for kind in task.absent:
            parts[kind].append(_part(kind, signatures, first_row, task.config))
        first_row += file.num_documents
    sizes: dict[str, int] = {}
    for kind in task.absent:
        whole = np.concatenate(parts.pop(kind))
        data = whole.tobytes() if kind == Kind.MINHASH else encode_slice(whole)
        task.store.put_once(task.chunk.key(kind), data, attempt_id=uuid4().hex)
        sizes[task.chunk.key(kind)] = len(data)
    return sizes


def band_keys(minhashes_DM: npt.NDArray[np.uint32], *, bands: int, band_rows: int) -> npt.NDArray[np.uint64]:
    """A hash of each band and its number. (D, bands)"""
    banded = minhashes_DM[:, : bands * band_rows].reshape(len(minhashes_DM), bands, band_rows)
    keys_DB = np.tile(np.arange(1, bands + 1, dtype=np.uint64), (len(minhashes_DM), 1))
    for row in range(band_rows):
        keys_DB = mix(keys_DB + banded[:, :, row])
    return keys_DB


def _names(config: DedupConfig) -> Iterator[tuple[Kind, str]]:
    yield Kind.TEXTS, Kind.TEXTS.value
    if config.near_threshold is not None:
        yield Kind.BANDS, f"{Kind.BANDS}-{config.bands}x{config.band_rows}"
        yield Kind.MINHASH, Kind.MINHASH.value
    if config.contained_fraction is not None:
        yield Kind.PAGES, f"{Kind.PAGES}-{config.min_page_letters}"


def _gathered(files: Sequence[SignedFile]) -> Iterator[tuple[SignedFile, ...]]:
    chunk: list[SignedFile] = []
    num_documents = 0
    for file in files:
        chunk.append(file)
        num_documents += file.num_documents
        if num_documents >= CHUNK_DOCUMENTS:
            yield tuple(chunk)
            chunk, num_documents = [], 0
    if num_documents:
        yield tuple(chunk)


def _part(kind: Kind, signatures: SignatureArrays, first_row: int, config: DedupConfig) -> npt.NDArray[np.generic]:
    match kind:
        case Kind.TEXTS:
            return _text_records(signatures, first_row)
        case Kind.BANDS:
            return _band_records(signatures, first_row, config)
        case Kind.PAGES:
            return _page_records(signatures, first_row, config.min_page_letters)
        case Kind.MINHASH:
            return signatures.minhashes_DM.reshape(-1, MINHASH_VALUES)


def _text_records(signatures: SignatureArrays, first_row: int) -> Records:
    with_letters = np.flatnonzero(signatures.letters_D > 0)
    records = np.empty(len(with_letters), RECORDS[Kind.TEXTS])
    records["key"] = signatures.text_hashes_D2[with_letters, 0]
    records["rest"] = signatures.text_hashes_D2[with_letters, 1]
    records["row"] = first_row + with_letters
    return records


def _band_records(signatures: SignatureArrays, first_row: int, config: DedupConfig) -> Records:
    comparable = np.flatnonzero(signatures.have_shingles())
    keys_DB = band_keys(signatures.minhashes_DM[comparable], bands=config.bands, band_rows=config.band_rows)
    records = np.empty(keys_DB.size, RECORDS[Kind.BANDS])
    records["key"] = keys_DB.reshape(-1)
    records["row"] = np.repeat(first_row + comparable, config.bands)
    return records


def _page_records(signatures: SignatureArrays, first_row: int, min_page_letters: int) -> Records:
    long_enough = signatures.page_letters_P >= min_page_letters
    hashes = signatures.page_hashes_P[long_enough]
    documents = signatures.page_documents_P[long_enough]
    letters = signatures.page_letters_P[long_enough]
    order = np.lexsort((hashes, documents))
    hashes, documents, letters = hashes[order], documents[order], letters[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (hashes[1:] != hashes[:-1]) | (documents[1:] != documents[:-1])
    firsts = np.flatnonzero(is_first)
    records = np.empty(len(firsts), RECORDS[Kind.PAGES])
    records["key"] = hashes[firsts]
    records["row"] = first_row + documents[firsts]
    records["letters"] = np.add.reduceat(letters, firsts) if len(firsts) else 0
    records["document_letters"] = signatures.letters_D[documents[firsts]]
    return records
