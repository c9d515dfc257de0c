"""Row groups of a table, decoded block by block; a few footers are kept.

In: a table (store, row groups, columns, conditions). Out: Arrow tables of `buffer_rows` rows that meet the conditions, in the
order of the file. Holds the compressed chunks of the row groups that are being read and one block of each; a folder's files
are mapped, not held. Thread-safe.

A row group is entered at any block; what stands before it in the same column chunk is decoded and thrown away, because
Parquet's pages of different columns do not begin at the same rows (at most a row group: 64 MB, 0.1 s).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.parallel import map_in_order
from pipeline.readers.conditions import Condition, decided_by_statistics, mask_of
from pipeline.readers.footers import RangeStore, open_row_group, read_footer
from pipeline.readers.groups import RowGroups, TableFile
from pipeline.readers.images import image_batches, images_key, with_images
from pipeline.readers.order import Int64

NUM_FOOTERS = 64
COUNT_THREADS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSource:
    """Where the rows of one table lie and which of them are wanted. Plain data: it travels to loader workers."""

    store: RangeStore
    groups: RowGroups
    columns: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    image_sizes: Mapping[str, int] | None = None
    """What `images.find_images` gives: then the rows of `pages` have the column `image` as well; `columns` must name `id`."""

    @property
    def columns_read(self) -> list[str]:
        """Those that are given, and those that conditions look at."""
        return list(dict.fromkeys([*self.columns, *(condition.column for condition in self.conditions)]))


class GroupReader:
    """Reads row groups of one table in one process; thread-safe."""

    def __init__(self, source: TableSource) -> None:
        self.source = source
        self._footers: OrderedDict[int, pq.FileMetaData] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, group: int) -> pq.ParquetFile:
        """The columns of a row group, fetched but not decoded."""
        return self._open(group, self.source.columns_read)

    def blocks(self, opened: pq.ParquetFile, group: int, first_block: int, buffer_rows: int) -> Iterator[pa.Table]:
        """Blocks of row group `group` from `first_block` on; all but the last have `buffer_rows` rows."""
        source = self.source
        batches = opened.iter_batches(
            batch_size=buffer_rows, row_groups=[self._ordinal(group)], columns=source.columns_read, use_threads=False
        )
        passing = (_kept(batch, source) for batch in batches)
        blocks = islice(_cut(passing, buffer_rows), first_block, None)
        return blocks if source.image_sizes is None else with_images(blocks, partial(self._images_of, group))

    def count(self, group: int) -> int:
        """How many rows of the row group meet the conditions; its statistics may say that it is none."""
        conditions = self.source.conditions
        num_rows = int(self.source.groups.rows_G[group])
        if not conditions or not num_rows:
            return num_rows
        if decided_by_statistics(self._footer(group).row_group(self._ordinal(group)), conditions):
            return 0
        columns = list(dict.fromkeys(condition.column for condition in conditions))
        table = self._open(group, columns).read_row_group(self._ordinal(group), columns=columns, use_threads=False)
        return int(pc.sum(mask_of(table, conditions)).as_py() or 0)

    def schema(self) -> pa.Schema:
        """Columns of the table, by its first file."""
        return self._footer(0).schema.to_arrow_schema()

    def _ordinal(self, group: int) -> int:
        return int(self.source.groups.ordinal_G[group])

    def _open(self, group: int, columns: Sequence[str]) -> pq.ParquetFile:
        return open_row_group(self.source.store, self._file(group).key, self._footer(group), self._ordinal(group), columns)

    def _file(self, group: int) -> TableFile:
        return self.source.groups.files[int(self.source.groups.file_G[group])]

    def _images_of(self, group: int, from_id: str) -> Iterator[pa.Table]:
        key, sizes = images_key(self._file(group).key), self.source.image_sizes or {}
        return image_batches(self.source.store, key, sizes[key], from_id) if key in sizes else iter(())

    def _footer(self, group: int) -> pq.FileMetaData:
        number = int(self.source.groups.file_G[group])
        with self._lock:
            if number in self._footers:
                self._footers.move_to_end(number)
                return self._footers[number]
        file = self._file(group)
        footer = read_footer(self.source.store, file.key, file.size_bytes)
        with self._lock:
            self._footers[number] = footer
            if len(self._footers) > NUM_FOOTERS:
                self._footers.popitem(last=False)
        return footer


def count_rows(source: TableSource) -> Int64:
    """How many rows of each row group meet the conditions. Without conditions it reads nothing."""
    if not source.conditions:
        return source.groups.rows_G
    reader = GroupReader(source)
    counted = map_in_order(reader.count, range(source.groups.rows_G.size), num_threads=COUNT_THREADS)
    return np.fromiter(counted, dtype=np.int64, count=source.groups.rows_G.size)


def _kept(batch: pa.RecordBatch, source: TableSource) -> pa.Table:
    table = pa.Table.from_batches([batch])
    if source.conditions:
        table = table.filter(mask_of(table, source.conditions))
    return table.select(list(source.columns))


def _cut(tables: Iterator[pa.Table], num_rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `num_rows`; the last may be shorter."""
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None or not held.num_rows else pa.concat_tables([held, table])
        while held.num_rows >= num_rows:
            yield held.slice(0, num_rows)
            held = held.slice(num_rows)
    if held is not None and held.num_rows:
        yield held
