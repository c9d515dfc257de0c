"""Ray's launcher and the IAM policies, as far as they can be proven without AWS."""

import copy
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from cfnlint.api import lint
from ray.autoscaler._private.util import prepare_config, validate_config

from jobs import build, nightly
from jobs.command_line import DONE
from pipeline.config import load_config
from pipeline.parallel import one_by_one
from tests.infra.manifests import ROOT
from tests.jobs.in_process import run_shards_here

AWS = ROOT / "infra" / "aws"
POLICIES = sorted((AWS / "policies").glob("*.json"))


def launcher() -> dict:
    return yaml.safe_load((AWS / "cluster.yaml").read_text())


def complaints(config: dict) -> str:
    """What Ray and botocore have against a launcher config before anything is asked of AWS; "" is nothing."""
    try:
        prepared = prepare_config(copy.deepcopy(config))
        validate_config(prepared)
    except Exception as error:  # noqa: BLE001  Ray's checks raise whatever comes
        return f"{type(error).__name__}: {error}"
    if prepared["head_node_type"] not in prepared["available_node_types"]:
        return "head_node_type is no node type"
    shape = botocore.session.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape
    for node_type in prepared["available_node_types"].values():
        wanted = {key: value for key, value in node_type["node_config"].items() if key != "SubnetIds"}  # Ray takes one of them
        report = ParamValidator().validate({**wanted, "MinCount": 1, "MaxCount": 1}, shape)
        if report.has_errors():
            return report.generate_report()
    return ""


def test_the_launcher_config_is_what_ray_and_ec2_take() -> None:
    assert complaints(launcher()) == ""


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        ((), "max_workers", "max_worker"),
        ((), "head_node_type", "head_node_typ"),
        ((), "head_start_ray_commands", "head_start_commands"),
        (("auth",), "ssh_user", "ssh_users"),
        (("available_node_types",), "head", "heads"),
        (("available_node_types", "gpu"), "resources", "resource"),
        (("available_node_types", "gpu"), "min_workers", "min_worker"),
        (("available_node_types", "gpu"), "worker_setup_commands", "setup_commands"),
        (("available_node_types", "gpu", "node_config"), "InstanceMarketOptions", "InstanceMarketOption"),
        (("available_node_types", "gpu", "node_config"), "IamInstanceProfile", "IAMInstanceProfile"),
        (("available_node_types", "gpu", "node_config", "InstanceMarketOptions"), "MarketType", "Market"),
        (("available_node_types", "head", "node_config", "MetadataOptions"), "HttpTokens", "HttpToken"),
    ],
)
def test_a_misspelt_key_of_the_launcher_config_is_caught(path: tuple[str, ...], right: str, wrong: str) -> None:
    config = copy.deepcopy(launcher())
    place = config
    for key in path:
        place = place[key]
    place[wrong] = place.pop(right)
    assert complaints(config) != ""


def test_the_head_is_on_demand_and_works_nothing_and_all_workers_are_spot() -> None:
    types = launcher()["available_node_types"]
    head = types.pop(launcher()["head_node_type"])
    assert "InstanceMarketOptions" not in head["node_config"]
    assert head["resources"] == {"CPU": 0}
    assert {name: each["node_config"]["InstanceMarketOptions"]["MarketType"] for name, each in types.items()} == {
        "gpu": "spot",
        "cpu": "spot",
    }


def test_nodes_have_roles_by_name_and_no_key_of_aws_stands_in_the_file() -> None:
    roles = {name: each["node_config"]["IamInstanceProfile"] for name, each in launcher()["available_node_types"].items()}
    assert roles == {"head": {"Name": "pagemill-head"}, "gpu": {"Name": "pagemill-worker"}, "cpu": {"Name": "pagemill-worker"}}
    assert re.findall(r"AKIA\w+|aws_secret|access_key", (AWS / "cluster.yaml").read_text()) == []


def test_a_gpu_node_has_room_for_one_worker_of_the_shipped_config() -> None:
    engine = load_config(ROOT / "configs" / "deepseek.yaml").engine
    assert launcher()["available_node_types"]["gpu"]["resources"] == {"CPU": int(engine.cpus), "GPU": int(engine.gpus)}


def test_every_node_asks_for_a_token_and_installs_a_lock_by_hash() -> None:
    config = launcher()
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert "RAY_AUTH_MODE=token" in commands[-1]
    installs = [
        config["head_setup_commands"],
        *(t.get("worker_setup_commands", []) for t in config["available_node_types"].values()),
    ]
    for commands in filter(None, installs):
        assert "--no-deps --require-hashes" in commands[0]
    made_by_hand = {"dist", "~/.ray/auth_token"}
    assert {path for path in config["file_mounts"].values() if not (ROOT / path).exists()} == made_by_hand


# ---- policies ----


def linted(policy: object) -> list[str]:
    """What cfn-lint has against an identity policy. It knows every service's actions."""
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {"Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}},
    }
    return [match.message for match in lint(json.dumps(template), regions=["us-east-1"])]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_the_linter_has_nothing_against_a_policy(path: Path) -> None:
    assert linted(json.loads(path.read_text())) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("s3:GetObject", "s3:GetObjects"), ('"Effect"', '"Effects"'), ("2012-10-17", "2012-10-18"), ("arn:aws:s3", "arn:s3")],
)
def test_the_linter_catches_a_planted_fault_in_a_policy(right: str, wrong: str) -> None:
    text = (AWS / "policies" / "build.json").read_text()
    assert right in text
    assert linted(json.loads(text.replace(right, wrong))) != []


def test_no_policy_gives_a_whole_service_and_only_looking_is_for_all_resources() -> None:
    for path in POLICIES:
        for statement in json.loads(path.read_text())["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            assert [action for action in actions if "*" in action] == []
            if statement["Resource"] == "*":
                assert all(action.startswith("ec2:Describe") for action in actions)


def test_a_build_may_delete_leftovers_and_no_data() -> None:
    text = (AWS / "policies" / "build.json").read_text()
    for key in ("pages/build=main/a.parquet", "documents/version=main/part-00000.parquet", "_builds/main/plan.parquet"):
        assert not allowed(json.loads(text), "s3:DeleteObject", f"arn:aws:s3:::my-datasets/books/{key}", prefix=None)
        assert not allowed(json.loads(text), "s3:PutObject", f"arn:aws:s3:::my-corpus/pdf/{key}", prefix=None)


def allowed(policy: dict, action: str, resource: str, *, prefix: str | None) -> bool:
    """IAM's rule for the shapes that our policies have."""
    for statement in policy["Statement"]:
        actions, resources = (x if isinstance(x, list) else [x] for x in (statement["Action"], statement["Resource"]))
        wanted = statement.get("Condition", {}).get("StringLikeIfExists", {}).get("s3:prefix")
        fits = wanted is None or prefix is None or any(fnmatchcase(prefix, each) for each in wanted)
        if action in actions and any(fnmatchcase(resource, each) for each in resources) and fits:
            return True
    return False


@dataclass(frozen=True, kw_only=True)
class GuardedServer:
    """An S3 server that asks IAM, and what it was asked."""

    url: str
    log: Path

    def requests(self) -> Iterator[tuple[str, str, str | None]]:
        """Action, resource and prefix of each request on our two buckets."""
        plain = re.sub(r"\x1b\[\d+m", "", self.log.read_text())
        for method, path in re.findall(r'"(GET|PUT|HEAD|DELETE) (/my-\S+) HTTP', plain):
            parts = urlsplit(path)
            bucket, _, key = unquote(parts.path[1:]).partition("/")
            if key:
                action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
                yield f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}", None
            else:
                yield "s3:ListBucket", f"arn:aws:s3:::{bucket}", parse_qs(parts.query).get("prefix", [""])[0]


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedServer]:
    """A server of its own with two buckets and a user who has build.json and nothing else. moto knows no conditions, so those
    are left out there and held against the requests afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "requests.log"
    with log.open("w") as told:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=told, stderr=told)
    url = f"http://127.0.0.1:{port}"
    root = {"aws_access_key_id": "root", "aws_secret_access_key": "root", "region_name": "us-east-1", "endpoint_url": url}
    try:
        wait_for(port, server)
        policy = json.loads((AWS / "policies" / "build.json").read_text())
        policy["Statement"] = [{k: v for k, v in each.items() if k != "Condition"} for each in policy["Statement"]]
        iam, s3 = boto3.client("iam", **root), boto3.client("s3", **root)
        iam.create_user(UserName="node")
        iam.put_user_policy(UserName="node", PolicyName="build", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="node")["AccessKey"]
        for bucket in ("my-corpus", "my-datasets"):
            s3.create_bucket(Bucket=bucket)
        for path in sorted((ROOT / "tests" / "samples" / "corpus").glob("*.pdf"))[:3]:
            s3.put_object(Bucket="my-corpus", Key=f"pdf/{path.name}", Body=path.read_bytes())
        from_now_on = urllib.request.Request(f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(from_now_on).close()
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        log.write_text("")
        yield GuardedServer(url=url, log=log)
    finally:
        server.kill()
        server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the S3 server did not start")


@pytest.mark.s3
def test_two_nights_need_exactly_what_the_policy_of_the_nodes_gives(
    guarded: GuardedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "cluster", lambda **settings: nullcontext())
    monkeypatch.setattr(build, "over_tasks", one_by_one)
    monkeypatch.setattr(build, "run_shards", run_shards_here)
    config = tmp_path / "nightly.yaml"
    config.write_text(
        f"input: {{uri: 's3://my-corpus/pdf', endpoint_url: '{guarded.url}'}}\n"
        f"output: {{uri: 's3://my-datasets/books', endpoint_url: '{guarded.url}'}}\n"
        "engine: {name: scripted}\nrender: {dpi: 20}\n"
    )
    for night in ("2026-11-26", "2026-11-27"):
        assert nightly.main([str(config), "--date", night]) == DONE
    policy = json.loads((AWS / "policies" / "build.json").read_text())
    asked = set(guarded.requests())
    assert {each for each in asked if not allowed(policy, each[0], each[1], prefix=each[2])} == set()
    unused = [
        s["Sid"] for s in policy["Statement"] if not any(allowed({"Statement": [s]}, a, r, prefix=p) for a, r, p in asked)
    ]
    assert unused == []


@pytest.mark.s3
def test_the_server_of_this_test_does_refuse_what_the_policy_does_not_give(guarded: GuardedServer) -> None:
    s3 = boto3.client("s3", endpoint_url=guarded.url)
    for wrong in (
        lambda: s3.put_object(Bucket="my-corpus", Key="pdf/new.pdf", Body=b""),
        lambda: s3.delete_object(Bucket="my-datasets", Key="books/pages/a.parquet"),
        lambda: s3.get_object(Bucket="my-datasets", Key="another/a.parquet"),
    ):
        with pytest.raises(s3.exceptions.ClientError, match=r"AccessDenied|Forbidden"):
            wrong()
