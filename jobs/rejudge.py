"""`pagemill rejudge`: a new version under other rules, from what is stored; no page is read again."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from jobs.build import spreading, where_it_lies
from jobs.command_line import DONE, add_config_arguments, config_of, end_process, parser_for, run_command
from jobs.log import changes
from jobs.publish import add_publish_arguments
from jobs.report import publish_and_report
from pipeline.config import load_rules
from pipeline.log_ids import now_about
from pipeline.publishing.gate_figures import gates_of
from pipeline.publishing.versions import find_version
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "rejudge",
        "Publish a new version under other rules, from stored signals and texts, and say what it changed. Later builds publish "
        "under the rules of their config, so change those there too.",
        "pagemill rejudge configs/quickstart.yaml --rules strict.yaml",
    )
    add_config_arguments(parser)
    parser.add_argument("--rules", type=Path, required=True, help="YAML: `pages:` and `documents:`, or a config with `rules:`")
    add_publish_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments).model_copy(update={"rules": load_rules(arguments.rules)})
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
    parent = find_version(store, version.parent_id) if version.parent_id else None
    print(where_it_lies(config, version))
    print(f"\nagainst {version.parent_id or 'nothing'}:")
    print("\n".join(f"  {change}" for change in changes(version, parent)) or "  no change")
    return DONE


if __name__ == "__main__":
    end_process(main())
