"""`pagemill status`: how far a build is, from what lies in its store."""

import argparse
import sys
from collections.abc import Sequence

from pipeline.builds.status import status_lines, status_of

from jobs.command_line import DONE, INCOMPLETE, add_config_arguments, config_of, parser_for, run_command
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "status",
        "How far a build is: shards, documents, pages by status and reason. Exit code 1 until it is published.",
        "pagemill status configs/quickstart.yaml",
    )
    add_config_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    status = status_of(open_store(config.output), config.build_id)
    print("\n".join(status_lines(status)))
    return DONE if status.is_published else INCOMPLETE


if __name__ == "__main__":
    sys.exit(main())
