"""Every row stands exactly once in the order of an epoch, and the order depends on nothing but what it says."""

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.readers.order import OrderSettings, block_rows, lane_runs, lay_out, num_lanes_of

ROWS = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(lambda rows: sum(rows) > 0)
SETTINGS = st.builds(
    OrderSettings,
    seed=st.none() | st.integers(0, 2**63),
    num_lanes=st.integers(1, 9),
    groups_per_lane=st.just(1),
    buffer_rows=st.integers(1, 16),
)


def epoch_rows(rows: list[int], settings: OrderSettings, epoch: int) -> list[tuple[int, int]]:
    """(row group, row) at every position of the epoch."""
    order = lay_out(np.array(rows, dtype=np.int64), settings, epoch)
    lanes = []
    for lane in range(order.starts_L.size - 1):
        given_rows = []
        for run in lane_runs(order, lane, 0):
            first = run.block * settings.buffer_rows
            size = min(settings.buffer_rows, rows[run.group] - first)
            places = block_rows(settings, epoch, run.group, run.block, size)[run.start : run.stop]
            given_rows += [(run.group, first + int(place)) for place in places]
        lanes.append(given_rows)
    return [lanes[p % len(lanes)][p // len(lanes)] for p in range(sum(rows))]


@hypothesis_settings(deadline=None)
@given(rows=ROWS, settings=SETTINGS, epoch=st.integers(0, 3))
def test_an_epoch_holds_every_row_exactly_once(rows: list[int], settings: OrderSettings, epoch: int) -> None:
    everything = [(group, row) for group, num_rows in enumerate(rows) for row in range(num_rows)]
    assert sorted(epoch_rows(rows, settings, epoch)) == everything


@hypothesis_settings(deadline=None)
@given(rows=ROWS, num_lanes=st.integers(1, 9))
def test_without_a_seed_each_lane_is_a_stretch_of_the_files_as_they_lie(rows: list[int], num_lanes: int) -> None:
    settings = OrderSettings(seed=None, num_lanes=num_lanes, groups_per_lane=1)
    everything = [(group, row) for group, num_rows in enumerate(rows) for row in range(num_rows)]
    lanes = num_lanes_of(np.array(rows), settings)
    order = epoch_rows(rows, settings, 0)
    assert [place for lane in range(lanes) for place in order[lane::lanes]] == everything


@hypothesis_settings(deadline=None)
@given(rows=ROWS, settings=SETTINGS, data=st.data())
def test_a_lane_may_be_entered_at_any_round(rows: list[int], settings: OrderSettings, data: st.DataObject) -> None:
    order = lay_out(np.array(rows, dtype=np.int64), settings, 0)
    lane = data.draw(st.integers(0, order.starts_L.size - 2))
    length = int(order.starts_L[lane + 1] - order.starts_L[lane])
    start = data.draw(st.integers(0, length))

    def places(first_round: int) -> list[tuple[int, int, int]]:
        return [(run.group, run.block, at) for run in lane_runs(order, lane, first_round) for at in range(run.start, run.stop)]

    assert places(start) == places(0)[start:]


def test_epochs_and_seeds_differ_and_repeat() -> None:
    rows = [50] * 8
    first = epoch_rows(rows, OrderSettings(seed=1), 0)
    assert first == epoch_rows(rows, OrderSettings(seed=1), 0)
    assert first != epoch_rows(rows, OrderSettings(seed=1), 1)
    assert first != epoch_rows(rows, OrderSettings(seed=2), 0)


def test_the_order_is_the_same_on_every_machine_and_for_ever() -> None:
    """A checkpoint outlives the code that wrote it, so the order is a format: these numbers were printed once and stay."""
    settings = OrderSettings(seed=7, num_lanes=2, groups_per_lane=1, buffer_rows=4)
    assert epoch_rows([4, 2, 4], settings, 0) == [
        (2, 1),
        (1, 1),
        (2, 2),
        (0, 3),
        (2, 0),
        (0, 2),
        (2, 3),
        (0, 1),
        (1, 0),
        (0, 0),
    ]


def test_neighbours_come_from_different_row_groups() -> None:
    """A batch of 32 is read from 32 lanes; of 64 row groups of 100 rows it sees at least 28."""
    order = epoch_rows([100] * 64, OrderSettings(seed=3, groups_per_lane=2), 0)
    kinds = [len({group for group, _ in order[start : start + 32]}) for start in range(0, 6400, 32)]
    assert min(kinds) >= 28
