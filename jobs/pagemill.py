"""`pagemill COMMAND …`: hands the rest of the line to the command's own module."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from jobs.command_line import end_process

Main = Callable[[Sequence[str]], int]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "build": ("jobs.build", "read a corpus into pages and documents; run again, it goes on where it was"),
    "nightly": ("jobs.nightly", "what is new since the last night: listed, read, published, reported"),
    "submit": ("jobs.submit", "a build, a night or a publish as a job of a Ray cluster"),
    "stop": ("jobs.stop", "a build at work finishes the shards it has, and ends"),
    "plan": ("jobs.plan", "dry run: what a build would read, and how long it would take"),
    "status": ("jobs.status", "how far a build is"),
    "verify": ("jobs.verify", "recount a build from what lies in its store"),
    "publish": ("jobs.publish", "make a version of all finished builds"),
    "rejudge": ("jobs.rejudge", "make a version under other rules; no page is read again"),
    "report": ("jobs.report", "one HTML page of a build, to be looked at"),
    "log": ("jobs.log", "the versions of a dataset"),
    "compare": ("jobs.compare", "what one version has that another has not"),
    "forget": ("jobs.forget", "take documents out of everything that is stored, for good"),
    "gc": ("jobs.gc", "what no kept version needs; a dry run unless told to delete"),
    "inspect": ("jobs.inspect_document", "a document beside what was read of it, in a browser"),
    "head": ("jobs.head", "the first documents or pages of a dataset, readable"),
    "stats": ("jobs.stats", "what a dataset holds: counts by language, reason, engine, mode, build"),
    "explain": ("jobs.explain", "what happened to a document, a page or a shard, and why it was kept or not"),
    "sql": ("jobs.sql", "ask a dataset through DuckDB, on the right files"),
}
"""Of each command the module, imported when it is asked for (all of them take 1.5 s), and what it does."""


def usage() -> str:
    lines = [f"  {name:<10}{does}" for name, (_, does) in COMMANDS.items()]
    example = "example:\n  pagemill build configs/quickstart.yaml"
    return "\n".join(["usage: pagemill COMMAND ...", "", *lines, "", "pagemill COMMAND --help says more", "", example])


def main() -> NoReturn:
    end_process(command(sys.argv[1:]))


def command(argv: Sequence[str]) -> int:
    if argv and argv[0] in {"-h", "--help"}:
        print(usage())
        return 0
    if not argv or argv[0] not in COMMANDS:
        wrong = f"pagemill: no command {argv[0]!r}" if argv else "pagemill: a command is missing"
        print(f"{wrong}\n\n{usage()}", file=sys.stderr)
        return 2
    return _main_of(argv[0])(argv[1:])


def _main_of(name: str) -> Main:
    main_of_command: Main = importlib.import_module(COMMANDS[name][0]).main
    return main_of_command


if __name__ == "__main__":
    main()
