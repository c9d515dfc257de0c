"""Chosen pages with all that is known of them.

In: ids of pages by the file that holds them. Out: their PageRecords, texts and blocks included, ascending by file and page.
Reads the row groups that hold a chosen page, one at a time: up to 20 MB in memory. Knows no picture.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.builds.footers import get_footer
from pipeline.interfaces import ObjectStore
from pipeline.readers.footers import open_row_group, read_footer
from pipeline.records import PageRecord
from pipeline.reporting.pictures import PageLook
from pipeline.tables.footer import head_of
from pipeline.tables.pages import page_records
from pipeline.tables.schemas import PAGES_SCHEMA


@dataclass(frozen=True, kw_only=True, slots=True)
class SampledPage:
    """A page to look at."""

    record: PageRecord
    look: PageLook
    strata: tuple[str, ...]
    """What it stands for, in words; () where nothing was chosen."""


def fetch_records(store: ObjectStore, ids_by_key: Mapping[str, Collection[str]]) -> Iterator[PageRecord]:
    """Raises StoreError, VerifyError."""
    for key in sorted(ids_by_key):
        yield from _records_of(store, key, ids_by_key[key])


def _records_of(store: ObjectStore, key: str, ids: Collection[str]) -> Iterator[PageRecord]:
    size_bytes = store.head(key).size_bytes
    opened = head_of(get_footer(store, key, size_bytes)).documents.opened
    footer = read_footer(store, key, size_bytes)
    for ordinal in groups_with(footer, ids):
        group = open_row_group(store, key, footer, ordinal, PAGES_SCHEMA.names).read_row_group(ordinal, use_threads=False)
        yield from page_records(group.filter(pc.field("id").isin(sorted(ids))), opened)


def groups_with(footer: pq.FileMetaData, ids: Collection[str]) -> Sequence[int]:
    """Row groups that may hold one of these ids, by the statistics of the column `id`."""
    column = footer.schema.to_arrow_schema().get_field_index("id")
    bounds = [footer.row_group(ordinal).column(column).statistics for ordinal in range(footer.num_row_groups)]
    return [ordinal for ordinal, each in enumerate(bounds) if any(each.min <= page_id <= each.max for page_id in ids)]
