"""What nodes and people may do on AWS: linted, and tried against a local AWS that asks IAM."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.client
import pytest
import yaml
from cfnlint.api import lint
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config

from jobs import build, nightly
from jobs.command_line import DONE
from pipeline.parallel import one_by_one
from tests.infra.guarded_aws import Client, guarded
from tests.infra.manifests import ROOT
from tests.jobs.in_process import run_shards_here

AWS = ROOT / "infra" / "aws"
POLICIES = sorted((AWS / "policies").glob("*.json"))


def actions_of(statement: dict) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def read_policy(name: str) -> dict:
    return json.loads((AWS / "policies" / f"{name}.json").read_text())


FAULTS = [("s3:GetObject", "s3:GetObjects"), ('"Effect"', '"Effects"'), ("2012-10-17", "2012-10-18"), ("arn:aws:s3", "arn:s3")]


@cache
def linted() -> Mapping[str, list[str]]:
    """What cfn-lint has against each policy, and against build.json with each fault; one run, for it takes a second. It knows
    every service's actions."""
    texts = {path.stem: path.read_text() for path in POLICIES}
    texts |= {f"Fault{place}": texts["build"].replace(*fault) for place, fault in enumerate(FAULTS)}
    resources = {
        name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": json.loads(text)}}
        for name, text in texts.items()
    }
    found: dict[str, list[str]] = {name: [] for name in texts}
    for match in lint(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}), regions=["us-east-1"]):
        found[str(match.path[1])].append(match.message)
    return found


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_the_linter_has_nothing_against_a_policy(path: Path) -> None:
    assert linted()[path.stem] == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_linter_catches_a_planted_fault_in_a_policy(fault: tuple[str, str]) -> None:
    assert fault[0] in (AWS / "policies" / "build.json").read_text()
    assert linted()[f"Fault{FAULTS.index(fault)}"] != []


def test_no_policy_gives_a_whole_service_and_only_looking_is_for_all_resources() -> None:
    for path in POLICIES:
        for statement in json.loads(path.read_text())["Statement"]:
            assert [action for action in actions_of(statement) if "*" in action] == []
            if statement["Resource"] == "*":
                assert all(action.startswith("ec2:Describe") for action in actions_of(statement))


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


def lay_corpus(client: Callable[[str], Client]) -> None:
    """Two buckets, and three documents in one."""
    for bucket in ("my-corpus", "my-datasets"):
        client("s3").create_bucket(Bucket=bucket)
    for path in sorted((ROOT / "tests" / "samples" / "corpus").glob("*.pdf"))[:3]:
        client("s3").put_object(Bucket="my-corpus", Key=f"pdf/{path.name}", Body=path.read_bytes())


def refuses_what_is_not_given(url: str) -> bool:
    """The server is as strict as the proof needs it."""
    s3 = boto3.client("s3", endpoint_url=url)
    for wrong in (
        lambda: s3.put_object(Bucket="my-corpus", Key="pdf/new.pdf", Body=b""),
        lambda: s3.delete_object(Bucket="my-datasets", Key="books/pages/a.parquet"),
        lambda: s3.get_object(Bucket="my-datasets", Key="another/a.parquet"),
    ):
        with pytest.raises(s3.exceptions.ClientError, match=r"AccessDenied|Forbidden"):
            wrong()
    return True


def requests_in(log: Path) -> Iterator[tuple[str, str, str | None]]:
    """Action, resource and prefix of each request on our two buckets."""
    plain = re.sub(r"\x1b\[\d+m", "", log.read_text())
    for method, path in re.findall(r'"(GET|PUT|HEAD|DELETE) (/my-\S+) HTTP', plain):
        parts = urlsplit(path)
        bucket, _, key = unquote(parts.path[1:]).partition("/")
        if key:
            action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
            yield f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}", None
        else:
            yield "s3:ListBucket", f"arn:aws:s3:::{bucket}", parse_qs(parts.query).get("prefix", [""])[0]


@pytest.mark.s3
def test_two_nights_need_exactly_what_the_policy_of_the_nodes_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "cluster", lambda **settings: nullcontext())
    monkeypatch.setattr(build, "over_tasks", one_by_one)
    monkeypatch.setattr(build, "run_shards", run_shards_here)
    config = tmp_path / "nightly.yaml"
    policy, log = read_policy("build"), tmp_path / "requests.log"
    with guarded(policy, log, lay_corpus) as url:
        assert refuses_what_is_not_given(url)
        log.write_text("")
        config.write_text(
            f"input: {{uri: 's3://my-corpus/pdf', endpoint_url: '{url}'}}\n"
            f"output: {{uri: 's3://my-datasets/books', endpoint_url: '{url}'}}\n"
            "engine: {name: scripted}\nrender: {dpi: 20}\n"
        )
        for night in ("2026-11-26", "2026-11-27"):
            assert nightly.main([str(config), "--date", night]) == DONE
    asked = set(requests_in(log))
    assert {each for each in asked if not allowed(policy, each[0], each[1], prefix=each[2])} == set()
    unused = [
        s["Sid"] for s in policy["Statement"] if not any(allowed({"Statement": [s]}, a, r, prefix=p) for a, r, p in asked)
    ]
    assert unused == []


@pytest.mark.s3
def test_ray_starts_tags_and_ends_nodes_with_exactly_the_policy_of_the_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours: dict[str, str] = {}
    calls: set[str] = set()
    call = botocore.client.BaseClient._make_api_call

    def lay_network(client: Callable[[str], Client]) -> None:
        ec2 = client("ec2")
        subnet = ec2.describe_subnets()["Subnets"][0]
        ours["subnet-0123456789abcdef0"] = subnet["SubnetId"]
        group = ec2.create_security_group(GroupName="pagemill", Description="of this test", VpcId=subnet["VpcId"])
        ours["sg-0123456789abcdef0"] = group["GroupId"]
        ours["ami-0123456789abcdef0"] = ec2.describe_images()["Images"][0]["ImageId"]
        for name in ("pagemill-head", "pagemill-worker"):
            client("iam").create_instance_profile(InstanceProfileName=name)

    def heard(self: Client, operation: str, arguments: dict) -> dict:
        calls.add(f"{self.meta.service_model.service_name}:{operation}")
        return call(self, operation, arguments)

    policy = read_policy("launch")
    with guarded(policy, tmp_path / "requests.log", lay_network) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", heard)
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh" / "pagemill.pem").touch()
        text = (AWS / "cluster.yaml").read_text()
        for placeholder, made in ours.items():
            text = text.replace(placeholder, made)
        config = bootstrap_aws(AWSNodeProvider.fillout_available_node_types_resources(prepare_config(yaml.safe_load(text))))
        provider = AWSNodeProvider(config["provider"], config["cluster_name"])
        for name in ("head", "gpu"):
            tags = {"ray-node-type": "head" if name == "head" else "worker", "ray-user-node-type": name}
            provider.create_node(config["available_node_types"][name]["node_config"], tags, 1)
        nodes = provider.non_terminated_nodes({})
        provider.set_node_tags(nodes[0], {"ray-node-status": "up-to-date"})
        provider.terminate_nodes(nodes)
        assert len(nodes) == 2
        assert provider.non_terminated_nodes({}) == []
    granted = {action for statement in policy["Statement"] for action in actions_of(statement)}
    assert calls == granted - {"iam:PassRole"}  # which EC2 asks for, and no call of ours
