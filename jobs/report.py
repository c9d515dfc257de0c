"""`pagemill report`: one HTML page of a build, beside it in the dataset or in a file."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from jobs.command_line import DONE, code_version, end_process, lease_owner, parser_for, run_command
from jobs.dataset_address import Address, add_address_arguments, address_of
from pipeline.builds.begin import read_plan
from pipeline.builds.lease import hold_lease
from pipeline.builds.past import past_builds
from pipeline.config import BuildConfig, LeaseConfig, RenderConfig, RulesConfig, StoreConfig, load_config
from pipeline.errors import ConfigError, GateBroken
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread
from pipeline.publishing.candidate import Gates
from pipeline.publishing.publish import publish
from pipeline.publishing.versions import VersionManifest
from pipeline.reporting.build_report import build_report, put_report
from pipeline.reporting.inspection import inspection_sections
from pipeline.sources import open_source


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "report",
        "One self-contained HTML page of a build, made of what is stored of it: what became of documents and pages, speed,\n"
        "gates, drift. It is put beside the build (`_builds/<id>/report.html`), or written to a file. `build`, `publish` and\n"
        "`nightly` end with it.",
        "pagemill report out/quickstart --write report.html",
    )
    add_address_arguments(parser)
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the page to this file instead of the dataset")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    address = address_of(arguments)
    build_id = address.build or newest_build(address)
    make = partial(page_of, address.store, build_id, config_named(arguments.dataset))
    print(write_page(make(), arguments.write) if arguments.write else put_page(address.store, build_id, make))
    return DONE


def put_page(store: ObjectStore, build_id: str, make: Callable[[], str]) -> str:
    """Makes the report and puts it beside its build; gives its address. Under the dataset's lease: `forget` deletes reports
    first and the texts in them later, and a report made in between would bring them back. Raises LeaseHeld."""
    with hold_lease(store, owner=lease_owner(), ttl_s=LeaseConfig().ttl_s):
        return report_uri(store, put_report(store, build_id, make()))


def write_page(page: str, path: Path) -> Path:
    """Raises ConfigError where it cannot be written."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error}); give another --write") from error
    return path


def config_named(dataset: str) -> BuildConfig | None:
    """The config that the command line names, which says what a worker costs; None for a bare address."""
    return load_config(Path(dataset), []) if dataset.endswith((".yaml", ".yml")) else None


def newest_build(address: Address) -> str:
    """The build that was planned last. Raises ConfigError when there is none."""
    builds = past_builds(address.store)
    if not builds:
        raise ConfigError(f"no build was ever begun in {address.store.uri}; check the address")
    return builds[-1].build_id


def publish_and_report(
    store: ObjectStore, config: BuildConfig, *, name: str | None = None, spread: Spread, gates: Gates
) -> VersionManifest:
    """Publishes, and puts the report of `config.build_id`: that of a version which a gate keeps back as well. Raises what
    `publish` raises."""
    try:
        version = publish(store, config, code_version=code_version(), name=name, spread=spread, gates=gates)
    except GateBroken:
        keep_report(store, config)
        raise
    keep_report(store, config)
    return version


def keep_report(store: ObjectStore, config: BuildConfig) -> None:
    """Makes the report of the config's build and puts it beside it."""
    put_report(store, config.build_id, page_of(store, config.build_id, config))


def page_of(store: ObjectStore, build_id: str, config: BuildConfig | None) -> str:
    """The report. Without a config its sampled pages are drawn from where the build has planned them, and no cost is told."""
    plan = read_plan(store, build_id)
    sections = inspection_sections(
        store,
        build_id,
        source=open_source(config.input if config else StoreConfig(uri=plan.input_uri)),
        render=RenderConfig.model_validate(plan.stamp.recipe["render"]),
        rules=RulesConfig.model_validate(plan.stamp.rules),
    )
    return build_report(store, build_id, config=config, further=sections)


def report_uri(store: ObjectStore, key: str) -> str:
    return f"{store.uri.rstrip('/')}/{key}"


if __name__ == "__main__":
    end_process(main())
