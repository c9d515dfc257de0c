"""What the README's Security section promises, read from the code and from what a build leaves behind."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from pipeline.config import RenderConfig
from tests.conftest import ROOT
from tests.test_architecture import python_files

CODE_FROM_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "joblib"}
"""Modules that run what they read."""
CALLS = {"eval", "exec", "compile", "__import__"}
UNSAFE_YAML = {"load", "load_all", "unsafe_load", "full_load", "Loader", "UnsafeLoader", "FullLoader"}
EXTRACTS = {"extractall", "extract", "unpack_archive", "_extract_member"}
RUNS_ITS_TEXT = {
    "os.system",
    "os.popen",
    "torch.load",
    "pandas.read_pickle",
    "pd.read_pickle",
    "builtins.eval",
    "builtins.exec",
}
FROM = {"yaml": UNSAFE_YAML, "torch": {"load"}, "os": {"system", "popen"}, "builtins": CALLS}
"""Names that are not imported by themselves, so that each use shows where it comes from."""


def offences(path: Path) -> Iterator[str]:
    """Where a file could run what it reads. What Ray and multiprocessing pickle between our own processes is not looked for."""
    where = path.name
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] in CODE_FROM_DATA]
            names += [alias.name for alias in node.names if alias.asname and alias.name in FROM]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in CODE_FROM_DATA:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom) and node.module in FROM:
            names = [f"{node.module}.{alias.name}" for alias in node.names if alias.name in FROM[node.module]]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in RUNS_ITS_TEXT:
            names = [ast.unparse(node)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            names = [node.func.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
            names = [f"yaml.{node.attr}"] if node.attr in UNSAFE_YAML else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EXTRACTS:
            names = [node.func.attr]
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "trust_remote_code", "shell"):
            names = [] if isinstance(node.value, ast.Constant) and node.value.value is False else [node.arg]
        yield from (f"{where}:{getattr(node, 'lineno', 0)} {name}" for name in names)


def test_no_data_is_unpickled_evaluated_or_extracted() -> None:
    paths = python_files("pipeline/", "jobs/")
    assert len(paths) > 150
    assert [offence for path in paths for offence in offences(path)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from marshal import loads",
        "import joblib.numpy_pickle",
        "import yaml as y",
        "from yaml import load",
        "from torch import load",
        "from builtins import eval",
        "torch.load(path)",
        "os.system(line)",
        "pandas.read_pickle(path)",
        "import marshal",
        "eval(text)",
        "exec(text)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.UnsafeLoader)",
        "tar.extractall(folder)",
        "zip.extract(name)",
        "numpy.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=flag)",
        "subprocess.run(line, shell=True)",
    ],
)
def test_each_of_these_would_be_noticed(code: str, tmp_path: Path) -> None:
    (tmp_path / "offence.py").write_text(code)
    assert list(offences(tmp_path / "offence.py"))


def test_what_only_looks_like_one_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import re, yaml\nre.compile(text)\nyaml.safe_load(text)\nmodel.eval()\nsubprocess.run(argv, shell=False)\njson.load(f)"
    )
    (tmp_path / "harmless.py").write_text(code)
    assert not list(offences(tmp_path / "harmless.py"))


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_no_shipped_config_switches_authentication_off_or_names_a_secret(path: Path) -> None:
    text = path.read_text()
    assert "RAY_AUTH_MODE" not in text
    words = {word for key in _keys(yaml.safe_load(text)) for word in key.split("_")}
    assert not words & {"secret", "token", "password", "key"}


def _keys(values: object) -> Iterator[str]:
    if isinstance(values, dict):
        yield from values
        for value in values.values():
            yield from _keys(value)


def test_the_limits_that_the_readme_names_are_keys_of_the_config() -> None:
    section = (ROOT / "README.md").read_text().partition("## Security")[2].partition("\n## ")[0]
    named = {name.removeprefix("render.") for name in re.findall(r"`((?:render\.)?\w+_(?:bytes|pages|pixels|px|s))`", section)}
    limits = {name for name in RenderConfig.model_fields if name.startswith("max_") or name.endswith("deadline_s")}
    assert named == limits | {"memory_bytes"}


JOIN = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False); print('joined')"


@pytest.mark.ray
@pytest.mark.slow
def test_a_local_cluster_lets_nobody_in_who_has_no_token(ray_cluster: None, tmp_path: Path) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    environments = [
        dict(os.environ),
        {**os.environ, "HOME": str(tmp_path), "RAY_AUTH_MODE": "disabled"},
        {**os.environ, "HOME": str(tmp_path), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64},
    ]
    with ThreadPoolExecutor(len(environments)) as threads:  # a stranger is kept waiting for 10 to 20 s
        known, stranger, guessing = threads.map(lambda environment: join(address, environment), environments)
    assert "joined" in known.stdout, known.stderr
    for refused in (stranger, guessing):
        assert "joined" not in refused.stdout
        assert refused.returncode != 0


def join(address: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-W", "ignore", "-c", JOIN, address]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.ray
def test_a_local_cluster_has_no_dashboard_to_reach(ray_cluster: None) -> None:
    from ray._private.worker import global_worker

    assert not (global_worker.node.webui_url if global_worker.node else "")
