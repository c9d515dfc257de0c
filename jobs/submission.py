"""What a job of a build is called on a cluster, and which one is the newest.

In: a config and Ray's jobs. Out: ids such as `books-3fa94c1d.2026-11-27.2`: the dataset by name and by a hash of its address,
since two datasets of one cluster may have a build of one name; the build; and which attempt it is, since Ray takes an id only
once, and a build that was stopped goes on under the next number. Of two who submit the same attempt, Ray takes one.
"""

import argparse
import hashlib
import logging
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from pipeline.cluster.jobs import Job, RayJobs
from pipeline.config import BuildConfig

ADDRESS_VARIABLE = "RAY_API_SERVER_ADDRESS"
"""Ray's own name for it; its job client lets it win over an address that is given, so both are made to agree."""
RAYS_LOGGERS = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
NAME_CHARS = 32


def add_address_argument(parser: argparse.ArgumentParser, does: str) -> None:
    parser.add_argument("--address", metavar="URL", help=f"the dashboard of a Ray cluster, http://head:8265: {does}")


def open_jobs(address: str) -> RayJobs:
    """The cluster's jobs, without what Ray logs of each upload. Raises ConfigError, ClusterError, ClusterRefused."""
    os.environ[ADDRESS_VARIABLE] = address
    opened = RayJobs(address)
    for name in RAYS_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)  # after the import that sets their levels
    return opened


def build_of_submission(config: BuildConfig) -> str:
    """The build that the config names; tonight's when it names none, as a nightly config does."""
    return config.build_id if "build_id" in config.model_fields_set else tonight()


def tonight() -> str:
    """The night that `nightly` does when no date is given."""
    return datetime.now(UTC).date().isoformat()


def submission_name(config: BuildConfig, part: str) -> str:
    """All of the id but its number. `part` is a build, or what is done to the whole dataset."""
    address = config.output.uri.rstrip("/")
    endpoint = config.output.endpoint_url or ""
    digest = hashlib.sha256(f"{endpoint} {address}".encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9]+", "-", address.rpartition("/")[2]).strip("-").lower()[:NAME_CHARS]
    return f"{name or 'dataset'}-{digest}.{part}"


def attempt_of(job_id: str, name: str) -> int:
    """Which attempt it is, from 1; 0 for a job of another name."""
    found, _, ordinal = job_id.rpartition(".")
    return int(ordinal) if found == name and ordinal.isdecimal() else 0


def newest_attempt(jobs: Iterable[Job], name: str) -> Job | None:
    attempts = [job for job in jobs if attempt_of(job.job_id, name)]
    return max(attempts, key=lambda job: attempt_of(job.job_id, name), default=None)


def told(job: Job) -> str:
    """ "running since 2026-11-27 20:14 UTC", "ended with exit code 1", "stopped"."""
    if job.exit_code is not None:
        return f"ended with exit code {job.exit_code}"
    since = f" since {job.started_at:%Y-%m-%d %H:%M} UTC" if job.started_at and not job.has_ended else ""
    return f"{job.status.lower()}{since}"
