"""What is sent to a cluster: the code and the config as they are here, and no secret."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jobs.command_line import code_version
from jobs.shipment import CONFIG_NAME, ENTRY_POINTS, environment, fingerprint, packed, refuse_folders_of_this_shell
from pipeline.config import BuildConfig, load_config, parse_config
from pipeline.errors import ConfigError
from tests.conftest import ROOT


def config_for(**sections: object) -> BuildConfig:
    return parse_config({"input": {"uri": "s3://corpus"}, "output": {"uri": "s3://books"}, **sections})


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_a_config_means_on_the_head_what_it_means_here(path: Path) -> None:
    config = load_config(path, ["engine.workers=7"])
    with packed(config) as folder:
        assert load_config(folder / CONFIG_NAME) == config


def test_nothing_but_modules_assets_and_who_they_are_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with packed(config_for()) as folder:
        sent = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tracked = subprocess.run(["git", "ls-files", "pipeline", "jobs"], cwd=ROOT, capture_output=True, text=True, check=True)
    identity = f"pagemill-{code_version()}.dist-info"
    assert sent == {*tracked.stdout.split(), CONFIG_NAME, f"{identity}/METADATA", f"{identity}/entry_points.txt"}


def test_the_sent_code_is_found_before_an_installed_one_and_brings_its_plug_in() -> None:
    look = (
        "import importlib.metadata as m, jobs, pipeline, pathlib; from jobs.command_line import code_version;"
        "print(m.version('pagemill'), pathlib.Path(jobs.__file__).parent.parent, code_version(),"
        "[e.value for e in m.entry_points(group='vllm.general_plugins')])"
    )
    with packed(config_for()) as folder:
        (folder / f"pagemill-{code_version()}.dist-info").rename(folder / "pagemill-9.9.9.dist-info")
        metadata = folder / "pagemill-9.9.9.dist-info" / "METADATA"
        metadata.write_text(metadata.read_text().replace(code_version(), "9.9.9"))
        done = subprocess.run(
            [sys.executable, "-c", look], env={"PYTHONPATH": str(folder)}, cwd="/", capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == f"9.9.9 {folder} 9.9.9 ['pipeline.engines.vlm.plugin:register']"


def test_the_plug_in_is_the_one_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (group,) = project["entry-points"]
    (plugin,) = project["entry-points"][group].items()
    assert f"[{group}]\n{' = '.join(plugin)}\n" == ENTRY_POINTS


def test_what_is_sent_has_one_fingerprint_until_something_changes() -> None:
    with packed(config_for()) as one, packed(config_for()) as same, packed(config_for(build_id="other")) as other:
        found = fingerprint(one, "python -m jobs.build", {"AWS_REGION": "eu"})
        assert fingerprint(same, "python -m jobs.build", {"AWS_REGION": "eu"}) == found
        assert fingerprint(other, "python -m jobs.build", {"AWS_REGION": "eu"}) != found
        assert fingerprint(one, "python -m jobs.publish", {"AWS_REGION": "eu"}) != found
        assert fingerprint(one, "python -m jobs.build", {}) != found


def test_variables_that_mean_the_same_everywhere_are_sent_and_others_when_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_PROFILE", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    assert environment([]) == {"AWS_REGION": "eu-central-1"}
    assert environment(["AWS_PROFILE"]) == {"AWS_REGION": "eu-central-1", "AWS_PROFILE": "me"}


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "HF_TOKEN", "DB_PASSWORD"])
def test_a_secret_is_not_sent(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hidden")
    with pytest.raises(ConfigError, match="would show a secret") as caught:
        environment([name])
    assert "hidden" not in str(caught.value)


def test_an_address_that_holds_a_credential_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://me:hidden@minio.internal")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL holds an address with a credential") as caught:
        environment([])
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"), [("OMP_NUM_THREADS", "sets this on the nodes"), ("RAY_ADDRESS", "sets this"), ("NOT_SET", "is not set")]
)
def test_a_variable_of_the_cluster_or_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, told: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(ConfigError, match=told):
        environment([name])


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"input": {"uri": "corpus"}}, "input.uri"),
        ({"output": {"uri": "out/books"}}, "output.uri"),
        ({"golden": {"uri": "golden"}}, "golden.uri"),
        ({"publish": {"tokenizer": "tokenizer.json"}}, "publish.tokenizer"),
    ],
)
def test_a_path_beneath_this_shell_is_refused(sections: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is .*, a path beneath this shell"):
        refuse_folders_of_this_shell(config_for(**sections))


def test_buckets_and_folders_that_every_node_may_mount_are_taken() -> None:
    refuse_folders_of_this_shell(config_for())
    refuse_folders_of_this_shell(config_for(output={"uri": "/fsx/books"}))
