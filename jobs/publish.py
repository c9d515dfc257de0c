"""`pagemill publish`: a new version of the whole dataset, under the config's rules."""

import argparse
from collections.abc import Sequence

from jobs.build import spreading, where_it_lies
from jobs.command_line import DONE, add_config_arguments, config_of, end_process, parser_for, run_command
from jobs.report import publish_and_report
from pipeline.log_ids import now_about
from pipeline.publishing.gate_figures import gates_of
from pipeline.publishing.gates import FIGURES
from pipeline.store import open_store

ACCEPT_HELP = "let this gate pass whatever it measures, repeatable; the version's manifest says so"


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "publish",
        "Make a version of all finished builds under the config's rules and tell readers of it. `pagemill build` ends so.",
        "pagemill publish configs/quickstart.yaml",
    )
    add_config_arguments(parser)
    add_publish_arguments(parser)
    return run_command(parser, run, argv)


def add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of every command that makes a version."""
    parser.add_argument("--accept", metavar="GATE", action="append", default=[], choices=sorted(FIGURES), help=ACCEPT_HELP)
    parser.add_argument("--version", metavar="NAME", help="name of the version instead of BUILD, BUILD.1, BUILD.2, ...")


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    now_about(build_id=config.build_id)
    store = open_store(config.output)
    with spreading() as spread:
        version = publish_and_report(
            store,
            config,
            name=arguments.version,
            spread=spread,
            gates=gates_of(store, config, accepted=arguments.accept),
        )
    print(where_it_lies(config, version))
    return DONE


if __name__ == "__main__":
    end_process(main())
