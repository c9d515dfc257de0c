"""`pagemill plan`: what a build would read, and what it would take; writes nothing."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from jobs.command_line import DONE, add_config_arguments, code_version, config_of, end_process, parser_for, run_command
from jobs.cost_rows import money
from jobs.progress import duration
from pipeline.builds.begin import draft_plan, find_plan
from pipeline.builds.changes import ListingCounts
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.builds.experience import read_experience
from pipeline.builds.forecast import Forecast, Range, forecast, work_of
from pipeline.config import BuildConfig
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "plan",
        "Dry run: documents, bytes, shards, and a forecast of pages, hours and cost of a build, from what earlier builds of\n"
        "the dataset took. Opens no document, writes nothing.",
        "pagemill plan configs/quickstart.yaml --input s3://corpus/pdf",
    )
    add_config_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    store = open_store(config.output)
    planned = find_plan(store, config.build_id)
    list_corpus = partial(list_documents, open_source(config.input))
    plan = planned or draft_plan(store, config, list_corpus, code_version=code_version()).plan
    receipts = read_receipts(store, plan.build_id) if planned else {}
    todo = open_shards(plan, receipts)
    expected = forecast(work_of(todo), read_experience(store, config), engine=config.engine, prices=config.prices)
    rows = {
        "build": f"{plan.build_id}, {plan.planned_at.isoformat(timespec='seconds') if planned else 'not planned yet'}",
        "documents": f"{expected.work.num_documents:,} to read",
        "listing": listing_line(plan.counts),
        "bytes": f"{expected.work.num_bytes:,}",
        "shards": f"{len(todo):,} to do of {len(plan.shards):,}",
        "known pages": f"{sum(receipt.num_rows for receipt in receipts.values()):,} read already",
        **forecast_rows(expected, config),
    }
    print("\n".join(f"{name:<12} {value}" for name, value in rows.items()))
    return DONE


def forecast_rows(expected: Forecast, config: BuildConfig) -> dict[str, str]:
    """Every figure with its range, and what they rest on."""
    hours = f"{_spelled(expected.cpu_hours, '{:,.3g}'.format)} CPU-hours"
    if config.engine.gpus:
        hours = f"{_spelled(expected.gpu_hours, '{:,.3g}'.format)} GPU-hours, {hours}"
    cost = "no `prices:` in the config"
    if expected.cost is not None and config.prices is not None:
        cost = f"about {_spelled(expected.cost, money)} {config.prices.currency}"
    noun = "worker" if expected.num_workers == 1 else "workers"
    num_objects = expected.work.num_shards * (2 if config.images is None else 3)
    return {
        "pages": f"about {_spelled(expected.num_pages, '{:,.0f}'.format)} more",
        "time": f"about {_spelled(expected.reading_s, duration)} with {expected.num_workers} {noun}",
        "hours": f"about {hours}",
        "cost": cost,
        "output": f"{num_objects:,} objects, about {_spelled(expected.file_bytes.times(1e-6), '{:,.1f}'.format)} MB of pages",
        "basis": expected.basis,
    }


def _spelled(expected: Range, spell: Callable[[float], str]) -> str:
    """ "12 (10 to 15)"."""
    return f"{spell(expected.middle)} ({spell(expected.low)} to {spell(expected.high)})"


def listing_line(counts: ListingCounts) -> str:
    """What a listing found against earlier builds, for people."""
    found = {
        "new": counts.num_new,
        "changed": counts.num_changed,
        "retried": counts.num_retried,
        "names removed": counts.num_removed,
        "returned": counts.num_returned,
        "renamed": counts.num_renamed,
    }
    return ", ".join(f"{number:,} {name}" for name, number in found.items())


if __name__ == "__main__":
    end_process(main())
