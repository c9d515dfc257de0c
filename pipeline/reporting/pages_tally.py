"""Counts over the pages of one build, a row group at a time. In: the store and a build. Out: a PagesTally of small tables.

Each table is one `group by`, made of every block and added up: what is summed here, a query sums again. Reads the columns of
numbers and names, never texts or boxes. Holds one block for each thread and about 400 bytes a document, for the slowest and the
strangest of them. Costs the footer and about 60 bytes a page of every pages file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.readers.groups import open_pages
from pipeline.readers.row_groups import GroupReader, TableSource

NUM_THREADS = 2
BLOCK_ROWS = 65_536
MERGE_BLOCKS = 64
CONFIDENCE_BINS = 50
"""Of 0.02 each."""
CHARS_PER_BIN, CHARS_BINS = 200, 41
"""0 to 8,000 characters, and the last for all above."""
MAX_ERROR_CHARS = 200
COLUMNS = (
    *("doc_id", "uri", "n_pages", "status", "reject", "engine_status", "language", "mode", "rung", "error", "chars", "seconds"),
    *("ocr_conf", "vision_tokens", "text_tokens", "alpha_words", "garbled", "dup_line"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grouping:
    """One `group by`: rows by these keys, and the sums of these columns."""

    keys: tuple[str, ...]
    sums: tuple[str, ...]


GROUPINGS: Mapping[str, Grouping] = {
    "status": Grouping(keys=("status",), sums=("pages", "kept")),
    "language": Grouping(keys=("language",), sums=("pages", "kept", "kept_chars")),
    "rung": Grouping(keys=("rung",), sums=("pages", "kept", "seconds")),
    "mode": Grouping(keys=("mode",), sums=("pages", "counted", "vision_tokens", "text_tokens")),
    "confidence": Grouping(keys=("conf_bin", "is_kept"), sums=("pages",)),
    "chars": Grouping(keys=("chars_bin", "is_kept"), sums=("read",)),
    "error": Grouping(keys=("error",), sums=("pages",)),
    "document": Grouping(
        keys=("doc_id", "uri"),
        sums=(
            "pages",
            "n_pages",
            "kept",
            "seconds",
            "read",
            "chars",
            "conf",
            "conf_pages",
            "alpha_words",
            "garbled",
            "dup_line",
        ),
    ),
}
REASON = Grouping(keys=("reason",), sums=("pages",))


@dataclass(frozen=True, kw_only=True, slots=True)
class PagesTally:
    """A table for each grouping: its keys, and its sums as float64. `num_pages` counts rows."""

    num_pages: int
    by: Mapping[str, pa.Table]
    by_reason: pa.Table
    """A page with two reasons counts under both."""

    @property
    def num_documents(self) -> int:
        return int(self.by["document"].num_rows)

    @property
    def num_pages_of_documents(self) -> int:
        """How many pages the documents say that they have, each in every one of its rows."""
        documents = self.by["document"]
        return round(pc.sum(pc.divide(documents.column("n_pages"), documents.column("pages"))).as_py() or 0.0)


def tally_pages(store: ObjectStore, build_id: str) -> PagesTally:
    """Of a build that may have no pages file yet. Raises VerifyError, StoreError."""
    if next(iter(store.list(f"pages/build={build_id}/")), None) is None:
        return _summed([])
    source = TableSource(store=store, groups=open_pages(store, build_id), columns=COLUMNS)
    reader = GroupReader(source)

    def of_group(group: int) -> PagesTally:
        return _summed([_of_block(block) for block in reader.blocks(reader.open(group), group, 0, BLOCK_ROWS)])

    parts: list[PagesTally] = []
    for part in map_in_order(of_group, range(source.groups.rows_G.size), num_threads=NUM_THREADS):
        parts.append(part)
        if len(parts) == MERGE_BLOCKS:
            parts = [_summed(parts)]
    return _summed(parts)


def _of_block(block: pa.Table) -> PagesTally:
    rows = _derived(block)
    reasons = pa.table({"reason": pc.list_flatten(block.column("reject"))})
    reasons = reasons.append_column("pages", pa.array([1.0] * reasons.num_rows, pa.float64()))
    return PagesTally(
        num_pages=block.num_rows,
        by={name: _grouped(rows, grouping) for name, grouping in GROUPINGS.items()},
        by_reason=_grouped(reasons, REASON),
    )


def _derived(block: pa.Table) -> pa.Table:
    """The block with a column for every key and sum."""
    is_kept = pc.equal(pc.list_value_length(block.column("reject")), 0)
    is_read = pc.fill_null(pc.equal(block.column("engine_status"), "ok"), False)
    is_counted = pc.and_(
        pc.is_valid(block.column("text_tokens")), pc.greater(pc.fill_null(block.column("vision_tokens"), 0), 0)
    )
    confidence, chars = block.column("ocr_conf"), block.column("chars")
    numbers = {
        "pages": pc.if_else(is_kept, 1, 1),
        "n_pages": block.column("n_pages"),
        "kept": is_kept,
        "kept_chars": pc.if_else(is_kept, chars, 0),
        "chars": chars,
        "seconds": pc.fill_null(block.column("seconds"), 0.0),
        "read": is_read,
        "counted": is_counted,
        "vision_tokens": pc.if_else(is_counted, block.column("vision_tokens"), 0),
        "text_tokens": pc.if_else(is_counted, block.column("text_tokens"), 0),
        "conf": pc.fill_null(confidence, 0.0),
        "conf_pages": pc.is_valid(confidence),
        "alpha_words": block.column("alpha_words"),
        "garbled": block.column("garbled"),
        "dup_line": block.column("dup_line"),
    }
    keys = {name: block.column(name) for name in ("doc_id", "uri", "status", "language", "mode", "rung")}
    return pa.table(
        {
            **keys,
            "is_kept": is_kept,
            "conf_bin": pc.min_element_wise(
                pc.floor(pc.multiply(confidence, CONFIDENCE_BINS)), CONFIDENCE_BINS - 1, skip_nulls=False
            ),
            "chars_bin": pc.min_element_wise(pc.floor(pc.divide(pc.cast(chars, pa.float64()), CHARS_PER_BIN)), CHARS_BINS - 1),
            "error": pc.utf8_slice_codeunits(block.column("error"), 0, MAX_ERROR_CHARS),
            **{name: pc.cast(values, pa.float64()) for name, values in numbers.items()},
        }
    )


def _summed(parts: Sequence[PagesTally]) -> PagesTally:
    return PagesTally(
        num_pages=sum(part.num_pages for part in parts),
        by={name: _joined((part.by[name] for part in parts), grouping) for name, grouping in GROUPINGS.items()},
        by_reason=_joined((part.by_reason for part in parts), REASON),
    )


def _joined(tables: Iterable[pa.Table], grouping: Grouping) -> pa.Table:
    found = list(tables)
    if not found:
        return pa.table({name: pa.array([], pa.float64()) for name in (*grouping.keys, *grouping.sums)})
    return found[0] if len(found) == 1 else _grouped(pa.concat_tables(found), grouping)


def _grouped(rows: pa.Table, grouping: Grouping) -> pa.Table:
    grouped = rows.group_by(list(grouping.keys)).aggregate([(name, "sum") for name in grouping.sums])
    names = {f"{name}_sum": name for name in grouping.sums}
    return grouped.rename_columns([names.get(name, name) for name in grouped.column_names]).select(
        [*grouping.keys, *grouping.sums]
    )
