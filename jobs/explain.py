"""`pagemill explain`: what happened to a document, a page or a shard, from what the dataset has stored."""

import argparse
import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from jobs.command_line import DONE, end_process, parser_for, run_command
from jobs.dataset_address import add_dataset_arguments, dataset_of
from jobs.history_told import lines_of
from pipeline.history.entries import Entry, History
from pipeline.history.explain import explain
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "explain",
        "What happened to a document, a page or a shard: when it was listed, who read it and how, which limits its pages\n"
        "broke, and where it stands. Reads the dataset alone, and writes nothing.",
        "pagemill explain out/quickstart letter.pdf",
    )
    add_dataset_arguments(parser)
    parser.add_argument(
        "thing",
        help="id of a document (its beginning is enough), of a page (<document>/<page>, from 0) or of a shard; a name, or the "
        "end of one after a slash",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line: first the outcome, then one entry each")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    history = explain(open_store(dataset_of(arguments)), arguments.thing)
    print("\n".join(json_lines(history) if arguments.json else lines_of(history)))
    return DONE


def json_lines(history: History) -> list[str]:
    head = {"thing": history.thing, "outcome": history.outcome}
    return [json.dumps(head), *(json.dumps(json_of(entry), sort_keys=True) for entry in history.entries)]


def json_of(entry: Entry) -> dict[str, object]:
    """The entry's fields, and its kind under `entry`."""
    kind = type(entry)
    return {"entry": kind.__name__, **TypeAdapter(kind).dump_python(entry, mode="json")}


if __name__ == "__main__":
    end_process(main())
