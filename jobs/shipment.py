"""What travels to a cluster: the code that runs here, the config as one file, and a few variables.

In: a BuildConfig and names of variables. Out: a folder to send as a job's working directory, and the variables. It holds what a
wheel holds: the modules and assets of `pipeline` and `jobs`, and who they are, so that `importlib.metadata` and vLLM, which
looks for our plug-in there, find this version, and not another one that a node's image may hold: Ray puts the folder before
it. About 370 files, 2 MB before they are packed.

Ray keeps variables as plain text and shows them to whoever may ask its API (its web pages mask them), so secrets are refused.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import jobs
import pipeline
from jobs.command_line import code_version
from pipeline.cluster.start import CPU_ENGINE_ENVIRONMENT
from pipeline.config import BuildConfig, yaml_of
from pipeline.config.addresses import asks_for_secret, without_secrets
from pipeline.errors import ConfigError

CONFIG_NAME = "config.yaml"
ENTRY_POINTS = "[vllm.general_plugins]\npagemill = pipeline.engines.vlm.plugin:register\n"
"""As in pyproject.toml."""
VARIABLES = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
)
"""Sent when they are set: they mean the same on every machine. A profile, a cache folder or a bundle of certificates is of one
machine, and is sent when it is named."""
OF_THE_CLUSTER = ("RAY_", "PYTHONPATH", *CPU_ENGINE_ENVIRONMENT)
"""Prefixes of what Ray and every driver set themselves on the nodes."""
SECRETS_ON_NODES = (
    "give the nodes an instance role, or set it where they start (a Kubernetes secret as their environment, an AWS profile)"
)


def environment(names: Sequence[str]) -> dict[str, str]:
    """VARIABLES that are set here, and `names`. Raises ConfigError for a name that is not set, that asks for a secret, or that
    is the cluster's own, and for an address with a credential."""
    for name in names:
        if asks_for_secret(name):
            raise ConfigError(f"--env {name} would show a secret to whoever may ask Ray's API; {SECRETS_ON_NODES}")
        if name.startswith(OF_THE_CLUSTER):
            raise ConfigError(f"--env {name}: Ray or the driver sets this on the nodes itself; leave it out")
        if name not in os.environ:
            raise ConfigError(f"--env {name} is not set here; set it, or leave it out (give the name alone, without a value)")
    sent = {name: os.environ[name] for name in (*VARIABLES, *names) if name in os.environ}
    for name, value in sent.items():
        if without_secrets(value) != value:
            raise ConfigError(f"{name} holds an address with a credential; take it out of the address, and {SECRETS_ON_NODES}")
    return sent


def refuse_folders_of_this_shell(config: BuildConfig) -> None:
    """A relative path means one beneath this shell, which no node has. An absolute one is taken as the nodes'; a worker that
    does not see it says so. Raises ConfigError."""
    addresses = {
        "input.uri": config.input.uri,
        "output.uri": config.output.uri,
        "golden.uri": config.golden.uri if config.golden else None,
        "publish.tokenizer": config.publish.tokenizer,
        "publish.takedown": config.publish.takedown,
        "publish.benchmarks": config.publish.benchmarks,
    }
    for key, uri in addresses.items():
        if uri is not None and "://" not in uri and not Path(uri).is_absolute():
            raise ConfigError(
                f"{key} is {uri}, a path beneath this shell, which the nodes of a cluster have not; give an s3:// address, or "
                "the absolute path of a folder that every node mounts"
            )


@contextmanager
def packed(config: BuildConfig) -> Iterator[Path]:
    """A folder with everything that the job needs, for as long as the body runs."""
    with TemporaryDirectory(prefix="pagemill-") as name:
        folder = Path(name)
        for package in (pipeline, jobs):
            _copy_package(Path(str(package.__file__)).parent, folder / package.__name__)
        identity = folder / f"pagemill-{code_version()}.dist-info"
        identity.mkdir()
        (identity / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pagemill\nVersion: {code_version()}\n")
        (identity / "entry_points.txt").write_text(ENTRY_POINTS)
        (folder / CONFIG_NAME).write_text(yaml_of(config), encoding="utf-8")
        yield folder


def _copy_package(package: Path, to: Path) -> None:
    """Every module and every asset, and nothing else: what an editor, a test or a Python of another version has left stays."""
    for path in sorted((*package.rglob("*.py"), *package.rglob("assets/*"))):
        target = to / path.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def fingerprint(folder: Path, command: str, variables: Mapping[str, str]) -> str:
    """The same for the same files, command and variables: 16 hex digits."""
    digest = hashlib.sha256(f"{command}\0{sorted(variables.items())}".encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
