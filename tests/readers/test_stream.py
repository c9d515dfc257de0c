"""What is read from real files is the order that was promised, from any point, in any world."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError, VerifyError
from pipeline.readers.conditions import Condition
from pipeline.readers.order import OrderSettings
from pipeline.readers.row_groups import TableSource
from pipeline.readers.share import Course, World, remaining
from pipeline.readers.stream import Stream, open_stream, read
from tests.builds.memory_store import MemoryStore
from tests.readers.tables import FIRST_DAY, row, write_version

FILES = ([40, 13], [27], [1, 0, 30], [19, 20])
NUM_ROWS = 150
SETTINGS = OrderSettings(seed=11, num_lanes=6, groups_per_lane=1, buffer_rows=8)


@pytest.fixture(scope="module")
def table() -> TableSource:
    store = MemoryStore()
    return TableSource(store=store, groups=write_version(store, FILES), columns=("id",))


def ids(samples: Iterator[dict[str, object]]) -> list[int]:
    return [int(str(sample["id"])) for sample in samples]


def stream_of(*tables: TableSource, **given_settings: object) -> Stream:
    arguments = {"settings": SETTINGS, "window_samples": 12, **given_settings}
    return open_stream(tables, **arguments)  # type: ignore[arg-type]


def one_reader(stream: Stream, num_taken: int = 0, course: Course | None = None) -> Iterator[dict[str, object]]:
    course = course or Course(end=stream.end)
    return read(stream, course, world=World(), rank=0, worker=0, num_taken=num_taken)


def test_an_epoch_gives_every_row_once_and_the_next_one_in_another_order(table: TableSource) -> None:
    stream = stream_of(table, num_epochs=2)
    given_ids = ids(one_reader(stream))
    assert sorted(given_ids[:NUM_ROWS]) == sorted(given_ids[NUM_ROWS:]) == list(range(NUM_ROWS))
    assert given_ids[:NUM_ROWS] != given_ids[NUM_ROWS:]


def test_a_stream_goes_on_exactly_from_every_sample(table: TableSource) -> None:
    stream = stream_of(table, num_epochs=1)
    whole = ids(one_reader(stream))
    for num_taken in range(NUM_ROWS + 1):
        assert ids(islice(one_reader(stream, num_taken), 20)) == whole[num_taken : num_taken + 20]


@given(
    first=st.builds(World, num_ranks=st.integers(1, 9), num_workers=st.integers(1, 2)),
    second=st.builds(World, num_ranks=st.integers(1, 9), num_workers=st.integers(1, 2)),
    num_taken=st.integers(0, 30),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_number_of_ranks_goes_on_and_the_epoch_holds_every_row_once(
    table: TableSource, first: World, second: World, num_taken: int
) -> None:
    stream = stream_of(table, num_epochs=1)
    course, seen = Course(end=stream.end), []
    counts = np.zeros((first.num_ranks, first.num_workers), dtype=np.int64)
    for rank, worker in np.ndindex(counts.shape):
        given_ids = ids(islice(read(stream, course, world=first, rank=rank, worker=worker), num_taken))
        counts[rank, worker] = len(given_ids)
        seen += given_ids
    course = remaining(course, counts, window_samples=stream.window_samples, lanes_of=stream.lanes_of)
    for rank, worker in np.ndindex(second.num_ranks, second.num_workers):
        seen += ids(read(stream, course, world=second, rank=rank, worker=worker))
    assert sorted(seen) == list(range(NUM_ROWS))


@pytest.mark.parametrize("num_ranks", range(1, 10))
def test_every_number_of_ranks_reads_the_same_order(table: TableSource, num_ranks: int) -> None:
    """Window after window, the samples of all ranks are the next of the one order: 12 of them, or the least multiple of the
    ranks above it."""
    stream = stream_of(table, num_epochs=1)
    order = ids(one_reader(stream))
    each = -(-12 // num_ranks)
    world = World(num_ranks=num_ranks)
    ranks = [ids(read(stream, Course(end=stream.end), world=world, rank=rank, worker=0)) for rank in range(num_ranks)]
    for step in range(-(-NUM_ROWS // (each * num_ranks))):
        window = [sample for rank in ranks for sample in rank[step * each : (step + 1) * each]]
        assert sorted(window) == sorted(order[step * each * num_ranks : (step + 1) * each * num_ranks])
    assert max(map(len, ranks)) - min(map(len, ranks)) <= 1


CONDITIONS = {
    "language": (Condition(column="language", one_of=("de", "fr")), lambda r: r["language"] in ("de", "fr")),
    "quality": (Condition(column="alpha_words", at_least=0.3), lambda r: (r["alpha_words"] or 0) >= 0.3),
    "dates": (
        Condition(column="date", at_least=FIRST_DAY + timedelta(days=30), before=FIRST_DAY + timedelta(days=90)),
        lambda r: r["date"] is not None and 30 <= (r["date"] - FIRST_DAY).days < 90,
    ),
    "kept": (Condition(column="reject", is_empty=True), lambda r: not r["reject"]),
    "rejected": (Condition(column="reject", is_empty=False), lambda r: bool(r["reject"])),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_give_the_rows_that_meet_them_and_resume_counts_those(table: TableSource, name: str) -> None:
    condition, meets = CONDITIONS[name]
    stream = stream_of(
        TableSource(store=table.store, groups=table.groups, columns=("id",), conditions=(condition,)), num_epochs=1
    )
    given_ids = ids(one_reader(stream))
    assert sorted(given_ids) == [number for number in range(NUM_ROWS) if meets(row(number))]
    assert ids(one_reader(stream, 17)) == given_ids[17:]


def test_row_groups_that_statistics_rule_out_are_not_opened(table: TableSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days 0 to 39 lie in the first row group alone; of five others only the footers are read."""
    condition = Condition(column="date", before=FIRST_DAY + timedelta(days=39))
    asked: list[tuple[int, int]] = []
    whole = MemoryStore.get_range

    def counted(store: MemoryStore, key: str, start: int, length: int) -> bytes:
        asked.append((int(key[-9:-8]), start))
        return whole(store, key, start, length)

    monkeypatch.setattr(MemoryStore, "get_range", counted)
    stream = stream_of(
        TableSource(store=table.store, groups=table.groups, columns=("id",), conditions=(condition,)), num_epochs=1
    )
    assert {start for file, start in asked if file != 0} == {0}  # a footer; columns lie behind the first four bytes
    assert stream.rows_TG[0].tolist() == [30, 0, 0, 0, 0, 0, 0, 0][: len(stream.rows_TG[0])]
    asked.clear()
    assert len(ids(one_reader(stream))) == 30
    assert {file for file, _ in asked} == {0}


def test_other_conditions_that_leave_as_many_rows_are_another_order() -> None:
    """Five rows each of one row group; a checkpoint of the one would go on in the other with rows of another kind."""
    store = MemoryStore()
    groups = write_version(store, ([10],))
    low, high = Condition(column="id", at_most="000004"), Condition(column="id", at_least="000005")
    streams = [
        stream_of(TableSource(store=store, groups=groups, columns=("id",), conditions=(condition,)))
        for condition in (low, high, low)
    ]
    assert [stream.rows_TG[0].tolist() for stream in streams] == [[5]] * 3
    assert streams[0].identity == streams[2].identity != streams[1].identity


def test_a_blend_keeps_its_weights_and_each_table_its_own_epochs(table: TableSource) -> None:
    store = MemoryStore()
    small = TableSource(store=store, groups=write_version(store, ([5, 6],)), columns=("id", "language"))
    stream = stream_of(table, small, weights=(3, 1), num_samples=400)
    samples = list(one_reader(stream))
    of_small = [int(str(sample["id"])) for sample in samples if "language" in sample]
    assert len(samples) == 400
    assert len(of_small) == 100
    assert all(sorted(of_small[start : start + 11]) == list(range(11)) for start in range(0, 99, 11))
    assert list(one_reader(stream, 123)) == samples[123:]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (Condition(column="nothing", at_least=1), "no column nothing"),
        (Condition(column="language"), "asks nothing"),
        (Condition(column="language", at_least=3), "does not fit its type string"),
        (Condition(column="language", one_of=("xx",)), "no row to read"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(table: TableSource, condition: Condition, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        stream_of(TableSource(store=table.store, groups=table.groups, columns=("id",), conditions=(condition,)))


def test_a_column_that_is_not_there_is_refused(table: TableSource) -> None:
    with pytest.raises(ConfigError, match="no column words in this table; there are text, id"):
        stream_of(TableSource(store=table.store, groups=table.groups, columns=("id", "words")))


def test_files_that_are_not_those_of_the_index_are_noticed(table: TableSource) -> None:
    store = MemoryStore()
    groups = write_version(store, ([9],))
    write_version(store, ([4],))
    with pytest.raises(VerifyError):
        list(one_reader(stream_of(TableSource(store=store, groups=groups, columns=("id",)), num_epochs=1)))
