"""The global order of an epoch: a pure function of (rows of every row group, settings, epoch). Knows no rank, file or store.

In: how many rows each row group holds (after filters: how many pass). Out: for each position of the epoch a lane, a round,
and the row of the row group that stands there. Costs one sort of the row groups for each epoch (80,000: 10 ms).

1. The row groups are shuffled by (seed, epoch) and laid end to end on a line of N rows.
2. The line is cut into L lanes of equal length; the first N mod L lanes have one row more.
3. Position p of the epoch is row `p // L` of lane `p % L`: the lanes take turns, so neighbours in the order come from L
   different row groups, while each lane reads its own few row groups from end to end.
4. Within a row group, each `buffer_rows` consecutive rows are shuffled by (seed, epoch, row group, block): one block is all
   that a lane must hold to give its rows in any order.

Example: row groups A (4 rows), B (2), C (4), two lanes, shuffled to C A B. The line is C0 C1 C2 C3 A0 A1 A2 A3 B0 B1; the
lanes are C0 C1 C2 C3 A0 and A1 A2 A3 B0 B1; the epoch begins C0 A1 C1 A2 C2 A3 (before step 4 turns rows round inside C and A).

Lanes are the canonical nodes of MosaicML Streaming with one difference: nothing asks their number to divide the number of
ranks, because `share.py` cuts the order, and not the lanes, into equal parts.

Shuffling sorts raw Philox words: NumPy promises that those, and not `Generator.permutation`, stay the same for ever (NEP 19).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderSettings:
    """What the order of an epoch depends on besides the table; the same for a whole run."""

    seed: int | None = 0
    """None: row groups and rows stay as they lie in the files."""
    num_lanes: int = 32
    """At least ranks x loader workers, or they read the same row groups. A reader holds one block for each of its lanes."""
    groups_per_lane: int = 4
    """A table of fewer row groups than `num_lanes` times this has fewer lanes: where a lane begins within a row group, the rows
    before are decoded in vain, half a row group for each lane on average, so 4 keep that below an eighth of all reading."""
    buffer_rows: int = 512
    """Rows that are shuffled among themselves within a row group."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EpochOrder:
    """One epoch. G row groups, L lanes."""

    epoch: int
    settings: OrderSettings
    groups_G: Int64
    """Row groups in the order of the line."""
    ends_G: Int64
    """Where each of them ends on the line."""
    starts_L: Int64
    """Where each lane starts on the line, and at the end N: L + 1 numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Neighbouring rows of a lane that lie in one block of a row group."""

    group: int
    block: int
    start: int
    """Rounds of the block, `start` included, `stop` not: what `block_rows` gives at these places is what is read."""
    stop: int


def num_lanes_of(rows_G: Int64, settings: OrderSettings) -> int:
    """As many as the settings say, or as the row groups that hold rows allow."""
    return max(1, min(settings.num_lanes, int(np.count_nonzero(rows_G)) // settings.groups_per_lane))


def lay_out(rows_G: Int64, settings: OrderSettings, epoch: int) -> EpochOrder:
    """The order of `epoch` (0 is the first) over row groups of `rows_G` rows each; row groups of no rows are never visited."""
    groups = np.flatnonzero(rows_G)
    if settings.seed is not None:
        groups = groups[_shuffle(groups.size, settings.seed, epoch)]
    ends = np.cumsum(rows_G[groups], dtype=np.int64)
    num_rows = int(ends[-1]) if ends.size else 0
    num_lanes = num_lanes_of(rows_G, settings)
    lanes = np.arange(num_lanes + 1, dtype=np.int64)
    starts = lanes * (num_rows // num_lanes) + np.minimum(lanes, num_rows % num_lanes)
    return EpochOrder(epoch=epoch, settings=settings, groups_G=groups, ends_G=ends, starts_L=starts)


def lane_runs(order: EpochOrder, lane: int, start_round: int) -> Iterator[Run]:
    """The blocks of `lane` from `start_round` to its end, the first one begun in the middle where the round lies there."""
    at, end = int(order.starts_L[lane]) + start_round, int(order.starts_L[lane + 1])
    buffer_rows = order.settings.buffer_rows
    ordinal = int(np.searchsorted(order.ends_G, at, side="right"))
    while at < end:
        group_end = int(order.ends_G[ordinal])
        group_start = int(order.ends_G[ordinal - 1]) if ordinal else 0
        group = int(order.groups_G[ordinal])
        stop_at = min(group_end, end)
        while at < stop_at:
            block, start = divmod(at - group_start, buffer_rows)
            stop = min(buffer_rows, stop_at - group_start - block * buffer_rows)
            yield Run(group=group, block=block, start=start, stop=stop)
            at += stop - start
        ordinal += 1


def block_rows(settings: OrderSettings, epoch: int, group: int, block: int, num_rows: int) -> Int64:
    """The `num_rows` rows of a block in the order in which they are read, counted from its first row."""
    if settings.seed is None:
        return np.arange(num_rows, dtype=np.int64)
    return _shuffle(num_rows, settings.seed, epoch, group, block)


def _shuffle(size: int, *key: int) -> Int64:
    """A permutation of `range(size)`, the same for the same key on every machine and version."""
    words = np.random.Philox(np.random.SeedSequence(key)).random_raw(size)
    return np.argsort(words, kind="stable")
