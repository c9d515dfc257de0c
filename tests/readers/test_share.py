"""Any number of ranks and workers reads every position exactly once, in step, and any other number goes on from there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers.order import Int64, OrderSettings, lane_runs, lay_out
from pipeline.readers.share import Course, LanesOf, World, reader_samples, remaining, slice_of

WORLDS = st.builds(World, num_ranks=st.integers(1, 9), num_workers=st.integers(1, 3))
LANES = st.integers(1, 12)
WINDOWS = st.integers(1, 40)


def lanes_of_(num_lanes: int, num_rows: int) -> LanesOf:
    return lambda positions: positions % num_rows % num_lanes


def stream_of(course: Course, world: World, rank: int, worker: int, *, window: int, lanes_of: LanesOf) -> list[int]:
    """All that a reader gives of a course with an end."""
    given_positions: list[int] = []
    assert course.end is not None
    left = len(course.head) + course.end - course.tail
    for number in range(-(-left // (reader_samples(window, world) * world.num_readers))):
        share = slice_of(course, number, window_samples=window, world=world, rank=rank, worker=worker, lanes_of=lanes_of)
        given_positions += share.tolist()
    return given_positions


def all_streams(course: Course, world: World, *, window: int, lanes_of: LanesOf) -> list[list[list[int]]]:
    return [
        [stream_of(course, world, rank, worker, window=window, lanes_of=lanes_of) for worker in range(world.num_workers)]
        for rank in range(world.num_ranks)
    ]


@settings(deadline=None)
@given(world=WORLDS, num_lanes=LANES, window=WINDOWS, end=st.integers(0, 300))
def test_every_position_is_read_once_and_ranks_stay_in_step(world: World, num_lanes: int, window: int, end: int) -> None:
    streams = all_streams(Course(end=end), world, window=window, lanes_of=lanes_of_(num_lanes, max(end, 1)))
    assert sorted(position for rank in streams for worker in rank for position in worker) == list(range(end))
    totals = [sum(len(worker) for worker in rank) for rank in streams]
    assert max(totals) - min(totals) <= 1
    each = reader_samples(window, world)
    num_whole = end // (each * world.num_readers)
    assert all(len(worker) >= num_whole * each for rank in streams for worker in rank)


@settings(deadline=None)
@given(world=WORLDS, num_lanes=LANES, window=WINDOWS, num_windows=st.integers(0, 6))
def test_whole_windows_are_a_prefix_of_the_one_order_for_every_world(
    world: World, num_lanes: int, window: int, num_windows: int
) -> None:
    read = [
        position
        for number in range(num_windows)
        for rank in range(world.num_ranks)
        for worker in range(world.num_workers)
        for position in slice_of(
            Course(),
            number,
            window_samples=window,
            world=world,
            rank=rank,
            worker=worker,
            lanes_of=lanes_of_(num_lanes, 97),
        )
    ]
    assert sorted(read) == list(range(num_windows * reader_samples(window, world) * world.num_readers))


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 4, 6, 8, 12, 24])
def test_the_same_global_batches_for_every_number_of_ranks_that_divides_them(num_ranks: int) -> None:
    world = World(num_ranks=num_ranks)
    for step in range(20):
        batch = [
            slice_of(Course(), step, window_samples=24, world=world, rank=r, worker=0, lanes_of=lanes_of_(5, 101))
            for r in range(num_ranks)
        ]
        assert {part.size for part in batch} == {24 // num_ranks}
        assert sorted(np.concatenate(batch).tolist()) == list(range(step * 24, (step + 1) * 24))


@settings(deadline=None)
@given(
    data=st.data(), worlds=st.lists(WORLDS, min_size=2, max_size=4), num_lanes=LANES, window=WINDOWS, end=st.integers(0, 200)
)
def test_worlds_that_follow_each_other_read_every_position_once(
    data: st.DataObject, worlds: list[World], num_lanes: int, window: int, end: int
) -> None:
    """Each world stops anywhere: in the middle of a window, with workers that are not equally far."""
    lanes_of = lanes_of_(num_lanes, max(end, 1))
    course, read = Course(end=end), []
    for world in worlds:
        streams = all_streams(course, world, window=window, lanes_of=lanes_of)
        taken = np.zeros((world.num_ranks, world.num_workers), dtype=np.int64)
        for rank, worker in np.ndindex(taken.shape):
            taken[rank, worker] = data.draw(st.integers(0, len(streams[rank][worker])))
            read += streams[rank][worker][: taken[rank, worker]]
        course = remaining(course, taken, window_samples=window, lanes_of=lanes_of)
    assert course.end is not None
    left = [*course.head, *range(course.tail, course.end)]
    assert sorted(read + left) == list(range(end))
    assert left == sorted(left)


@pytest.mark.parametrize("before", range(1, 10))
@pytest.mark.parametrize("after", range(1, 10))
def test_every_number_of_ranks_up_to_nine_goes_on_from_every_other_at_every_step(before: int, after: int) -> None:
    """All 81 pairs, after each number of samples that a rank can have given of an epoch of 50."""
    end, window, lanes_of = 50, 12, lanes_of_(4, 50)
    first = [rank[0] for rank in all_streams(Course(end=end), World(num_ranks=before), window=window, lanes_of=lanes_of)]
    for num_taken in range(min(map(len, first)) + 1):
        taken = np.full((before, 1), num_taken, dtype=np.int64)
        course = remaining(Course(end=end), taken, window_samples=window, lanes_of=lanes_of)
        second = [rank[0] for rank in all_streams(course, World(num_ranks=after), window=window, lanes_of=lanes_of)]
        given_before = [position for rank in first for position in rank[:num_taken]]
        assert sorted(given_before + [position for rank in second for position in rank]) == list(range(end))
        assert max(map(len, second)) - min(map(len, second)) <= 1


@settings(deadline=None)
@given(world=WORLDS, window=WINDOWS, num_windows=st.integers(0, 5))
def test_a_stop_between_windows_leaves_nothing_over(world: World, window: int, num_windows: int) -> None:
    each = reader_samples(window, world)
    taken = np.full((world.num_ranks, world.num_workers), num_windows * each, dtype=np.int64)
    left = remaining(Course(), taken, window_samples=window, lanes_of=lanes_of_(4, 50))
    assert left == Course(tail=num_windows * each * world.num_readers)


def row_groups_read(num_readers: int, *, num_groups: int, rows_each: int, window: int) -> tuple[int, int]:
    """(row groups visited, summed over readers; most readers of one row group) in an epoch."""
    settings = OrderSettings()
    order = lay_out(np.full(num_groups, rows_each, dtype=np.int64), settings, 0)
    num_rows, num_lanes = num_groups * rows_each, order.starts_L.size - 1
    group_of = np.empty(num_rows, dtype=np.int64)
    for lane in range(num_lanes):
        rounds = np.concatenate([np.full(run.stop - run.start, run.group) for run in lane_runs(order, lane, 0)])
        group_of[lane::num_lanes] = rounds
    world, course = World(num_ranks=num_readers), Course(end=num_rows)

    def lanes_of(positions: Int64) -> Int64:
        return positions % num_lanes

    num_windows = -(-num_rows // (reader_samples(window, world) * num_readers))
    visits = np.zeros(num_groups, dtype=np.int64)
    for rank in range(num_readers):
        shares = [
            slice_of(course, number, window_samples=window, world=world, rank=rank, worker=0, lanes_of=lanes_of)
            for number in range(num_windows)
        ]
        visits[np.unique(group_of[np.concatenate(shares)])] += 1
    return int(visits.sum()), int(visits.max())


def num_row_groups_read(num_readers: int) -> float:
    """Read amplification of 640 row groups of 200 rows on 32 lanes: row groups decoded by all readers, over row groups."""
    return row_groups_read(num_readers, num_groups=640, rows_each=200, window=1024)[0] / 640


@pytest.mark.parametrize("num_readers", range(1, 10))
def test_a_row_group_is_decoded_by_few_readers(num_readers: int) -> None:
    """31 lane ends cut row groups in two (1.05); each of the C - 1 cuts between readers doubles about the lane it falls on."""
    assert num_row_groups_read(num_readers) <= 1.05 + 2 * (num_readers - 1) / 32
    assert row_groups_read(num_readers, num_groups=640, rows_each=200, window=1024)[1] <= 2
