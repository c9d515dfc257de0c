"""Lists of documents: the bytes of a .txt, .csv or .parquet to addresses. Pure functions; a list is held in memory whole."""

import csv
import io
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config.addresses import without_secrets
from pipeline.errors import SourceError

COLUMNS = ("uri", "url", "path")
"""Column that holds the address, first match wins, upper or lower case; a table with one column needs no such name."""


def read_txt(data: bytes) -> list[str]:
    """One address a line; empty lines and lines that start with "#" are skipped."""
    lines = (line.strip() for line in data.decode("utf-8-sig").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def read_csv(data: bytes) -> list[str]:
    rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if any(cell.strip() for cell in row)]
    if not rows:
        return []
    column = _column_of(rows[0])
    if column is not None:
        return [row[column].strip() for row in rows[1:] if len(row) > column and row[column].strip()]
    if len(rows[0]) == 1:
        return [row[0].strip() for row in rows]
    raise _no_column(rows[0])


def read_parquet(data: bytes) -> list[str]:
    table = pq.ParquetFile(io.BytesIO(data))
    names = table.schema_arrow.names
    column = _column_of(names)
    if column is None and len(names) != 1:
        raise _no_column(names)
    values = table.read(columns=[names[column or 0]]).column(0).cast(pa.string()).to_pylist()
    return [value for value in values if value]


LISTS: Mapping[str, Callable[[bytes], list[str]]] = {".txt": read_txt, ".csv": read_csv, ".parquet": read_parquet}


def addresses_in(name: str, data: bytes) -> list[str]:
    """The addresses in the list called `name`, each once, in order. Raises SourceError when the list cannot be read."""
    read = next(read for suffix, read in LISTS.items() if name.lower().endswith(suffix))
    try:
        return list(dict.fromkeys(read(data)))
    except SourceError as error:
        raise SourceError(f"{name}: {error}") from error
    except (UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise SourceError(
            f"{name} is not a readable list of documents: {without_secrets(' '.join(str(error).split()))}"
        ) from None


def _no_column(names: list[str]) -> SourceError:
    """A table without a head has addresses there, which may be presigned."""
    found = without_secrets(", ".join(names))
    return SourceError(f"no column {' or '.join(COLUMNS)} among {found}; name the column with the addresses so")


def _column_of(names: list[str]) -> int | None:
    lowered = [name.strip().lower() for name in names]
    return next((lowered.index(name) for name in COLUMNS if name in lowered), None)
