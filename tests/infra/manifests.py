"""What the chart renders to, and a strict judge of it: schemas of KubeRay's CRDs and of Kubernetes itself."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "infra" / "kuberay"
CRDS = ROOT.parent / "shared" / "kuberay_crds"
"""Of KubeRay v1.7.0, beside the checkout; far too large for the repository."""
KUBERNETES = "1.37"
VARIANTS = {
    "build": (),
    "gpu build": ("-f", "gpu.yaml"),
    "nightly": ("-f", "nightly.yaml"),
    "gpu nightly": ("-f", "gpu.yaml", "-f", "nightly.yaml"),
    "gpu nightly by KubeRay": ("-f", "gpu.yaml", "-f", "nightly.yaml", "--set", "run=raycronjob"),
    "everything set": (
        *("-f", "gpu.yaml", "-f", "nightly.yaml", "--set", "queue=team", "--set", "storageClass=efs", "--set", "secret=stores"),
        *(
            "--set",
            "imagePullSecrets[0].name=registry",
            "--set",
            "head.nodeSelector.a=b",
            "--set",
            "groups.gpu.nodeSelector.a=b",
        ),
        *("--set", "serviceAccount.annotations.role=pagemill"),
    ),
}
Document = dict


class StrictLoader(yaml.CSafeLoader):
    """Refuses what YAML allows and the API server does not: a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(map(str, keys))}"
        return super().construct_mapping(node, deep)


def helm(*arguments: str, release: str = "books") -> subprocess.CompletedProcess[str]:
    """`helm template` with these arguments. Skips where there is no helm."""
    program = shutil.which("helm", path=str(Path(sys.executable).parent)) or shutil.which("helm")
    if program is None:
        pytest.skip("no helm here: `make test` fetches one on Linux x86-64, elsewhere install it")
    command = [program, "template", release, ".", "--namespace", "pagemill", *arguments]
    return subprocess.run(command, cwd=CHART, capture_output=True, text=True, check=False)


@cache
def rendered(variant: str) -> tuple[Document, ...]:
    done = helm(*VARIANTS[variant])
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.load_all(done.stdout, Loader=StrictLoader) if document]
    return (*documents, *embedded(documents))


def embedded(documents: list[Document]) -> Iterator[Document]:
    """The RayJob that a CronJob makes lies in a ConfigMap."""
    for document in documents:
        if document["kind"] == "ConfigMap" and "rayjob.json" in document["data"]:
            yield json.loads(document["data"]["rayjob.json"])


def one(variant: str, kind: str) -> Document:
    """The only document of this kind."""
    (found,) = (document for document in rendered(variant) if document["kind"] == kind)
    return found


def problems(document: Document) -> list[str]:
    """What the API server would refuse; () is none. Skips for Ray's kinds where the CRDs are not."""
    if document["apiVersion"].startswith("ray.io/"):
        return [error.message for error in _ray_validators()[document["kind"]].iter_errors(document)]
    try:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [error.message]
    return []


@cache
def _ray_validators() -> Mapping[str, jsonschema.Draft7Validator]:
    if not CRDS.is_dir():
        pytest.skip("the CRDs of KubeRay are not beside this checkout (../shared/kuberay_crds)")
    validators = {}
    for path in sorted(CRDS.glob("*.yaml")):
        crd = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        (version,) = (version for version in crd["spec"]["versions"] if version["name"] == "v1")
        schema = closed(version["schema"]["openAPIV3Schema"])
        schema["properties"] |= {"metadata": METADATA, "apiVersion": {"const": "ray.io/v1"}}
        validators[crd["spec"]["names"]["kind"]] = jsonschema.Draft7Validator(schema)
    return validators


METADATA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 47, "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
"""A CRD leaves its metadata to the API server."""


def closed(schema: object) -> object:
    """An OpenAPI schema as the API server reads it with strict field validation: a key that is not named is refused, null is
    allowed where it is said, and CEL rules are left out."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items() if not key.startswith("x-kubernetes-") and key != "format"}
    keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields", False)
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema and not keeps_unknown:
        made["additionalProperties"] = False
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        made["type"] = [schema["type"], "null"]
    return made
