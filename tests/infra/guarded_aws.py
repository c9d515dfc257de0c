"""A local AWS that asks IAM before it answers: moto, with a user who has one policy and nothing else."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

Client = Any
"""A boto3 client of any service."""


def as_moto_knows(policy: dict) -> dict:
    """Without conditions, which moto does not know; EC2's actions on all resources, which moto does not tell apart."""
    statements = [{key: value for key, value in each.items() if key != "Condition"} for each in policy["Statement"]]
    return {**policy, "Statement": [each if "s3:" in str(each["Action"]) else {**each, "Resource": "*"} for each in statements]}


@contextmanager
def guarded(policy: dict, log: Path, prepare: Callable[[Callable[[str], Client]], None]) -> Iterator[str]:
    """Address of the server. `prepare` fills it through clients that may do everything; from then on this process is the user
    with `policy`. Requests stand in `log`, those of `prepare` left out."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("a") as told:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=told, stderr=told)
    url = f"http://127.0.0.1:{port}"
    environment = pytest.MonkeyPatch()
    try:
        _wait_for(port, server)
        root = boto3.Session(aws_access_key_id="root", aws_secret_access_key="root", region_name="us-east-1")
        prepare(lambda service: root.client(service, endpoint_url=url))
        key = _user_with(policy, root.client("iam", endpoint_url=url))
        from_now_on = urllib.request.Request(f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(from_now_on).close()
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        environment.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers who we were
        log.write_text("")
        yield url
    finally:
        environment.undo()
        server.kill()
        server.wait()


def _user_with(policy: dict, iam: Client) -> dict[str, str]:
    iam.create_user(UserName="user")
    iam.put_user_policy(UserName="user", PolicyName="only", PolicyDocument=json.dumps(as_moto_knows(policy)))
    return iam.create_access_key(UserName="user")["AccessKey"]


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")
