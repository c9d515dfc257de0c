"""Every manifest of the chart is valid, and no planted typo passes."""

import copy
from functools import partial

import pytest

from tests.infra.manifests import VARIANTS, Document, helm, one, problems, rendered

CLUSTER = ("spec", "rayClusterSpec")
HEAD = (*CLUSTER, "headGroupSpec", "template", "spec")
named = partial(pytest.mark.parametrize, ids=lambda value: value if isinstance(value, str) else "")
GPU = (*CLUSTER, "workerGroupSpecs", 1)
WORKER = (*GPU, "template", "spec")
NIGHT = ("spec", "jobTemplate")
NIGHTS_POD = ("spec", "jobTemplate", "spec", "template", "spec")

RENAMED = [
    ("gpu build", "RayJob", ("spec",), "ttlSecondsAfterFinished", "ttlSecondAfterFinished"),
    ("gpu build", "RayJob", ("spec",), "backoffLimit", "backOffLimit"),
    ("gpu build", "RayJob", ("metadata",), "labels", "label"),
    ("gpu build", "RayJob", CLUSTER, "authOptions", "authOption"),
    ("gpu build", "RayJob", (*CLUSTER, "autoscalerOptions"), "idleTimeoutSeconds", "idleTimeoutSecond"),
    ("gpu build", "RayJob", GPU, "maxReplicas", "maxReplica"),
    ("gpu build", "RayJob", GPU, "rayStartParams", "rayStartParam"),
    ("gpu build", "RayJob", HEAD, "serviceAccountName", "serviceAccount_name"),
    ("gpu build", "RayJob", (*HEAD, "containers", 0), "volumeMounts", "volumeMount"),
    ("gpu build", "RayJob", (*HEAD, "securityContext"), "runAsNonRoot", "runAsNonroot"),
    ("gpu build", "RayJob", (*WORKER, "tolerations", 0), "operator", "operater"),
    ("gpu build", "RayJob", (*WORKER, "volumes", 0, "emptyDir"), "sizeLimit", "sizelimit"),
    ("gpu build", "RayJob", (*WORKER, "containers", 0, "resources"), "requests", "request"),
    ("gpu build", "RayJob", ("spec", "submitterPodTemplate", "spec"), "restartPolicy", "restartPolicyy"),
    ("gpu nightly by KubeRay", "RayCronJob", ("spec",), "timeZone", "timezone"),
    ("gpu nightly by KubeRay", "RayCronJob", NIGHT, "shutdownAfterJobFinishes", "shutdownAfterJobFinished"),
    ("gpu nightly by KubeRay", "RayCronJob", (*NIGHT, "rayClusterSpec"), "headGroupSpec", "headGroup"),
    ("gpu nightly", "RayJob", ("spec",), "activeDeadlineSeconds", "activeDeadlineSecond"),
    ("gpu nightly", "CronJob", ("spec",), "concurrencyPolicy", "concurrencePolicy"),
    ("gpu nightly", "CronJob", ("spec",), "startingDeadlineSeconds", "startDeadlineSeconds"),
    ("gpu nightly", "CronJob", (*NIGHTS_POD, "containers", 0), "command", "comand"),
    ("gpu nightly", "Role", ("rules", 0), "apiGroups", "apiGroup"),
    ("gpu nightly", "RoleBinding", ("roleRef",), "apiGroup", "apiGroups"),
    ("gpu build", "NetworkPolicy", ("spec",), "policyTypes", "policyType"),
    ("gpu build", "NetworkPolicy", ("spec", "egress", 2, "to", 0, "ipBlock"), "except", "excepts"),
    ("gpu build", "PersistentVolumeClaim", ("spec",), "accessModes", "accessMode"),
    ("gpu build", "PodDisruptionBudget", ("spec",), "maxUnavailable", "maxUnavailible"),
    ("gpu build", "ConfigMap", (), "data", "datas"),
    ("gpu build", "ServiceAccount", ("metadata",), "labels", "lables"),
]
CHANGED = [
    ("gpu build", "RayJob", (*CLUSTER, "authOptions"), "mode", "tokens"),
    ("gpu build", "RayJob", GPU, "maxReplicas", "eight"),
    ("gpu build", "RayJob", (*GPU, "rayStartParams"), "num-gpus", 1),
    ("gpu build", "RayJob", ("metadata",), "name", "Books"),
    ("gpu build", "RayJob", (), "apiVersion", "ray.io/v1beta1"),
    ("gpu nightly by KubeRay", "RayCronJob", ("spec",), "schedule", 5),
    ("gpu nightly by KubeRay", "RayCronJob", ("spec",), "concurrencyPolicy", "Forbid"),
    ("gpu nightly", "CronJob", ("spec",), "schedule", None),
    ("gpu build", "PodDisruptionBudget", ("spec",), "maxUnavailable", [0]),
]


def place_in(document: Document, path: tuple[str | int, ...]) -> Document:
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_manifest_is_what_the_api_server_takes(variant: str) -> None:
    found = {f"{document['kind']} {document['metadata']['name']}": problems(document) for document in rendered(variant)}
    assert found
    assert {name: told for name, told in found.items() if told} == {}


@named(("variant", "kind", "path", "key", "typo"), RENAMED)
def test_a_misspelt_key_is_caught(variant: str, kind: str, path: tuple[str | int, ...], key: str, typo: str) -> None:
    document = copy.deepcopy(one(variant, kind))
    place = place_in(document, path)
    place[typo] = place.pop(key)
    assert problems(document)


@named(("variant", "kind", "path", "key", "value"), CHANGED)
def test_a_wrong_value_is_caught(variant: str, kind: str, path: tuple[str | int, ...], key: str, value: object) -> None:
    document = copy.deepcopy(one(variant, kind))
    place_in(document, path)[key] = value
    assert problems(document)


@pytest.mark.parametrize(
    "settings",
    [
        "quue=team",
        "run=nightly",
        "retries=9",
        "schedule=daily",
        "images.cpu=pagemill",
        "groups.gpu.maxPod=3",
        "groups.cpu.memory=28G",
        "groups.cpu.rayCpus=0.5",
        "head.ram=8Gi",
        "serviceAccount.name=x",
        "models.storageClass=efs",
        "egressPorts[0]=https",
    ],
)
def test_a_value_that_no_template_reads_is_refused(settings: str) -> None:
    done = helm("-f", "gpu.yaml", "--set", settings)
    assert done.returncode != 0
    assert "values don't meet the specifications" in done.stderr


def test_a_release_whose_nights_would_be_too_long_for_kuberay_is_refused() -> None:
    done = helm(release="b" * 37)
    assert done.returncode != 0
    assert "36 at most" in done.stderr
