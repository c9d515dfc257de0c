"""`pagemill publish`: the documents of a build whose pages are all read."""

import argparse
import sys
from collections.abc import Sequence

from jobs.build import where_it_lies
from jobs.command_line import DONE, add_config_arguments, config_of, parser_for, run_command
from pipeline.publishing.publish import publish
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "publish",
        "Make the documents of a build whose pages are all read, then its manifest. `pagemill build` ends with this.",
        "pagemill publish configs/quickstart.yaml",
    )
    add_config_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    store = open_store(config.output)
    manifest = publish(store, config)
    print(where_it_lies(config, manifest))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
