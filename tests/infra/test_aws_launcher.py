"""The config of Ray's launcher, as far as it can be proven without AWS."""

import copy
import re

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from ray.autoscaler._private.util import prepare_config, validate_config

from pipeline.config import load_config
from tests.infra.manifests import ROOT

AWS = ROOT / "infra" / "aws"


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
