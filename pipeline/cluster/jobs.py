"""Ray's job API behind one door: submit, list, follow and stop jobs of a running cluster, with its errors in our words.

In: the HTTP address of a cluster's dashboard. Out: Jobs, their logs, and what nodes there are. A job is a command that Ray
runs once on the head node, with the files and the variables that were sent along; its id can never be used again on that
cluster, and of two that are submitted under one id Ray takes one. Knows nothing of builds. The token is found by Ray itself
(RAY_AUTH_MODE, RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH) and is never in a message.

Needs the extra `cluster`. Costs one HTTP request a call, and an open connection while a log is followed.
"""

import asyncio
import importlib.util
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ray.exceptions import AuthenticationError

from pipeline.errors import ClusterError, ClusterRefused, ConfigError, JobHeld

if TYPE_CHECKING:
    from ray.job_submission import JobDetails

CONNECT_S = 10.0
"""Ray's client waits for as long as the kernel does, about two minutes, for an address where nothing answers."""
QUIET_S = 60.0
"""A log that says nothing for so long may have lost its connection: a machine that slept is not told. A build that reads says
something every 5 s."""
SUBMISSION_LABEL = "pagemill.submission"
ANSWER_CHARS = 300
MAX_NODES = 10_000
"""The most that Ray's state API lists."""
WITHOUT_EXTRA = "Ray's job API needs packages that are not installed; pip install 'pagemill[cluster]'"

Status = Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job as Ray tells of it."""

    job_id: str
    """Submission id."""
    status: Status
    message: str
    """What Ray says of the status, on one line."""
    exit_code: int | None
    """Of the command; None before it has ended, and when it was stopped or lost."""
    labels: Mapping[str, str]
    started_at: datetime | None
    """UTC."""

    @property
    def has_ended(self) -> bool:
        return self.status in {"STOPPED", "SUCCEEDED", "FAILED"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """Living nodes, and what they have in all."""

    num_nodes: int
    num_cpus: float
    num_gpus: float


class RayJobs:
    """Jobs of one cluster."""

    def __init__(self, address: str) -> None:
        """`http://head:8265`; Ray lets RAY_API_SERVER_ADDRESS win over it. Raises ConfigError for an address of another kind
        and when the extra is missing, ClusterError, ClusterRefused."""
        if importlib.util.find_spec("aiohttp") is None:
            raise ConfigError(WITHOUT_EXTRA)
        self.address = address.rstrip("/")
        _refuse_unreachable(self.address)
        from ray.job_submission import JobSubmissionClient

        try:
            with self._told():
                self._client = JobSubmissionClient(self.address)
        except ClusterRefused:
            raise
        except ClusterError as error:
            raise ClusterError(f"{error}; is this the address of a Ray dashboard?") from error

    def jobs(self) -> list[Job]:
        """All jobs that were submitted to the cluster since it began, in no order."""
        with self._told():
            details = self._client.list_jobs()
        return [_job(each, each.submission_id) for each in details if each.submission_id is not None]

    def job(self, job_id: str) -> Job:
        """Raises ClusterError when the cluster knows no such job; it forgets all when its head is started anew."""
        _refuse_unreachable(self.address)
        with self._told():
            return _job(self._client.get_job_info(job_id), job_id)

    def submit(
        self, job_id: str, command: str, *, folder: Path, environment: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        """Sends the files of `folder` and has `command`, a shell's line, run in a copy of it. `labels` name this submission
        under SUBMISSION_LABEL. Raises JobHeld when another has taken the id meanwhile."""
        runtime_env = {"working_dir": str(folder), "env_vars": dict(environment)}
        try:
            with self._told():
                self._client.submit_job(
                    entrypoint=command, submission_id=job_id, runtime_env=runtime_env, metadata=dict(labels)
                )
        except ClusterRefused:
            raise
        except ClusterError:
            taken = next((job for job in self.jobs() if job.job_id == job_id), None)
            if taken is None:
                raise
            if taken.labels.get(SUBMISSION_LABEL) != labels[SUBMISSION_LABEL]:
                raise JobHeld(f"job {job_id} was submitted by another just now; this one was not") from None

    def log(self, job_id: str) -> Iterator[str]:
        """The job's log from its beginning, in pieces, until the job has ended or has said nothing for QUIET_S. Raises
        ClusterError when the connection is lost."""
        import aiohttp

        pieces = self._client.tail_job_logs(job_id)
        with asyncio.Runner() as runner:
            while True:
                with self._told(aiohttp.ClientError):
                    piece = runner.run(_next_piece(pieces))
                if not piece:
                    return
                yield piece

    def stop(self, job_id: str) -> None:
        """Has Ray send SIGTERM to the command, and SIGKILL 3 s later (RAY_JOB_STOP_WAIT_TIME_S of the cluster)."""
        with self._told():
            self._client.stop_job(job_id)

    def nodes(self) -> Nodes:
        from ray.util.state import list_nodes
        from ray.util.state.exception import RayStateApiException

        with self._told(RayStateApiException):
            totals = [node.resources_total for node in list_nodes(self.address, limit=MAX_NODES) if node.state == "ALIVE"]
        return Nodes(
            num_nodes=len(totals),
            num_cpus=sum(total.get("CPU", 0.0) for total in totals),
            num_gpus=sum(total.get("GPU", 0.0) for total in totals),
        )

    @contextmanager
    def _told(self, *kinds: type[Exception]) -> Iterator[None]:
        """Ray's errors in our words. What its server answers may be a traceback: its last line tells."""
        rays: tuple[type[Exception], ...] = (RuntimeError, ValueError, OSError, *kinds)  # OSError: the root of requests' errors
        try:
            yield
        except AuthenticationError as error:
            raise ClusterRefused(
                f"the Ray cluster at {self.address} wants a token, or another one; set RAY_AUTH_MODE=token and "
                "RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH for a file that holds it"
            ) from error
        except rays as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[-1][:ANSWER_CHARS]
            raise ClusterError(f"the Ray cluster at {self.address}: {told}") from error


async def _next_piece(pieces: AsyncIterator[str]) -> str:
    """An empty one at the end, and after QUIET_S."""
    try:
        return await asyncio.wait_for(anext(pieces, ""), QUIET_S)
    except TimeoutError:
        return ""


def _refuse_unreachable(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"--address {address!r} is no address of a Ray dashboard; give one as http://head:8265")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=CONNECT_S).close()
    except OSError as error:
        raise ClusterError(
            f"nothing answers at {address} ({error.strerror or error}); is the cluster up, and may this machine reach it?"
        ) from error


def _job(details: "JobDetails", job_id: str) -> Job:
    started_s = None if details.start_time is None else details.start_time / 1000
    return Job(
        job_id=job_id,
        status=details.status.value,
        message=" ".join((details.message or "").split())[:ANSWER_CHARS],
        exit_code=details.driver_exit_code,
        labels=details.metadata or {},
        started_at=None if started_s is None else datetime.fromtimestamp(started_s, UTC),
    )
