"""Samples of one reader, in order, from any point: what torch_dataset.py hands to a loader, usable without torch.

In: tables (published documents, or pages), weights, order settings, and a point to go on from. Out: rows as dicts. Every
sample is a pure function of (`Stream`, position), and the positions of a reader are a pure function of (`Course`, `World`),
so resume costs the decoding of one block for each lane and no counting.

A reader holds 2 x `buffer_rows` rows for each of its lanes (32 divided by the number of readers), and where the store is not
a folder the compressed column chunks of twice as many row groups: one that is decoded and one that is fetched.
"""

import copy
import hashlib
import math
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from pipeline.errors import ConfigError
from pipeline.readers.blend import Blend, Places, blend, epochs_before, places_of
from pipeline.readers.conditions import check
from pipeline.readers.groups import fingerprint
from pipeline.readers.images import ID
from pipeline.readers.lanes import LaneReader, Sample, TableReader
from pipeline.readers.order import Int64, OrderSettings, num_lanes_of
from pipeline.readers.row_groups import GroupReader, TableSource, count_rows
from pipeline.readers.share import Course, World, reader_samples, slice_of

WINDOW_SAMPLES = 1024
NUM_THREADS = 2
"""That fetch and decode, for each reader; more where each range takes long to come."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stream:
    """One order over one or more tables. Plain data: it travels to loader workers."""

    tables: tuple[TableSource, ...]
    rows_TG: tuple[Int64, ...]
    """For each table, how many rows of each row group meet its conditions."""
    blended: Blend
    settings: OrderSettings
    window_samples: int
    end: int | None
    """Samples in all; None: without end."""
    identity: str
    """Of all that the order depends on: a checkpoint fits no other."""

    @property
    def num_rows(self) -> int:
        """Rows of all tables: an epoch, where there is one table."""
        return int(self.blended.rows_T.sum())

    def lanes_of(self, positions_S: Int64) -> Int64:
        """The lane of each position; a table of fewer rows than lanes has its few spread among those of the others."""
        places = places_of(self.blended, positions_S)
        num_lanes = self.num_lanes_T[places.table_S]
        return places.position_S % num_lanes * self.settings.num_lanes // num_lanes

    @property
    def num_lanes_T(self) -> Int64:
        """How many lanes each table has."""
        return np.array([num_lanes_of(rows_G, self.settings) for rows_G in self.rows_TG], dtype=np.int64)


def open_stream(
    tables: Sequence[TableSource],
    *,
    weights: Sequence[float] = (1.0,),
    settings: OrderSettings | None = None,
    window_samples: int = WINDOW_SAMPLES,
    num_epochs: int | None = None,
    num_samples: int | None = None,
) -> Stream:
    """Counts the rows that meet the conditions and lays the tables into one order.

    `window_samples`: after each so many the same samples have been read whatever the number of ranks; set it to the global
    batch. The end is `num_epochs` of one table, or `num_samples`; neither: without end. Raises ConfigError.
    """
    settings = settings or OrderSettings()
    if num_epochs is not None and (len(tables) > 1 or num_samples is not None):
        raise ConfigError("num_epochs ends one table alone; a blend of tables, each with its own epochs, ends at num_samples")
    for table in tables:
        if not table.groups.num_rows:
            raise ConfigError(f"a table in {table.store.uri} has no row to read; publish something, or leave it out")
        if table.image_sizes is not None and ID not in table.columns:
            raise ConfigError("images are found by the id of their page; ask for the column `id` as well")
        check(table.columns, table.conditions, GroupReader(table).schema())
    rows_TG = tuple(count_rows(table) for table in tables)
    blended = blend(weights, [int(rows_G.sum()) for rows_G in rows_TG])
    end = num_samples if num_epochs is None else num_epochs * int(blended.rows_T[0])
    known = (
        [fingerprint(table.groups) for table in tables],
        [rows_G.tobytes() for rows_G in rows_TG],
        [table.conditions for table in tables],
        blended.samples_T.tolist(),
    )
    return Stream(
        tables=tuple(tables),
        rows_TG=rows_TG,
        blended=blended,
        settings=settings,
        window_samples=window_samples,
        end=end,
        identity=hashlib.sha256(repr((known, settings, window_samples)).encode()).hexdigest()[:16],
    )


def read(
    stream: Stream, course: Course, *, world: World, rank: int, worker: int, num_taken: int = 0, num_threads: int = NUM_THREADS
) -> Generator[Sample, None, None]:
    """The samples of this reader on `course`, but for the first `num_taken`. Raises StoreError, VerifyError."""
    endless = [math.inf] * len(stream.tables)
    ends = endless if course.end is None else epochs_before(stream.blended, course.end).tolist()
    readers = [
        TableReader(GroupReader(replace(table, store=copy.copy(table.store))), rows_G, stream.settings, end)
        for table, rows_G, end in zip(stream.tables, stream.rows_TG, ends, strict=True)
    ]  # a copy of a store has its own connection: one that was made before a fork is shared with other processes
    lanes: dict[tuple[int, int], LaneReader] = {}
    threads, fetchers = ThreadPoolExecutor(num_threads), ThreadPoolExecutor(num_threads)
    try:
        for places in _windows(stream, course, world, rank, worker, num_taken):
            num_lanes = stream.num_lanes_T[places.table_S]
            rounds, lane_numbers = np.divmod(places.position_S, num_lanes)
            columns = (places.table_S, lane_numbers, places.epoch_S, rounds)
            visits = list(zip(*(column.tolist() for column in columns), strict=True))
            for table, lane, epoch, round_ in visits:
                if (table, lane) not in lanes:
                    lanes[table, lane] = LaneReader(readers[table], lane, threads, fetchers)
                    lanes[table, lane].begin(epoch, round_)
            for table, lane, epoch, round_ in visits:
                yield lanes[table, lane].row(epoch, round_)
    finally:
        fetchers.shutdown(cancel_futures=True)
        threads.shutdown(cancel_futures=True)


def _windows(stream: Stream, course: Course, world: World, rank: int, worker: int, num_taken: int) -> Iterator[Places]:
    first, num_skipped = divmod(num_taken, reader_samples(stream.window_samples, world))
    for window in count(first):
        positions = slice_of(
            course,
            window,
            window_samples=stream.window_samples,
            world=world,
            rank=rank,
            worker=worker,
            lanes_of=stream.lanes_of,
        )
        if not positions.size:
            return
        yield places_of(stream.blended, positions[num_skipped:])
        num_skipped = 0
