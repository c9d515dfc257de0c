"""One lane of one table as it is read: the row at a round, with the next block decoded meanwhile.

In: a reader of row groups and the orders of the epochs. Out: rows as dicts, asked for in ascending order. Holds one block of
rows in Arrow's memory, and one that a thread is decoding. A round beyond the row group at hand is gone to straight away.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import pyarrow as pa

from pipeline.errors import VerifyError
from pipeline.readers.columns import ValueAt, value_at
from pipeline.readers.order import EpochOrder, Int64, OrderSettings, Run, block_rows, lane_runs, lay_out
from pipeline.readers.row_groups import GroupReader

Sample = dict[str, object]
"""One row: column to value."""
NUM_EPOCHS = 2
"""Lanes pass from one epoch to the next at different times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Rows of neighbouring rounds, decoded."""

    epoch: int
    start: int
    """Round of the first row."""
    group_stop: int
    """Round after the last that lies in the same row group."""
    rows: pa.Table
    places: Int64
    """Which of the rows are read, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRuns:
    """What a lane has of one row group."""

    epoch: int
    group: int
    start: int
    """Round of its first row in the lane."""
    stop: int
    runs: tuple[Run, ...]


class TableReader:
    """One table in one process: its row groups, and the orders of the epochs that are being read."""

    def __init__(self, groups: GroupReader, rows_G: Int64, settings: OrderSettings, end_epoch: float) -> None:
        """`end_epoch`: none from there on is read ahead; infinity on a stream without end."""
        self.groups = groups
        self.rows_G = rows_G
        self.settings = settings
        self.end_epoch = end_epoch
        self.order = lru_cache(NUM_EPOCHS)(self._lay_out)

    def _lay_out(self, epoch: int) -> EpochOrder:
        return lay_out(self.rows_G, self.settings, epoch)


class LaneReader:
    """Not thread-safe; lends its next block to a thread of `threads`, which decodes it, and its next row group to one of
    `fetchers`, on which those of `threads` wait. Rows become Python values on the caller's thread, one at a time."""

    def __init__(self, table: TableReader, lane: int, threads: Executor, fetchers: Executor) -> None:
        self._table = table
        self._lane = lane
        self._threads = threads
        self._fetchers = fetchers
        self._next: Future[Block] | None = None
        self._blocks: Iterator[Block] = iter(())
        self._columns: tuple[tuple[str, ValueAt], ...] = ()
        self._num_rows = 0
        self._epoch = -1
        self._start = 0

    def begin(self, epoch: int, round_: int) -> None:
        """Has a thread decode the block of this round, unless the lane is being read already."""
        if self._next is None:
            self._go_to(epoch, round_)

    def row(self, epoch: int, round_: int) -> Sample:
        """The row of a round, none of which may lie before one that was asked for. Raises StoreError, VerifyError."""
        if epoch != self._epoch or not 0 <= round_ - self._start < self._num_rows:
            self._find(epoch, round_)
        number = round_ - self._start
        return {name: value(number) for name, value in self._columns}

    def _find(self, epoch: int, round_: int) -> None:
        self.begin(epoch, round_)
        while True:
            block = self._advance()
            if block.epoch == epoch and block.start <= round_ < block.start + block.places.size:
                break
            if (epoch, round_) >= (block.epoch, block.group_stop):
                self._go_to(epoch, round_)
        rows = block.rows
        self._columns = tuple((name, value_at(rows.column(name), block.places)) for name in rows.column_names)
        self._epoch, self._start, self._num_rows = block.epoch, block.start, block.places.size

    def _advance(self) -> Block:
        assert self._next is not None
        block = self._next.result()
        self._next = self._threads.submit(next, self._blocks)
        return block

    def _go_to(self, epoch: int, round_: int) -> None:
        if self._next is not None:
            self._next.cancel()
        self._blocks = self._blocks_from(epoch, round_)
        self._next = self._threads.submit(next, self._blocks)

    def _blocks_from(self, epoch: int, round_: int) -> Iterator[Block]:
        """Epoch follows epoch, to the last. The next row group is fetched from the second block of one on."""
        table, fetchers = self._table, self._fetchers
        runs_of_groups = self._runs_from(epoch, round_)
        coming = next(runs_of_groups, None)
        fetched = fetchers.submit(table.groups.open, coming.group) if coming else None
        while coming is not None and fetched is not None:
            this, opened, fetched = coming, fetched.result(), None
            at = this.start
            tables = table.groups.blocks(opened, this.group, this.runs[0].block, table.settings.buffer_rows)
            for run in this.runs:
                rows = next(tables, None)
                if rows is None or rows.num_rows < run.stop:
                    raise VerifyError(f"row group {this.group} has fewer rows than the index says; write the index again")
                places = block_rows(table.settings, this.epoch, this.group, run.block, rows.num_rows)[run.start : run.stop]
                yield Block(epoch=this.epoch, start=at, group_stop=this.stop, rows=rows, places=places)
                at += run.stop - run.start
                if fetched is None and (coming := next(runs_of_groups, None)) is not None:
                    fetched = fetchers.submit(table.groups.open, coming.group)

    def _runs_from(self, epoch: int, round_: int) -> Iterator[GroupRuns]:
        while epoch < self._table.end_epoch:
            at = round_
            for group, found in groupby(lane_runs(self._table.order(epoch), self._lane, round_), key=lambda run: run.group):
                runs = tuple(found)
                stop = at + sum(run.stop - run.start for run in runs)
                yield GroupRuns(epoch=epoch, group=group, start=at, stop=stop, runs=runs)
                at = stop
            epoch, round_ = epoch + 1, 0
