"""`pagemill COMMAND …`: hands the rest of the line to the command's own module."""

import sys
from collections.abc import Sequence
from typing import NoReturn

from jobs import (
    build,
    compare,
    explain,
    forget,
    gc,
    head,
    inspect_document,
    log,
    nightly,
    plan,
    publish,
    rejudge,
    report,
    sql,
    stats,
    status,
    stop,
    submit,
    verify,
)
from jobs.command_line import end_process

COMMANDS = {
    "build": (build.main, "read a corpus into pages and documents; run again, it goes on where it was"),
    "nightly": (nightly.main, "what is new since the last night: listed, read, published, reported"),
    "submit": (submit.main, "a build, a night or a publish as a job of a Ray cluster"),
    "stop": (stop.main, "a build at work finishes the shards it has, and ends"),
    "plan": (plan.main, "dry run: what a build would read, and how long it would take"),
    "status": (status.main, "how far a build is"),
    "verify": (verify.main, "recount a build from what lies in its store"),
    "publish": (publish.main, "make a version of all finished builds"),
    "rejudge": (rejudge.main, "make a version under other rules; no page is read again"),
    "report": (report.main, "one HTML page of a build, to be looked at"),
    "log": (log.main, "the versions of a dataset"),
    "compare": (compare.main, "what one version has that another has not"),
    "forget": (forget.main, "take documents out of everything that is stored, for good"),
    "gc": (gc.main, "what no kept version needs; a dry run unless told to delete"),
    "inspect": (inspect_document.main, "a document beside what was read of it, in a browser"),
    "head": (head.main, "the first documents or pages of a dataset, readable"),
    "stats": (stats.main, "what a dataset holds: counts by language, reason, engine, mode, build"),
    "explain": (explain.main, "what happened to a document, a page or a shard, and why it was kept or not"),
    "sql": (sql.main, "ask a dataset through DuckDB, on the right files"),
}


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
    return COMMANDS[argv[0]][0](argv[1:])


if __name__ == "__main__":
    main()
