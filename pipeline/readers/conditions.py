"""Which rows are read: conditions on the scalar columns, and how many rows of each row group meet them.

In: conditions. Out: a mask for a table, and what the statistics of a row group can say without reading it. Null meets no
condition. *A table under conditions is the table of the rows that meet them*: their numbers are counted before reading
begins (`count_rows`), so the order, the shares of the ranks and resume are exact for them as well, and a row group of which
none is left is never opened. Counting costs the footers and the columns that the conditions name, for the row groups that
statistics do not decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import ConfigError

Value = str | int | float | bool | datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """All that is given must hold: `Condition(column="language", one_of=("en", "de"))`."""

    column: str
    """A column of scalars; of a list column only `is_empty` can be asked."""
    one_of: tuple[Value, ...] | None = None
    at_least: Value | None = None
    at_most: Value | None = None
    before: Value | None = None
    is_empty: bool | None = None
    """True: a list without elements, such as `reject` of a kept page. False: one with some."""


def check(columns: Sequence[str], conditions: Sequence[Condition], schema: pa.Schema) -> None:
    """Raises ConfigError for an unknown column, a condition that asks nothing, and one whose values are of another type."""
    unknown = sorted({*columns, *(condition.column for condition in conditions)} - set(schema.names))
    if unknown:
        raise ConfigError(f"no column {', '.join(unknown)} in this table; there are {', '.join(schema.names)}")
    for condition in conditions:
        if condition == Condition(column=condition.column):
            raise ConfigError(f"the condition on {condition.column!r} asks nothing; give one_of, at_least, at_most or before")
        column_type = schema.field(condition.column).type
        try:
            _mask_of(pa.array([], type=column_type), condition)
        except (pa.ArrowException, TypeError) as error:
            raise ConfigError(f"the condition on {condition.column!r} does not fit its type {column_type}: {error}") from error


def mask_of(table: pa.Table | pa.RecordBatch, conditions: Sequence[Condition]) -> pa.BooleanArray | pa.ChunkedArray:
    """True for the rows that meet all conditions, of which there is at least one; never null."""
    mask = _mask_of(table.column(conditions[0].column), conditions[0])
    for condition in conditions[1:]:
        mask = pc.and_(mask, _mask_of(table.column(condition.column), condition))
    return mask


def _mask_of(values: pa.Array | pa.ChunkedArray, condition: Condition) -> pa.Array | pa.ChunkedArray:
    mask = pc.is_valid(values)
    if condition.one_of is not None:
        mask = pc.and_(mask, pc.is_in(values, value_set=pa.array(condition.one_of, type=values.type)))
    for compare, bound in (
        (pc.greater_equal, condition.at_least),
        (pc.less_equal, condition.at_most),
        (pc.less, condition.before),
    ):
        if bound is not None:
            mask = pc.and_(mask, pc.fill_null(compare(values, pa.scalar(bound, type=values.type)), False))
    if condition.is_empty is not None:
        lengths = pc.fill_null(pc.list_value_length(values), -1)
        wanted = pc.equal(lengths, 0) if condition.is_empty else pc.greater(lengths, 0)
        mask = pc.and_(mask, wanted)
    return mask


def decided_by_statistics(group: pq.RowGroupMetaData, conditions: Sequence[Condition]) -> bool:
    """True when the row group's statistics prove that none of its rows meets all conditions."""
    chunks = {group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)}
    return any(_is_outside(chunks.get(condition.column), condition) for condition in conditions)


def _is_outside(chunk: pq.ColumnChunkMetaData | None, condition: Condition) -> bool:
    statistics = chunk.statistics if chunk is not None and chunk.is_stats_set else None
    if statistics is None or not statistics.has_min_max:
        return False
    low, high = statistics.min, statistics.max
    if condition.one_of is not None and not any(low <= value <= high for value in condition.one_of):
        return True
    if condition.at_least is not None and high < condition.at_least:
        return True
    if condition.at_most is not None and low > condition.at_most:
        return True
    return condition.before is not None and low >= condition.before
