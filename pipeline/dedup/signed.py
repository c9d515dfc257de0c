"""Where signatures lie: files of a build, in dataset order, and the columns of one of them as arrays.

In: Parquet files with the columns of SIGNATURE_FIELDS, one row a document, and perhaps other columns. Out: arrays. A row whose
signature is null (a document that was read elsewhere) is a document without letters. Holds one file.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.config.build import MINHASH_VALUES
from pipeline.dedup.signatures import NO_SHINGLES, SIGNATURE_FIELDS
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.tables.parquet import decode

Number = TypeVar("Number", np.uint32, np.uint64)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedFile:
    """One Parquet file of signatures."""

    key: str
    num_documents: int
    """Its rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedBuild:
    """The signatures of a build, which never change."""

    files: tuple[SignedFile, ...]
    """In dataset order: their rows, one file after the other, number the build's documents."""
    index_prefix: str
    """Under which the build's index is put once: a key ending in "/", of this build and this signature scheme alone."""

    @property
    def num_documents(self) -> int:
        return sum(file.num_documents for file in self.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureArrays:
    """The signatures of one file: D documents, P pages of them all, M minhash values."""

    text_hashes_D2: npt.NDArray[np.uint64]
    minhashes_DM: npt.NDArray[np.uint32]
    letters_D: npt.NDArray[np.int64]
    page_hashes_P: npt.NDArray[np.uint64]
    page_letters_P: npt.NDArray[np.int64]
    page_documents_P: npt.NDArray[np.int64]
    """Row of the document that each page belongs to, ascending."""

    def have_shingles(self) -> npt.NDArray[np.bool_]:
        """Which documents have a minhash that can be compared. (D,)"""
        has_shingles: npt.NDArray[np.bool_] = np.any(self.minhashes_DM != NO_SHINGLES, axis=1)
        return has_shingles


def read_signatures(store: ObjectStore, file: SignedFile) -> SignatureArrays:
    """Raises VerifyError when the file is not whole or has another number of rows."""
    table = decode(store.get(file.key), [field.name for field in SIGNATURE_FIELDS]).combine_chunks()
    if table.num_rows != file.num_documents:
        raise VerifyError(
            f"{file.key} in {store.uri} has {table.num_rows} rows where {file.num_documents} are expected: it is another "
            "file, or the list of files was made from another state of the dataset"
        )
    page_hashes, page_letters = (_column(table, name) for name in ("page_hashes", "page_letters"))
    num_pages_D = page_hashes.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return SignatureArrays(
        text_hashes_D2=_numbers(_column(table, "text_hash"), 2, np.uint64, 0),
        minhashes_DM=_numbers(_column(table, "minhash"), MINHASH_VALUES, np.uint32, NO_SHINGLES),
        letters_D=_column(table, "letters").fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64),
        page_hashes_P=page_hashes.flatten().to_numpy(zero_copy_only=False).astype(np.uint64),
        page_letters_P=page_letters.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        page_documents_P=np.repeat(np.arange(table.num_rows), num_pages_D),
    )


def _column(table: pa.Table, name: str) -> pa.Array:
    chunks = table.column(name).chunks
    return chunks[0] if chunks else pa.array([], table.schema.field(name).type)


def _numbers(column: pa.Array, width: int, number: type[Number], absent: int) -> npt.NDArray[Number]:
    """Rows of `width` little-endian numbers from a binary column, `absent` throughout where it is null."""
    row_of_null = np.full(width, absent, number).tobytes()
    rows = b"".join(row_of_null if row is None else row for row in column.to_pylist())
    return np.frombuffer(rows, number).reshape(len(column), width)
