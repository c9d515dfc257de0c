"""What rules and filters look at, of every page of a build, as columns.

In: the store and a build. Out: one table for each pages file, without texts and blocks: columns of `pages` as they are stored,
and `facts`, one bit for each of FACTS. Reads those columns alone, by ranges. Holds one file's columns at a time, 400 bytes a
page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds import layout
from pipeline.interfaces import ObjectStore
from pipeline.quality.characters import UNSPACED_SCRIPTS
from pipeline.quality.language import MIN_LETTER_FRACTION, UNDETERMINED
from pipeline.quality.rule_table import REJECT_RULES, UNREADABLE_SCRIPT, comparisons
from pipeline.quality.rules import UNSPACED_LANGUAGES
from pipeline.readers.footers import open_row_group, read_footer
from pipeline.records import LOOP_CUT
from pipeline.tables.pages import FACTS_COLUMNS, READING_COLUMNS
from pipeline.tables.schemas import SIGNAL_COLUMNS

COLUMN_OF_FIELD = {**FACTS_COLUMNS, **READING_COLUMNS, **SIGNAL_COLUMNS}
SIGNALS = tuple(dict.fromkeys(each.signal for condition in REJECT_RULES.values() for each in comparisons(condition)))
"""Every signal that a reject rule looks at, by its field name."""
FACTS = (
    *("is_cut_short", "is_stopped_in_loop", "can_loop", "is_unreadable", "is_spaced", "is_lettered", "is_undetermined"),
    *("is_compared", "is_hiding_unknown"),
)
"""What `quality.rules.evidence_of` calls the facts of a page, but those that only warn. Bit 0 first."""
COLUMNS = tuple(
    dict.fromkeys(
        [
            *("id", "doc_id", "page", "status", "reject", "engine_status", "rung", "mode", "language", "script", "source"),
            *("finish_reason", "flags", "layer_repeats", "width_pt", "ocr_conf", "mean_logprob"),
            *(COLUMN_OF_FIELD[signal] for signal in SIGNALS),
        ]
    )
)
JUDGED = "is_judged"
"""Column: rules decide on the page. Not so when it is blank, failed before the engine or in it, or forgotten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSignals:
    """The pages of one file, in its order."""

    key: str
    size_bytes: int
    table: pa.Table
    """COLUMNS, `facts` (int32) and JUDGED (bool)."""


def build_signals(store: ObjectStore, build_id: str) -> Iterator[FileSignals]:
    """Every pages file of a build, in order of key. Raises StoreError, VerifyError."""
    for info in store.list(layout.pages_prefix(build_id)):
        if layout.PAGES_KEY.fullmatch(info.key):
            yield FileSignals(
                key=info.key, size_bytes=info.size_bytes, table=with_facts(_columns(store, info.key, info.size_bytes))
            )


def with_facts(table: pa.Table) -> pa.Table:
    """The table with `facts` and JUDGED."""
    bits = (pc.multiply(pc.cast(_fact(table, name), pa.int32()), 1 << bit) for bit, name in enumerate(FACTS))
    judged = pc.and_(pc.fill_null(pc.equal(table.column("engine_status"), "ok"), False), pc.is_valid(table.column("width_pt")))
    return table.append_column("facts", reduce(pc.add, bits)).append_column(JUDGED, judged)


def _columns(store: ObjectStore, key: str, size_bytes: int) -> pa.Table:
    footer = read_footer(store, key, size_bytes)
    groups = [
        open_row_group(store, key, footer, ordinal, COLUMNS).read_row_group(ordinal, columns=list(COLUMNS), use_threads=False)
        for ordinal in range(footer.num_row_groups)
    ]
    schema = footer.schema.to_arrow_schema()
    return pa.concat_tables([pa.schema([schema.field(name) for name in COLUMNS]).empty_table(), *groups]).combine_chunks()


def _fact(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Booleans, no null."""
    column = table.column
    match name:
        case "is_cut_short":
            return pc.and_(_is(column("finish_reason"), "length"), pc.invert(_has_flag(table, LOOP_CUT)))
        case "is_stopped_in_loop":
            return pc.and_(_is(column("finish_reason"), "repetition"), pc.invert(_has_flag(table, LOOP_CUT)))
        case "can_loop":
            return pc.and_(pc.is_valid(column("finish_reason")), pc.invert(column("layer_repeats")))
        case "is_unreadable":
            return _has_flag(table, UNREADABLE_SCRIPT)
        case "is_spaced":
            languages, scripts = pa.array(sorted(UNSPACED_LANGUAGES)), pa.array(sorted(UNSPACED_SCRIPTS))
            unspaced = pc.or_(pc.is_in(column("language"), languages), pc.is_in(column("script"), scripts))
            return pc.invert(unspaced)
        case "is_lettered":
            return pc.greater_equal(column("letters"), pc.multiply(column("chars"), MIN_LETTER_FRACTION))
        case "is_undetermined":
            return _is(column("language"), UNDETERMINED)
        case "is_compared":
            both = pc.and_(pc.is_valid(column("layer_recall")), pc.is_valid(column("layer_precision")))
            return pc.and_(_is(column("source"), "ocr"), both)
        case _:
            return pc.is_null(column("layer_hidden"))


def _is(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(column, value), False)


def _has_flag(table: pa.Table, flag: str) -> pa.ChunkedArray:
    """A flag is one word, so it is looked for between separators in the joined list."""
    joined = pc.binary_join(table.column("flags"), " ")
    padded = pc.binary_join_element_wise("", joined, "", " ")
    return pc.match_substring(padded, f" {flag} ")
