"""Who reads what: an order cut into windows, each window cut into equal slices along the lanes. Pure; knows no table.

A *reader* is one loader worker of one rank: with R ranks of K workers there are C = R x K, reader c = rank x K + worker. Each
window of the order holds C x q positions, q = ceil(window_samples / C); sorted by lane, it is cut into C slices of q. So

* every reader gets q samples of every window: no rank starves, none is ahead by more than the window;
* a reader gets about the same lanes in every window, so a row group is decoded by one reader, or two where its lane is cut;
* after every whole window exactly a prefix of the one global order has been read, whatever C is. Where C divides
  `window_samples` the windows are the same for every such C: with window_samples = the global batch, so is every batch.

The last window is what is left of M positions: rank r gets M*(r+1)//R - M*r//R of them and shares them likewise among its
workers. Nothing is dropped and nothing is padded; ranks end with equal counts or differ by one sample, once, at the very end.

Example: two lanes a b, order a0 b0 a1 b1 a2 b2 a3 b3, window_samples 4. Two readers: a0 a1 | b0 b1, then a2 a3 | b2 b3.
Three readers take windows of 6 (q = 2): a0 a1 | a2 b0 | b1 b2; lane a is cut. Then 2 positions are left: a3 is read by reader
1 and b3 by reader 2.

**Resume with another world.** Ranks move in step, so one rank's counts say what all have read. `remaining` turns counts at
any moment into a new order: first the positions that windows in work have left over (`head`, in order), then the rest.

Read amplification (row groups decoded by all readers together, over row groups; 640 of them on 32 lanes, windows of 1,024;
`tests/readers/test_share.py`) for 1 to 9 readers: 1.00 1.00 1.06 1.00 1.13 1.18 1.19 1.00 1.25. No row group is decoded by more
than two readers while there are at most as many readers as lanes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.readers.order import Int64

LanesOf = Callable[[Int64], Int64]
"""Lane of each position."""


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """Who reads: the same on every rank."""

    num_ranks: int = 1
    num_workers: int = 1
    """Loader workers of each rank; 1 where the loader has none."""

    @property
    def num_readers(self) -> int:
        return self.num_ranks * self.num_workers


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """What is to be read, in order: the positions of `head`, then `tail`, `tail` + 1, ... up to `end`."""

    head: tuple[int, ...] = ()
    tail: int = 0
    end: int | None = None
    """Position after the last; None: without end."""


def reader_samples(window_samples: int, world: World) -> int:
    """q: how many samples each reader has of each window but the last."""
    return -(-window_samples // world.num_readers)


def slice_of(
    course: Course, window: int, *, window_samples: int, world: World, rank: int, worker: int, lanes_of: LanesOf
) -> Int64:
    """Positions that this reader takes of window number `window`, ascending; empty after the end."""
    by_lane = _window_by_lane(course, window, window_samples, world, lanes_of)
    start, stop = _bounds(by_lane.size, world, rank, worker)
    return np.sort(by_lane[start:stop])


def remaining(course: Course, taken_RK: Int64, *, window_samples: int, lanes_of: LanesOf) -> Course:
    """What is left of `course` when worker k of rank r has given `taken_RK[r, k]` samples of it."""
    num_ranks, num_workers = taken_RK.shape
    world = World(num_ranks=num_ranks, num_workers=num_workers)
    each = reader_samples(window_samples, world)
    first, last = int(taken_RK.min()) // each, -(-int(taken_RK.max()) // each)
    left: list[Int64] = []
    for window in range(first, last):
        by_lane = _window_by_lane(course, window, window_samples, world, lanes_of)
        for rank, worker in np.ndindex(num_ranks, num_workers):
            start, stop = _bounds(by_lane.size, world, rank, worker)
            num_taken = max(0, int(taken_RK[rank, worker]) - window * each)
            left.append(np.sort(by_lane[start:stop])[num_taken:])
    next_index = last * each * world.num_readers
    left.append(np.array(course.head[next_index:], dtype=np.int64))
    tail = course.tail + max(0, next_index - len(course.head))
    if course.end is not None:
        tail = min(tail, course.end)
    return Course(head=tuple(np.sort(np.concatenate(left)).tolist()), tail=tail, end=course.end)


def _window_by_lane(course: Course, window: int, window_samples: int, world: World, lanes_of: LanesOf) -> Int64:
    span = reader_samples(window_samples, world) * world.num_readers
    positions = _positions(course, window * span, (window + 1) * span)
    return positions[np.argsort(lanes_of(positions), kind="stable")]


def _positions(course: Course, start: int, stop: int) -> Int64:
    """Entries `start` to `stop` of the course; fewer at its end."""
    of_head = np.array(course.head[start:stop], dtype=np.int64)
    after_head = course.tail - len(course.head)
    tail_start, tail_stop = max(start + after_head, course.tail), stop + after_head
    if course.end is not None:
        tail_stop = min(tail_stop, course.end)
    return np.concatenate([of_head, np.arange(tail_start, max(tail_start, tail_stop), dtype=np.int64)])


def _bounds(size: int, world: World, rank: int, worker: int) -> tuple[int, int]:
    start, stop = size * rank // world.num_ranks, size * (rank + 1) // world.num_ranks
    length = stop - start
    return start + length * worker // world.num_workers, start + length * (worker + 1) // world.num_workers
