"""`pagemill stop`: a build that is at work hands out no more shards, finishes those it has, and ends; the same command goes on.

SIGTERM and Ctrl-C are the other way to end one: shards in work are then abandoned whole, which loses minutes of reading and
no page. Kubernetes and Ray send SIGTERM and kill some seconds later, sooner than a shard is read.
"""

import argparse
import time
from collections.abc import Sequence

from jobs.command_line import (
    DONE,
    INCOMPLETE,
    add_config_arguments,
    config_of,
    end_process,
    parser_for,
    run_command,
    who,
)
from jobs.logs import say
from jobs.submission import add_address_argument, build_of_submission, newest_attempt, open_jobs, submission_name, told
from pipeline.builds.stop import POLL_S, ask_to_stop
from pipeline.cluster.jobs import Job, RayJobs
from pipeline.config import BuildConfig
from pipeline.store import open_store

WITHIN_S = 1800.0
"""Two shards of 1,000 pages on one worker at 1.5 pages a second take 22 minutes."""
LOOK_S = 2.0
HARD_STOP_S = 60.0
"""Ray kills 3 s after SIGTERM and notes it some seconds later."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "stop",
        "Ask a build that is at work to end: no more shards are handed out, those in work are finished and committed.\n"
        "The same command goes on from there. Works for builds anywhere that write to the config's output; with --address\n"
        "it waits for the build's job, and has Ray stop it when it takes too long.",
        "pagemill stop configs/nightly.yaml --address http://head:8265 --within 600",
    )
    add_config_arguments(parser)
    add_address_argument(parser, "wait for the build's job there")
    parser.add_argument(
        "--within",
        metavar="SECONDS",
        type=float,
        default=WITHIN_S,
        help="with --address: after this Ray stops the job, and what is in work is abandoned whole (default: %(default)g)",
    )
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    build_id = build_of_submission(config)
    if arguments.address is None:
        for each in dict.fromkeys(
            (config.build_id, build_id)
        ):  # a config that names none is built as one and read as the other
            ask(config, each)
        return DONE
    jobs = open_jobs(arguments.address)
    job = newest_attempt(jobs.jobs(), submission_name(config, build_id))
    if job is None or job.has_ended:
        say(f"no job of build {build_id} is at work on {jobs.address}" + (f": {job.job_id} {told(job)}" if job else ""))
        return DONE
    if job.status == "RUNNING" and arguments.within > 0:
        ask(config, build_id)
        job = waited_for(jobs, job, within_s=arguments.within)
    if not job.has_ended:
        say(f"job {job.job_id} is stopped by Ray; what it has in work is abandoned whole")
        jobs.stop(job.job_id)
        job = waited_for(jobs, job, within_s=HARD_STOP_S)
    rest = "" if job.status == "SUCCEEDED" else "; what is committed stays, submitting it again goes on from there"
    say(f"job {job.job_id} {told(job)}{rest}")
    return DONE if job.has_ended else INCOMPLETE


def ask(config: BuildConfig, build_id: str) -> None:
    ask_to_stop(open_store(config.output), build_id, who=who())
    say(f"build {build_id} of {config.output.uri} is asked to stop; a driver at work notices within {POLL_S:g} s")


def waited_for(jobs: RayJobs, job: Job, *, within_s: float) -> Job:
    """The job when it has ended, or as it is after `within_s`."""
    deadline_s = time.monotonic() + within_s
    while not job.has_ended and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
        job = jobs.job(job.job_id)
    return job


if __name__ == "__main__":
    end_process(main())
