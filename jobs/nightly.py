"""`pagemill nightly`: lists the corpus, reads only what is new, publishes, reports. A night is a build named by its date."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.table import Table

from jobs.build import Outcome, read_and_publish
from jobs.command_line import (
    DONE,
    add_config_arguments,
    code_version,
    config_of,
    end_process,
    lease_owner,
    parser_for,
    run_command,
)
from jobs.cost_rows import add_cost
from jobs.logs import say
from jobs.progress import duration
from pipeline.builds import layout
from pipeline.builds.begin import absolute_uri, begin_build, probe, put_plan
from pipeline.builds.lease import hold_lease
from pipeline.builds.nights import agenda, parse_night
from pipeline.builds.past import Past, past_builds, read_past
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipt import counted
from pipeline.builds.stop import StopWatch
from pipeline.config import BuildConfig
from pipeline.errors import ConfigError, GateBroken
from pipeline.interfaces import ObjectStore
from pipeline.log_ids import now_about
from pipeline.publishing.golden import find_scores
from pipeline.publishing.versions import latest_version
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "nightly",
        "List the corpus, read what is new, publish, report. Twice for one date does nothing the second time. Nights that\n"
        "were begun and not ended are finished first; a second driver at the same time leaves at once.",
        "pagemill nightly configs/nightly.yaml --date 2026-11-22",
    )
    add_config_arguments(parser)
    parser.add_argument("--date", metavar="DATE", help="the night, as 2026-11-22; today in UTC without it")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    if arguments.build_id is not None:
        raise ConfigError("a night is named by its date; give --date instead of --build-id")
    night = parse_night(arguments.date or datetime.now(UTC).date().isoformat())
    store = open_store(config.output)
    stop = StopWatch(store, night.isoformat())
    probe(store, config)
    with hold_lease(store, owner=lease_owner(), ttl_s=config.lease.ttl_s) as lease:
        nights = agenda(past_builds(store), done=done_nights(store), night=night)
        if not nights:
            say(f"night {night} is done; nothing to do")
            return DONE
        do_nights(config, store, nights, check=lease.check, stop=stop)
    return DONE


def done_nights(store: ObjectStore) -> set[str]:
    """Builds that readers have, and those that found nothing to do."""
    latest = latest_version(store)
    published = set(latest.inputs.builds) if latest else set()
    return published | {build.build_id for build in past_builds(store) if not build.has_work}


def do_nights(
    config: BuildConfig, store: ObjectStore, nights: Sequence[str], *, check: Callable[[], None], stop: StopWatch
) -> None:
    """One after another. A night that breaks a gate does not keep the next one from being read. Raises the last GateBroken."""
    broken: GateBroken | None = None
    for build_id in nights:
        check()
        stop.check()
        try:
            do_night(config.model_copy(update={"build_id": build_id}), store, check=check, stop=stop)
            broken = None
        except GateBroken as error:
            broken = error
            say(f"night {build_id}: {error}")
    if broken is not None:
        raise broken


def do_night(config: BuildConfig, store: ObjectStore, *, check: Callable[[], None], stop: StopWatch) -> None:
    """Plans, reads, publishes, reports."""
    now_about(build_id=config.build_id)
    say(f"night {config.build_id}: {config.input.uri} -> {config.output.uri}")
    plan = begin_build(store, config, partial(list_documents, open_source(config.input)), code_version=code_version())
    outcome = None
    if plan.has_work:
        outcome = read_and_publish(config, store, plan, check=check, stop=stop)
    else:
        put_plan(store, plan)
    past = read_past(store, input_uri=absolute_uri(config.input.uri), but="")
    scores = find_scores(store, config.build_id)
    error_fraction = None if scores is None else scores.error_fraction
    Console(file=sys.stdout, highlight=False).print(report(plan, outcome, past, golden_error_fraction=error_fraction))


def report(plan: BuildPlan, outcome: Outcome | None, past: Past, *, golden_error_fraction: float | None) -> Table:
    """One screen: what the night found, what became of it, and what readers have now."""
    counts = plan.counts
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row("night", f"{plan.build_id}: {counts.num_listed:,} documents listed, {counts.num_held:,} names before")
    table.add_row("to read", f"{counts.num_new:,} new, {counts.num_changed:,} changed, {counts.num_retried:,} tried again")
    table.add_row("names", f"{counts.num_removed:,} removed, {counts.num_returned:,} returned, {counts.num_renamed:,} renamed")
    if outcome is None:
        table.add_row("done", "nothing to read and no name has gone: the version that is there stays")
        return table
    tally, version = outcome.tally, outcome.version
    opened = tally.num_documents - tally.num_quarantined - tally.num_known
    table.add_row("read", f"{opened:,} documents opened, {tally.num_known:,} known by their bytes")
    table.add_row("", f"{tally.num_pages:,} pages, {tally.num_kept:,} kept; {duration(outcome.elapsed_s)}")
    table.add_row("quarantine", f"{tally.num_quarantined:,} tonight{_named(tally.quarantine_reasons)}")
    reasons = counted(trouble.failure.reason for trouble in past.troubles.values())
    table.add_row("", f"{len(past.troubles):,} in the dataset{_named(reasons)}, {past.num_recovered:,} read since")
    table.add_row("published", f"version {version.version_id}: {version.num_documents_kept:,} documents")
    if version.documents_by_reject:
        table.add_row("", f"left out{_named(version.documents_by_reject)}")
    if golden_error_fraction is not None:
        table.add_row("golden set", f"{golden_error_fraction:.2%} character errors")
    add_cost(table, outcome.cost)
    for index, reading in enumerate(version.gates):
        table.add_row("" if index else "gates", reading.told)
    table.add_row("report", layout.report_key(plan.build_id))
    return table


def _named(counts: Mapping[str, int]) -> str:
    """ " (2 crashed, 1 missing)", or nothing."""
    return f" ({', '.join(f'{count:,} {name}' for name, count in sorted(counts.items()))})" if counts else ""


if __name__ == "__main__":
    end_process(main())
