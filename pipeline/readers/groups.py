"""Which row groups a table has: its files, and how many rows lie in each row group of each.

In: the keys and sizes of the files, and their footers, or an index that holds what the footers say. Out: `RowGroups`, numbered
from 0 in the order of the keys. Opening 10,000 files by their footers is 10,000 requests; the index
(`_versions/<v>/index.parquet`, one row a row group) is one, of about 3 bytes a row group.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import ConfigError, ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.readers.footers import read_footer
from pipeline.readers.order import Int64
from pipeline.readers.withdrawn import named_latest, refuse_withdrawn
from pipeline.tables.parquet import decode, encode

INDEX_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("row_group", pa.int32(), nullable=False),
        pa.field("num_rows", pa.int64(), nullable=False),
    ]
)
FOOTER_THREADS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class TableFile:
    """One Parquet file of a table."""

    key: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RowGroups:
    """The row groups of a table, G of them."""

    files: tuple[TableFile, ...]
    file_G: npt.NDArray[np.int32]
    """Which of the files each lies in."""
    ordinal_G: npt.NDArray[np.int32]
    """Its number in that file."""
    rows_G: Int64
    """Its rows."""

    @property
    def num_rows(self) -> int:
        return int(self.rows_G.sum())


def latest_version(store: ObjectStore) -> str:
    """The version that readers are told to take. Raises ConfigError when nothing is published, or it was withdrawn since."""
    version = named_latest(store)
    refuse_withdrawn(store, version)
    return version


def open_version(store: ObjectStore, version: str) -> RowGroups:
    """Row groups of the published documents of `version`: by its index, or by the footers where there is none. Raises
    ConfigError for a version that is not there or was withdrawn."""
    refuse_withdrawn(store, version)
    try:
        return read_index(store.get(index_key(version)))
    except ObjectMissing:
        return index_files(store, list_files(store, f"documents/version={version}/"))


def open_pages(store: ObjectStore, build_id: str | None = None) -> RowGroups:
    """Row groups of the pages of one build or of all, kept and rejected ones, by their footers."""
    return index_files(store, list_files(store, "pages/" if build_id is None else f"pages/build={build_id}/"))


def index_key(version: str) -> str:
    return f"_versions/{version}/index.parquet"


def list_files(store: ObjectStore, prefix: str) -> list[TableFile]:
    """The Parquet files below `prefix` but those that start with `_`. Raises ConfigError when there is none."""
    files = [
        TableFile(key=info.key, size_bytes=info.size_bytes)
        for info in store.list(prefix)
        if info.key.endswith(".parquet") and not info.key.rpartition("/")[2].startswith("_")
    ]
    if not files:
        raise ConfigError(f"no Parquet file lies under {prefix} in {store.uri}; check the address and the name of the version")
    return files


def index_files(store: ObjectStore, files: Sequence[TableFile]) -> RowGroups:
    """Reads every footer. Raises VerifyError for what is not whole Parquet."""
    return _numbered(files, map_in_order(lambda file: _rows_of(store, file), files, num_threads=FOOTER_THREADS))


def _rows_of(store: ObjectStore, file: TableFile) -> list[int]:
    footer = read_footer(store, file.key, file.size_bytes)
    return [footer.row_group(ordinal).num_rows for ordinal in range(footer.num_row_groups)]


def _numbered(files: Sequence[TableFile], rows_of_files: Iterable[list[int]]) -> RowGroups:
    numbers = [(n, ordinal, rows) for n, file_rows in enumerate(rows_of_files) for ordinal, rows in enumerate(file_rows)]
    columns = np.array(numbers, dtype=np.int64).reshape(-1, 3)
    return RowGroups(
        files=tuple(files),
        file_G=columns[:, 0].astype(np.int32),
        ordinal_G=columns[:, 1].astype(np.int32),
        rows_G=columns[:, 2].copy(),
    )


def index_bytes(groups: RowGroups) -> bytes:
    """The index as one Parquet file: the same bytes for the same row groups. A file of no row group is not in it."""
    of_group = [groups.files[number] for number in groups.file_G]
    columns = {
        "key": [file.key for file in of_group],
        "size_bytes": [file.size_bytes for file in of_group],
        "row_group": groups.ordinal_G,
        "num_rows": groups.rows_G,
    }
    return encode(pa.table(columns, schema=INDEX_SCHEMA), {})


def read_index(data: bytes) -> RowGroups:
    """Raises VerifyError when the bytes are not an index."""
    table = decode(data, INDEX_SCHEMA.names)
    keys = table.column("key").combine_chunks().dictionary_encode()
    first_of_key = np.unique(keys.indices.to_numpy(), return_index=True)[1]
    sizes = table.column("size_bytes").to_numpy()[first_of_key]
    return RowGroups(
        files=tuple(
            TableFile(key=key, size_bytes=int(size)) for key, size in zip(keys.dictionary.to_pylist(), sizes, strict=True)
        ),
        file_G=keys.indices.to_numpy().astype(np.int32),
        ordinal_G=table.column("row_group").to_numpy().astype(np.int32),
        rows_G=table.column("num_rows").to_numpy(),
    )


def fingerprint(groups: RowGroups) -> str:
    """Of the files and their rows: 16 hex digits."""
    hashed = hashlib.sha256("\n".join(f"{file.key} {file.size_bytes}" for file in groups.files).encode())
    hashed.update(groups.rows_G.tobytes())
    return hashed.hexdigest()[:16]
