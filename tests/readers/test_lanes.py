"""A lane decodes what is asked for: what lies between two rows far apart is passed over."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq

from pipeline.readers.lanes import LaneReader, TableReader
from pipeline.readers.order import OrderSettings
from pipeline.readers.row_groups import GroupReader, TableSource
from tests.builds.memory_store import MemoryStore
from tests.readers.tables import write_version


class WatchedReader(GroupReader):
    def __init__(self, source: TableSource) -> None:
        super().__init__(source)
        self.opened: list[int] = []

    def open(self, group: int) -> pq.ParquetFile:
        self.opened.append(group)
        return super().open(group)


def test_row_groups_between_two_rows_of_a_lane_are_not_read() -> None:
    """A lane that two readers share is visited now and then; ten row groups of ten rows, from row 5 to row 75."""
    store = MemoryStore()
    source = TableSource(store=store, groups=write_version(store, [[10] * 10]), columns=("id",))
    reader = WatchedReader(source)
    table = TableReader(reader, source.groups.rows_G, OrderSettings(seed=None, num_lanes=1, buffer_rows=10), 1)
    with ThreadPoolExecutor(1) as threads, ThreadPoolExecutor(1) as fetchers:
        lane = LaneReader(table, 0, threads, fetchers)
        assert lane.row(0, 5)["id"] == "000005"
        assert lane.row(0, 75)["id"] == "000075"
    assert not {3, 4, 5, 6} & set(reader.opened)
