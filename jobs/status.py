"""`pagemill status`: how far a build is, from what lies in its store; with --address what Ray says of its job first."""

import argparse
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console

from jobs.command_line import DONE, INCOMPLETE, add_config_arguments, config_of, end_process, parser_for, run_command
from jobs.cost_rows import cost_lines_of
from jobs.progress import mode_lines, rung_lines
from jobs.submission import add_address_argument, build_of_submission, newest_attempt, open_jobs, submission_name, told
from jobs.watch import watch
from pipeline.builds.begin import absolute_uri, read_plan
from pipeline.builds.commit import read_receipts
from pipeline.builds.past import Past, read_past
from pipeline.builds.receipt import counted
from pipeline.builds.status import BuildStatus, status_of
from pipeline.cluster.jobs import RayJobs
from pipeline.config import BuildConfig
from pipeline.publishing.versions import latest_version
from pipeline.store import open_store

WATCH_EVERY_S = 2.0
WATCH_HELP = "show it live until it is finished, looked at every so many seconds (2); a plain line each time in a pipe"


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "status",
        "How far a build is: shards, documents, pages by status and reason. Exit code 1 until it is published.",
        "pagemill status configs/quickstart.yaml --watch\n  pagemill status configs/nightly.yaml --address http://head:8265",
    )
    add_config_arguments(parser)
    add_address_argument(parser, "its nodes and the build's job too")
    parser.add_argument("--watch", metavar="SECONDS", nargs="?", type=_seconds, const=WATCH_EVERY_S, help=WATCH_HELP)
    return run_command(parser, run, argv)


def _seconds(text: str) -> float:
    """Raises ValueError, which argparse tells."""
    seconds = float(text)
    if not 0.1 <= seconds <= 3600.0:
        raise ValueError(text)
    return seconds


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    if arguments.address is not None:
        config = config.model_copy(update={"build_id": build_of_submission(config)})
        show(cluster_rows(config, open_jobs(arguments.address)))
    store = open_store(config.output)
    if arguments.watch is not None:
        watch(store, config, every_s=arguments.watch, console=Console(file=sys.stdout, highlight=False))
    receipts = read_receipts(store, config.build_id)
    found = status_of(store, read_plan(store, config.build_id), receipts)
    latest = latest_version(store)
    past = read_past(store, input_uri=absolute_uri(config.input.uri), but="")
    is_published = latest is not None and found.build_id in latest.inputs.builds
    show(rows_of(found, is_published=is_published) | dataset_rows(past))
    for index, line in enumerate(cost_lines_of(store, config, list(receipts.values()))):
        print(f"{'' if index else 'cost':<12} {line}")
    return DONE if is_published else INCOMPLETE


def show(rows: Mapping[str, str]) -> None:
    print("\n".join(f"{name:<12} {value}" for name, value in rows.items()), flush=True)


def cluster_rows(config: BuildConfig, jobs: RayJobs) -> dict[str, str]:
    """The cluster's nodes, and the newest job of the build."""
    nodes = jobs.nodes()
    job = newest_attempt(jobs.jobs(), submission_name(config, config.build_id))
    return {
        "cluster": f"{jobs.address}: {nodes.num_nodes} nodes, {nodes.num_cpus:g} CPUs, {nodes.num_gpus:g} GPUs",
        "job": f"{job.job_id} {told(job)}" if job else f"none of build {config.build_id}",
    }


def rows_of(found: BuildStatus, *, is_published: bool) -> dict[str, str]:
    """What a person wants to know first, in order; rungs and modes only where there are some to tell of."""
    rungs = "; ".join(rung_lines(found.pages_by_rung, found.seconds_by_rung))
    modes = "; ".join(mode_lines(found.pages_by_mode, found.vision_tokens_by_mode, found.text_tokens_by_mode))
    known = f"{found.num_documents_known} documents, their bytes were read before" if found.num_documents_known else ""
    return {
        "build": f"{found.build_id}, planned {found.planned_at.isoformat(timespec='seconds')}",
        "state": "published" if is_published else "read, not published" if found.is_finished else "not finished",
        "shards": f"{found.num_shards_done} of {found.num_shards} done",
        "documents": f"{found.num_documents_opened} opened of {found.num_documents_planned} planned",
        **({"known": known} if known else {}),
        "quarantine": f"{found.num_documents_quarantined} documents {_counts(found.quarantined_by_reason)}",
        "pages": f"{found.num_pages} rows {_counts(found.pages_by_status)}",
        "kept": f"{found.num_pages_kept} pages, {found.num_kept_chars:,} characters",
        "rejected": _counts(found.pages_by_reject) or "none",
        "bytes": f"{found.size_bytes:,} in pages files",
        "engine": f"{found.engine_s:.0f} s",
        **({"rungs": rungs} if rungs else {}),
        **({"modes": modes} if modes else {}),
    }


def dataset_rows(past: Past) -> dict[str, str]:
    """What is in quarantine over all builds: the last attempt at a document counts."""
    if not past.troubles and not past.num_recovered:
        return {}
    reasons = counted(trouble.failure.reason for trouble in past.troubles.values())
    told = f"{len(past.troubles)} documents in quarantine {_counts(reasons)}".rstrip()
    return {"dataset": f"{told}, {past.num_recovered} read on a later attempt"}


def _counts(counts: Mapping[str, int]) -> str:
    return f"({', '.join(f'{name} {count}' for name, count in sorted(counts.items()))})" if counts else ""


if __name__ == "__main__":
    end_process(main())
