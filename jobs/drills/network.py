"""Drills over a real S3 client: the same builds through a proxy that spoils requests and answers, into a server for tests.

In: a seed, and a running server. Out: a Rehearsal, with what the proxy did. Needs `moto[server]` (in the dev extra), which
honours conditional writes. Costs about 5 s a drill: a request takes 15 ms there, and botocore waits between its tries.
"""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

from jobs.drills.proxy import FaultProxy, NetworkFault, Request, Strike
from jobs.drills.rehearsal import Rehearsal, rehearse
from jobs.drills.weather import Kind, draw
from pipeline.store.s3 import S3Store
from pipeline.store.s3_connection import Patience

PATIENCE = Patience(connect_s=2.0, read_s=0.5, num_request_tries=3, conflict_waits_s=(0.05, 0.1, 0.2))
HANG_S = 0.8
RATE = 0.06
ANY: tuple[NetworkFault, ...] = (
    *("lost_request", "lost_reply", "internal_error", "internal_error_after", "slow_down"),
    *("timeout", "slow", "half_closed", "expired_token"),
)
ON_READ: tuple[NetworkFault, ...] = (*ANY, "truncated_body", "changed_body", "changed_checksum")
ON_WRITE: tuple[NetworkFault, ...] = (*ANY, "conflict", "changed_upload")
ON_LIST: tuple[NetworkFault, ...] = (*ANY, "garbled_listing")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "AWS_DEFAULT_REGION": "us-east-1"}


def strike_of(seed: int, *, rate: float) -> Strike:
    """The faults of one seed: what strikes depends on the request alone."""

    def strike(request: Request) -> NetworkFault | None:
        if draw(seed, "network", request.verb, request.path, request.nth) >= rate:
            return None
        faults = faults_on(request)
        return faults[int(len(faults) * draw(seed, "which", request.verb, request.path, request.nth))]

    return strike


def faults_on(request: Request) -> tuple[NetworkFault, ...]:
    if request.verb == "PUT":
        return ON_WRITE
    if request.path.endswith("?list"):
        return ON_LIST
    return ON_READ if request.verb == "GET" else ANY


@contextmanager
def s3_server() -> Iterator[str]:
    """Starts a server for tests and gives its address; stops it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@contextmanager
def credentials(values: Mapping[str, str]) -> Iterator[None]:
    """Into the environment of this process, where boto3 looks for them, and out again."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def rehearse_over_network(seed: int, allowed: Collection[Kind], server_url: str) -> Rehearsal:
    """The drill of one seed in a new bucket. Raises Broken, Stuck."""
    bucket = new_bucket(server_url)
    proxy = FaultProxy(server_url, strike_of(seed, rate=RATE), hang_s=HANG_S)
    try:
        done = rehearse(seed, allowed, store=store_at(proxy.url, bucket), bare=store_at(server_url, bucket))
        return replace(done, struck={**done.struck, **Counter({f"network: {kind}": n for kind, n in proxy.struck.items()})})
    finally:
        proxy.close()


def store_at(url: str, bucket: str) -> S3Store:
    return S3Store(bucket=bucket, prefix="drill", endpoint_url=url, profile=None, region=None, patience=PATIENCE)


def new_bucket(server_url: str) -> str:
    name = f"drill-{uuid.uuid4().hex[:12]}"
    with urlopen(UrlRequest(f"{server_url}/{name}", method="PUT")):
        return name


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        if server.poll() is not None:
            raise RuntimeError(
                f"the S3 server ended with {server.returncode}; is moto[server] installed? (pip install -e .[dev])"
            )
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the S3 server did not answer within 60 s")
