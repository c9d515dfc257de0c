"""`pagemill head`: the first rows of a dataset, readable."""

import argparse
import textwrap
from collections.abc import Sequence
from itertools import islice

from jobs.command_line import DONE, end_process, parser_for, run_command
from jobs.dataset_address import add_address_arguments, address_of
from pipeline.readers.groups import open_pages, open_version
from pipeline.readers.lanes import Sample
from pipeline.readers.order import OrderSettings
from pipeline.readers.row_groups import TableSource
from pipeline.readers.share import Course, World
from pipeline.readers.stream import open_stream, read

COLUMNS = {
    "documents": ("id", "file_path", "title", "language", "n_pages", "page_indices", "chars", "extractor", "text"),
    "pages": ("id", "uri", "status", "reject", "language", "engine", "mode", "rung", "chars", "text"),
}
LINE_CHARS = 110


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "head", "The first documents or pages of a dataset, in the order of its files.", "pagemill head out/quickstart -n 2"
    )
    add_address_arguments(parser)
    parser.add_argument("--table", choices=sorted(COLUMNS), default="documents")
    parser.add_argument("-n", metavar="ROWS", type=int, default=5)
    parser.add_argument("--chars", metavar="CHARS", type=int, default=600, help="of each text")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    address = address_of(arguments)
    if arguments.table == "documents":
        groups = open_version(address.store, address.version_id())
    else:
        groups = open_pages(address.store, address.build)
    source = TableSource(store=address.store, groups=groups, columns=COLUMNS[arguments.table])
    stream = open_stream([source], settings=OrderSettings(seed=None, num_lanes=1), num_epochs=1)
    rows = read(stream, Course(end=stream.end), world=World(), rank=0, worker=0, num_threads=1)
    for row in islice(rows, arguments.n):
        print("\n".join(lines_of(row, arguments.chars)))
    rows.close()
    return DONE


def lines_of(row: Sample, num_chars: int) -> list[str]:
    """What a person wants to see of a row: a line of facts for each column, then its text, wrapped and cut."""
    text = str(row["text"])
    facts = [f"{name:<13}{_fact(value)}" for name, value in row.items() if name != "text"]
    wrapped = [part for line in text[:num_chars].splitlines() for part in textwrap.wrap(line, LINE_CHARS) or [""]]
    rest = [f"... {len(text) - num_chars:,} more characters"] if len(text) > num_chars else []
    return ["-" * LINE_CHARS, *facts, "", *(f"  {line}" for line in [*wrapped, *rest]), ""]


def _fact(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    end_process(main())
