"""Rows of one stored table that hold a value in a column, by ranges. In: the object, the column, what is wanted. Out: rows.

Row groups whose statistics rule the value out are not opened. Of the others the column that is asked is fetched, and the
columns that are told only where it matches. A table without the value costs its footer and, where it is not sorted by the
column, that column.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.readers.footers import open_row_group, read_footer

LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Strings: one of some, or with this beginning, ending or part; "" asks for none."""

    values: frozenset[str] = frozenset()
    prefix: str = ""
    ending: str = ""
    part: str = ""
    """Whatever the case of its letters."""

    def mask(self, column: pa.Array) -> pa.Array:
        """Of a column of strings."""
        mask = pc.is_in(column, value_set=pa.array(sorted(self.values), pa.string()))
        if self.prefix:
            mask = pc.or_(mask, pc.fill_null(pc.starts_with(column, self.prefix), False))
        if self.ending:
            mask = pc.or_(mask, pc.fill_null(pc.ends_with(column, self.ending), False))
        if self.part:
            mask = pc.or_(mask, pc.fill_null(pc.match_substring(column, self.part, ignore_case=True), False))
        return mask

    def meets(self, value: str) -> bool:
        """The same of one string."""
        return bool(self.mask(pa.array([value], pa.string()))[0].as_py())

    def may_lie_in(self, low: str, high: str) -> bool:
        """Between these two, both included."""
        if self.ending or self.part:
            return True
        if self.prefix and low <= self.prefix + LAST_CHARACTER and high >= self.prefix:
            return True
        return any(low <= value <= high for value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundRow:
    place: int
    """0-based, in the table."""
    values: Mapping[str, Any]


def rows_with(store: ObjectStore, info: ObjectInfo, column: str, wanted: Wanted, columns: Sequence[str]) -> Iterator[FoundRow]:
    """In the order of the table. A row matches a column of lists when one of its elements does. Raises StoreError,
    VerifyError."""
    footer = read_footer(store, info.key, info.size_bytes)
    start = 0
    for ordinal in range(footer.num_row_groups):
        num_rows = footer.row_group(ordinal).num_rows
        if _may_hold(footer.row_group(ordinal), column, wanted):
            asked = _read(store, info.key, footer, ordinal, [column]).column(column).combine_chunks()
            places = _places(asked, wanted)
            if places:
                told = _read(store, info.key, footer, ordinal, columns).take(pa.array(places)).to_pylist()
                yield from (FoundRow(place=start + place, values=values) for place, values in zip(places, told, strict=True))
        start += num_rows


def _read(store: ObjectStore, key: str, footer: pq.FileMetaData, ordinal: int, columns: Collection[str]) -> pa.Table:
    names = list(columns)
    return open_row_group(store, key, footer, ordinal, names).read_row_group(ordinal, columns=names, use_threads=False)


def read_groups_with(
    store: ObjectStore, info: ObjectInfo, column: str, wanted: Wanted, columns: Sequence[str]
) -> Iterator[pa.Table]:
    """The rows that match as tables, one for each row group that may hold any; `columns` must name `column`."""
    footer = read_footer(store, info.key, info.size_bytes)
    for ordinal in range(footer.num_row_groups):
        if _may_hold(footer.row_group(ordinal), column, wanted):
            table = _read(store, info.key, footer, ordinal, columns)
            yield table.filter(wanted.mask(table.column(column).combine_chunks()))


def read_column(store: ObjectStore, info: ObjectInfo, column: str, *, num_rows: int) -> Iterator[pa.Array]:
    """A column's row groups, as many as hold the first `num_rows` rows."""
    footer = read_footer(store, info.key, info.size_bytes)
    start = 0
    for ordinal in range(footer.num_row_groups):
        if start >= num_rows:
            return
        start += footer.row_group(ordinal).num_rows
        yield _read(store, info.key, footer, ordinal, [column]).column(column).combine_chunks()


def _may_hold(group: pq.RowGroupMetaData, column: str, wanted: Wanted) -> bool:
    if not group.num_rows:
        return False
    for number in range(group.num_columns):
        chunk = group.column(number)
        if chunk.path_in_schema == column and chunk.is_stats_set and chunk.statistics.has_min_max:
            return wanted.may_lie_in(chunk.statistics.min, chunk.statistics.max)
    return True


def _places(column: pa.Array, wanted: Wanted) -> list[int]:
    if pa.types.is_list(column.type):
        parents = pc.list_parent_indices(column)
        return sorted(set(parents.filter(wanted.mask(pc.list_flatten(column))).to_pylist()))
    places: list[int] = pc.indices_nonzero(wanted.mask(column)).to_pylist()
    return places
