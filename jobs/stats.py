"""`pagemill stats`: what a dataset holds, counted from its tables."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence

from jobs.command_line import DONE, end_process, parser_for, run_command
from jobs.dataset_address import Address, add_address_arguments, address_of
from pipeline.readers.groups import RowGroups, open_pages, open_version
from pipeline.readers.row_groups import TableSource
from pipeline.readers.tally import tally

DOCUMENT_COLUMNS = ("language", "script", "extractor", "is_form")
PAGE_COLUMNS = ("status", "reject", "language", "engine", "mode", "rung")
MAX_VALUES = 15


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "stats",
        "Counts of a dataset: documents by language, pages by build, status, reject reason, language, engine and mode.",
        "pagemill stats out/quickstart",
    )
    add_address_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    address = address_of(arguments)
    print("\n".join([*_document_lines(address), "", *_page_lines(address)]))
    return DONE


def _document_lines(address: Address) -> list[str]:
    version = address.version_id()
    groups = open_version(address.store, version)
    counts = tally(TableSource(store=address.store, groups=groups, columns=DOCUMENT_COLUMNS))
    return [f"documents of version {version}: {groups.num_rows:,} rows in {len(groups.files):,} files", *lines_of(counts)]


def _page_lines(address: Address) -> list[str]:
    groups = open_pages(address.store, address.build)
    counts = tally(TableSource(store=address.store, groups=groups, columns=PAGE_COLUMNS))
    by_build = {"build": _rows_by_build(groups), **counts}
    return [f"pages: {groups.num_rows:,} rows in {len(groups.files):,} files", *lines_of(by_build)]


def _rows_by_build(groups: RowGroups) -> Counter[str]:
    """The build is in the key: `pages/build=<id>/<shard>.parquet`."""
    counts: Counter[str] = Counter()
    for number, rows in zip(groups.file_G.tolist(), groups.rows_G.tolist(), strict=True):
        counts[groups.files[number].key.split("/")[1].removeprefix("build=")] += rows
    return counts


def lines_of(counts: Mapping[str, Counter[str]]) -> list[str]:
    """One line a column, its values by number; of many values the most frequent."""
    return [f"  {name:<12} {_values(of_column)}" for name, of_column in counts.items()]


def _values(counts: Counter[str]) -> str:
    shown = [
        f"{value} {number:,}" for value, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_VALUES]
    ]
    return ", ".join([*shown, *([f"and {len(counts) - MAX_VALUES} others"] if len(counts) > MAX_VALUES else [])])


if __name__ == "__main__":
    end_process(main())
