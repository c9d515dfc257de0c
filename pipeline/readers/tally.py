"""How many rows have which value: counts over a table, a row group at a time.

In: a table and columns of few values; a list column counts each element, and its rows without one as `none`. Out: counts by
value. Reads only these columns and holds one row group of each thread.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.parallel import map_in_order
from pipeline.readers.row_groups import GroupReader, TableSource

NUM_THREADS = 4
BLOCK_ROWS = 65_536
NONE = "none"


def tally(source: TableSource) -> Mapping[str, Counter[str]]:
    """Counts of the values of each column of `source`; null counts as `none`."""
    reader = GroupReader(source)

    def of_group(group: int) -> dict[str, Counter[str]]:
        return _summed(source.columns, [_counts(block) for block in reader.blocks(reader.open(group), group, 0, BLOCK_ROWS)])

    return _summed(source.columns, list(map_in_order(of_group, range(source.groups.rows_G.size), num_threads=NUM_THREADS)))


def _counts(block: pa.Table) -> dict[str, Counter[str]]:
    return {name: _of_column(block.column(name)) for name in block.column_names}


def _of_column(values: pa.ChunkedArray) -> Counter[str]:
    counts: Counter[str] = Counter()
    if pa.types.is_list(values.type):
        counts[NONE] = int(pc.sum(pc.equal(pc.list_value_length(values), 0)).as_py() or 0)
        values = pc.list_flatten(values)
    for entry in pc.value_counts(values).to_pylist():
        counts[NONE if entry["values"] is None else str(entry["values"])] += entry["counts"]
    return +counts


def _summed(columns: Sequence[str], parts: Sequence[Mapping[str, Counter[str]]]) -> dict[str, Counter[str]]:
    return {name: sum((part[name] for part in parts), Counter()) for name in columns}
