"""`pagemill plan`: what a build would read, and how long it would take; writes nothing."""

import argparse
from collections.abc import Sequence
from functools import partial

from jobs.command_line import DONE, add_config_arguments, code_version, config_of, end_process, parser_for, run_command
from jobs.progress import duration
from pipeline.builds.begin import draft_plan, find_plan
from pipeline.builds.changes import ListingCounts
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.builds.estimate import estimate
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "plan",
        "Dry run: documents, bytes, shards, known pages and estimated time of a build. Opens no document, writes nothing.",
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
    open_ids = {shard.shard_id for shard in todo}
    bytes_read = sum(shard.size_bytes for shard in plan.shards if shard.shard_id not in open_ids)
    guess = estimate(
        (document for shard in todo for document in shard.documents),
        receipts.values(),
        bytes_read=bytes_read,
        engine=config.engine.name,
        workers=config.engine.workers,
    )
    rows = {
        "build": f"{plan.build_id}, {plan.planned_at.isoformat(timespec='seconds') if planned else 'not planned yet'}",
        "documents": f"{guess.num_documents:,} to read",
        "listing": listing_line(plan.counts),
        "bytes": f"{guess.num_bytes:,}",
        "shards": f"{len(todo):,} to do of {len(plan.shards):,}",
        "known pages": f"{guess.num_known_pages:,} read already",
        "pages": f"about {guess.num_pages:,} more",
        "time": f"about {duration(guess.seconds)} with {config.engine.workers} workers",
        "basis": guess.basis,
    }
    print("\n".join(f"{name:<12} {value}" for name, value in rows.items()))
    return DONE


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
