"""`pagemill submit`: a build, a night or a publish as a job of a Ray cluster, from any machine that reaches its dashboard.

The job runs `python -m jobs.COMMAND` on the head node with the code and the config of this machine. Submitting again is safe at
any time: what runs is not submitted twice, what has succeeded is left, and what was stopped or failed goes on.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from uuid import uuid4

from jobs.command_line import (
    DONE,
    INCOMPLETE,
    add_config_arguments,
    config_as_written,
    end_process,
    parser_for,
    run_command,
)
from jobs.follow import exit_code_of_job, follow
from jobs.logs import say
from jobs.publish import add_publish_arguments
from jobs.shipment import CONFIG_NAME, environment, fingerprint, packed, refuse_folders_of_this_shell
from jobs.submission import (
    ADDRESS_VARIABLE,
    add_address_argument,
    attempt_of,
    newest_attempt,
    open_jobs,
    submission_name,
    told,
    tonight,
)
from pipeline.builds.nights import parse_night
from pipeline.cluster.jobs import SUBMISSION_LABEL, Job, RayJobs
from pipeline.config import BuildConfig
from pipeline.errors import ConfigError, JobHeld

COMMANDS = ("build", "nightly", "publish")
FINGERPRINT_LABEL = "pagemill.fingerprint"
READING = frozenset({"build", "nightly"})
"""What is done once it has succeeded. A publish is not: builds have come since."""


def main(argv: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    command = words[0] if words and words[0] in COMMANDS else ""
    parser = parser_for(
        "submit",
        "Run a build, a night or a publish on a Ray cluster and follow it. None of them named: `build` when the config\n"
        "or --build-id names a build, else `nightly`, whose build is named by the date. What is waiting or running is not\n"
        "submitted a second time (exit code 3); what was stopped or failed goes on. Ends with the job's own exit code.",
        "pagemill submit configs/nightly.yaml --address http://head:8265\n"
        "  pagemill submit publish configs/s3.yaml --address http://head:8265 --no-follow",
    )
    parser.usage = "pagemill submit [build | nightly | publish] CONFIG --address URL [options]"
    add_config_arguments(parser)
    if command == "publish":
        add_publish_arguments(parser)
    if command in {"", "nightly"}:
        parser.add_argument("--date", metavar="DATE", help="the night, as 2026-11-22; today in UTC without it")
    add_address_argument(parser, f"where the job runs; {ADDRESS_VARIABLE} without it")
    parser.add_argument("--env", metavar="NAME", action="append", default=[], help="send this variable too; never a secret")
    parser.add_argument("--python", default="python", help="interpreter on the head node; the first on its PATH without it")
    parser.add_argument("--no-follow", action="store_true", help="return when the job is submitted")
    parser.set_defaults(command=command, date=None)
    return run_command(parser, run, words[1:] if command else words)


def run(arguments: argparse.Namespace) -> int:
    config = config_as_written(arguments)
    refuse_folders_of_this_shell(config)
    variables = environment(arguments.env)
    command = arguments.command or chosen_command(arguments, config)
    name, words = job_of(command, arguments, config)
    jobs = open_jobs(address_of(arguments))
    newest = newest_attempt(jobs.jobs(), name)
    if newest is not None and not newest.has_ended:
        raise JobHeld(held(newest, jobs.address))
    line = shlex.join([arguments.python, "-m", f"jobs.{command}", CONFIG_NAME, *words])
    with packed(config) as folder:
        identity = fingerprint(folder, line, variables)
        if newest is not None and command in READING and has_done(newest, identity):
            say(f"job {newest.job_id} has done this, with the same config and code; nothing to do")
            return DONE
        job_id = f"{name}.{attempt_of(newest.job_id, name) + 1 if newest else 1}"
        labels = {SUBMISSION_LABEL: uuid4().hex, FINGERPRINT_LABEL: identity}
        jobs.submit(job_id, line, folder=folder, environment=variables, labels=labels)
    say(f"job {job_id} submitted to {jobs.address}: {line}")
    return DONE if arguments.no_follow else followed(jobs, job_id)


def chosen_command(arguments: argparse.Namespace, config: BuildConfig) -> str:
    """A config that names no build is a nightly one."""
    return "build" if "build_id" in config.model_fields_set and arguments.date is None else "nightly"


def job_of(command: str, arguments: argparse.Namespace, config: BuildConfig) -> tuple[str, list[str]]:
    """The name of the job, and the arguments of the command beside the config. A night's date travels: on the head it may be
    tomorrow already. Raises ConfigError."""
    if command == "publish":
        version = [] if arguments.version is None else ["--version", arguments.version]
        accepted = [word for gate in arguments.accept for word in ("--accept", gate)]
        return submission_name(config, "_publish"), [*version, *accepted]
    if command == "build":
        return submission_name(config, config.build_id), []
    if arguments.build_id is not None:
        raise ConfigError("a night is named by its date; give --date instead of --build-id")
    night = parse_night(arguments.date or tonight()).isoformat()
    return submission_name(config, night), ["--date", night]


def address_of(arguments: argparse.Namespace) -> str:
    address = arguments.address or os.environ.get(ADDRESS_VARIABLE)
    if address is None:
        raise ConfigError(f"no cluster is named; give --address http://head:8265, or set {ADDRESS_VARIABLE}")
    return str(address)


def has_done(job: Job, identity: str) -> bool:
    return job.status == "SUCCEEDED" and job.labels.get(FINGERPRINT_LABEL) == identity


def held(job: Job, address: str) -> str:
    return (
        f"job {job.job_id} is {told(job)} on {address}; this one was not submitted. `pagemill status CONFIG --address "
        f"{address}` says how far it is, `pagemill stop` in its place drains it"
    )


def followed(jobs: RayJobs, job_id: str) -> int:
    """Shows the log to the job's end. Ctrl-C ends only the showing."""
    try:
        return exit_code_of_job(follow(jobs, job_id))
    except KeyboardInterrupt:
        say(
            f"pagemill: job {job_id} goes on without being followed; `ray job logs --follow {job_id}` shows it again, "
            f"`pagemill stop CONFIG --address {jobs.address}` drains it"
        )
        return INCOMPLETE


if __name__ == "__main__":
    end_process(main())
