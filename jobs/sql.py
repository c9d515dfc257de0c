"""`pagemill sql`: a question to a dataset through DuckDB, on the right files.

`documents` are those of the latest version (or `--version`), `pages` those of all builds (or `--build`), with the build as a
column, `verdicts` what became of every document of the version, `receipts` the shards of one build (`--build`) and
`quarantine` its documents that gave no page. Only what the question names is listed.
"""

import argparse
import re
from collections.abc import Sequence

import pyarrow
import pyarrow.dataset

from jobs.command_line import DONE, parser_for, run_command
from jobs.dataset_address import Address, add_address_arguments, address_of
from pipeline.builds import layout
from pipeline.builds.commit import read_receipts
from pipeline.builds.receipts_table import receipts_table
from pipeline.errors import ConfigError
from pipeline.readers.arrow_dataset import arrow_dataset
from pipeline.readers.groups import list_files

MAX_ROWS = 100


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "sql",
        "Asks DuckDB about the tables `documents`, `pages` and `verdicts` of a dataset, and with --build about `receipts` and\n"
        "`quarantine`. Needs the extra [sql].",
        'pagemill sql out/quickstart "select status, reject, count(*) from pages group by all"',
    )
    add_address_arguments(parser)
    parser.add_argument("question", help="SQL, in quotes")
    parser.add_argument("--rows", metavar="ROWS", type=int, default=MAX_ROWS, help="shown at most")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError("pagemill sql needs DuckDB; install pagemill[sql]") from error
    address = address_of(arguments)
    connection = duckdb.connect()
    for name, table in tables_of(address, arguments.question).items():
        connection.register(name, table)
    try:
        answer = connection.sql(arguments.question)
    except duckdb.Error as error:
        raise ConfigError(f"DuckDB: {error}") from error
    if answer is not None:
        answer.show(max_rows=arguments.rows, max_width=160)
    return DONE


def tables_of(address: Address, question: str) -> dict[str, pyarrow.dataset.Dataset | pyarrow.Table]:
    """Each table that the question names, to be registered under its name; files are opened, not read."""
    keys_of = _keys_of_tables(address, question).items()
    tables = {name: arrow_dataset(address.config, address.store, keys) for name, keys in keys_of}
    if "receipts" in _named(question):
        tables["receipts"] = receipts_table(read_receipts(address.store, _build_of(address)).values())
    return tables


def _keys_of_tables(address: Address, question: str) -> dict[str, list[str]]:
    """Keys of the files of each table that the question names."""
    named = _named(question)
    keys: dict[str, list[str]] = {}
    if "documents" in named:
        keys["documents"] = _keys(address, f"documents/version={address.version_id()}/")
    if "pages" in named:
        keys["pages"] = _keys(address, f"pages/build={address.build}/" if address.build else "pages/")
    if "verdicts" in named:
        keys["verdicts"] = [f"_versions/{address.version_id()}/verdicts.parquet"]
    if "quarantine" in named:
        keys["quarantine"] = [layout.quarantine_key(_build_of(address))]
    return keys


def _named(question: str) -> set[str]:
    return set(re.findall(r"\w+", question.lower()))


def _build_of(address: Address) -> str:
    if address.build is None:
        raise ConfigError("`receipts` and `quarantine` are of one build; say which with --build")
    return address.build


def _keys(address: Address, prefix: str) -> list[str]:
    return [file.key for file in list_files(address.store, prefix)]
