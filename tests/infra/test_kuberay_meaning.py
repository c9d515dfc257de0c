"""What schemas cannot see: names that must match, and resources that must fit what workers ask Ray for."""

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from jobs import build, nightly
from jobs.dated_rayjob import MAX_NAME_CHARS, dated
from pipeline.builds.nights import parse_night
from pipeline.cluster.start import object_store_bytes
from pipeline.config import BuildConfig, load_config
from tests.infra.manifests import CHART, ROOT, VARIANTS, Document, embedded, helm, one, rendered

BYTES = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
BROUGHT = {("Secret", "stores"), ("Secret", "registry")}
"""What values.yaml says that users bring."""
IMAGES = {"registry.example.com/pagemill:0.1.0-cpu", "registry.example.com/pagemill:0.1.0-gpu"}
variants = pytest.mark.parametrize("variant", VARIANTS)


def bytes_of(quantity: str) -> int:
    return int(quantity[:-2]) * BYTES[quantity[-2:]]


def job_spec(variant: str) -> Document:
    """The spec of the RayJob that runs, however it comes about."""
    documents = rendered(variant)
    by_kuberay = [document["spec"]["jobTemplate"] for document in documents if document["kind"] == "RayCronJob"]
    (spec,) = by_kuberay or [document["spec"] for document in documents if document["kind"] == "RayJob"]
    return spec


def reads(group: Document, variant: str) -> bool:
    """The group's pods hold workers; those of the others only publish."""
    return "num-gpus" in group["rayStartParams"] or variant in {"build", "nightly"}


def config_of(variant: str, folder: Path) -> BuildConfig:
    path = folder / "pagemill.yaml"
    (mounted,) = (document for document in rendered(variant) if document["metadata"]["name"] == "books-config")
    path.write_text(mounted["data"]["pagemill.yaml"])
    return load_config(path)


def walk(value: object) -> Iterator[Document]:
    """Every mapping in a document."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


def references(documents: tuple[Document, ...]) -> Iterator[tuple[str, str]]:
    """Kind and name of what other objects are referred to."""
    for place in walk(list(documents)):
        if "serviceAccountName" in place:
            yield "ServiceAccount", place["serviceAccountName"]
        if "claimName" in place:
            yield "PersistentVolumeClaim", place["claimName"]
        for key, kind in (("configMap", "ConfigMap"), ("secretRef", "Secret")):
            if isinstance(place.get(key), dict):
                yield kind, place[key]["name"]
        for secret in place.get("imagePullSecrets", ()):
            yield "Secret", secret["name"]
        if "roleRef" in place:
            yield place["roleRef"]["kind"], place["roleRef"]["name"]
            yield from ((subject["kind"], subject["name"]) for subject in place["subjects"])


@variants
def test_whatever_is_referred_to_is_made_or_brought(variant: str) -> None:
    documents = rendered(variant)
    made = {(document["kind"], document["metadata"]["name"]) for document in documents}
    referred = set(references(documents))
    assert referred >= {("ConfigMap", "books-config"), ("ServiceAccount", "books")}
    assert referred - made - BROUGHT == set()


@variants
def test_all_containers_run_the_two_images_of_the_values(variant: str) -> None:
    used = {place["image"] for place in walk(list(rendered(variant))) if "image" in place}
    assert used == (IMAGES if "gpu" in variant or variant == "everything set" else {min(IMAGES)})


@variants
def test_the_entrypoint_is_a_command_that_our_parser_takes(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, command, *arguments = shlex.split(job_spec(variant)["entrypoint"])
    taken = []
    module = {"build": build, "nightly": nightly}[command]
    monkeypatch.setattr(module, "run", lambda parsed: taken.append(parsed) or 0)
    if command == "nightly":
        arguments += ["--date", "2026-11-27"]
    assert (program, module.main(arguments)) == ("pagemill", 0)
    mounts = job_spec(variant)["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert str(taken[0].config.parent) in [mount["mountPath"] for mount in mounts]


@variants
def test_the_config_that_is_mounted_loads_and_its_workers_find_room(variant: str, tmp_path: Path) -> None:
    engine = config_of(variant, tmp_path).engine
    room = 0
    for group in job_spec(variant)["rayClusterSpec"]["workerGroupSpecs"]:
        workers = float(group["rayStartParams"]["num-cpus"]) // engine.cpus
        if engine.gpus:
            workers = min(workers, float(group["rayStartParams"].get("num-gpus", 0)) // engine.gpus)
        room += int(workers) * group["maxReplicas"]
    assert room == engine.workers


def test_the_gpu_values_read_as_the_config_of_the_repository_does(tmp_path: Path) -> None:
    ours, shipped = config_of("gpu build", tmp_path), load_config(ROOT / "configs" / "deepseek.yaml")
    assert ours.ladder == shipped.ladder
    assert ours.render == shipped.render


@variants
def test_a_pod_has_what_ray_is_told_it_has(variant: str, tmp_path: Path) -> None:
    config = config_of(variant, tmp_path)
    for group in job_spec(variant)["rayClusterSpec"]["workerGroupSpecs"]:
        (container,) = group["template"]["spec"]["containers"]
        started, resources = group["rayStartParams"], container["resources"]
        (shm,) = (volume["emptyDir"] for volume in group["template"]["spec"]["volumes"] if volume["name"] == "shm")
        assert float(started["num-cpus"]) <= float(resources["requests"]["cpu"])
        assert int(started.get("num-gpus", 0)) == resources["limits"].get("nvidia.com/gpu", 0)
        assert shm["medium"] == "Memory"
        assert {"name": "shm", "mountPath": "/dev/shm"} in container["volumeMounts"]
        assert int(started["object-store-memory"]) <= bytes_of(shm["sizeLimit"]) < bytes_of(resources["limits"]["memory"])
        if "num-gpus" in started:
            assert float(started["num-cpus"]) == config.engine.cpus / config.engine.gpus * int(started["num-gpus"])
        if reads(group, variant):
            one_worker = config.model_copy(update={"engine": config.engine.model_copy(update={"workers": 1})})
            assert int(started["object-store-memory"]) >= object_store_bytes(one_worker)


@variants
def test_the_head_does_no_work_and_is_let_alone(variant: str) -> None:
    cluster = job_spec(variant)["rayClusterSpec"]
    pod = cluster["headGroupSpec"]["template"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert [taint for taint in pod["spec"].get("tolerations", ()) if "spot" in str(taint)] == []
    selector = one(variant, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= pod["metadata"]["labels"].items()


@variants
def test_workers_go_to_spot_nodes_and_scale_from_none(variant: str) -> None:
    cluster = job_spec(variant)["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] is True
    for group in cluster["workerGroupSpecs"]:
        taints = {(taint["key"], taint.get("value")) for taint in group["template"]["spec"]["tolerations"]}
        assert ("cloud.google.com/gke-spot", "true") in taints
        assert group["minReplicas"] == group["replicas"] == (0 if reads(group, variant) else 1)
        assert (("nvidia.com/gpu", None) in taints) == ("num-gpus" in group["rayStartParams"])


@variants
def test_a_cluster_asks_for_a_token_goes_when_its_job_is_done_and_is_retried_twice(variant: str) -> None:
    spec = job_spec(variant)
    assert spec["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    assert spec["rayClusterSpec"]["rayVersion"] == version("ray")
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["backoffLimit"] == 2


@variants
def test_no_process_is_root_and_no_worker_holds_a_token_of_kubernetes(variant: str) -> None:
    pods = [place for place in walk(list(rendered(variant))) if "containers" in place]
    assert len(pods) >= 3
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert [c["securityContext"]["allowPrivilegeEscalation"] for c in pod["containers"]] == [False]
        if pod["containers"][0]["name"] in {"ray-worker", "ray-job-submitter"}:
            assert pod["automountServiceAccountToken"] is False


@variants
def test_the_network_policy_holds_for_every_pod_and_lets_metrics_out(variant: str) -> None:
    policy = one(variant, "NetworkPolicy")["spec"]
    labels = [place["metadata"]["labels"] for place in walk(list(rendered(variant))) if "containers" in place.get("spec", {})]
    assert all(policy["podSelector"]["matchLabels"].items() <= pod.items() for pod in labels)
    annotations = job_spec(variant)["rayClusterSpec"]["headGroupSpec"]["template"]["metadata"]["annotations"]
    ports = [port["port"] for rule in policy["ingress"] for port in rule.get("ports", ())]
    assert int(annotations["prometheus.io/port"]) in ports
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_who_makes_tonights_rayjob_may_do_nothing_else() -> None:
    assert one("nightly", "Role")["rules"] == [{"apiGroups": ["ray.io"], "resources": ["rayjobs"], "verbs": ["create"]}]
    pod = one("nightly", "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert one("nightly", "RoleBinding")["subjects"][0]["name"] == pod["serviceAccountName"]


def test_the_cronjob_makes_the_rayjob_that_kuberay_would() -> None:
    (rayjob,) = embedded(list(rendered("gpu nightly")))
    assert rayjob["spec"] == one("gpu nightly by KubeRay", "RayCronJob")["spec"]["jobTemplate"]


def test_the_cronjob_runs_our_module_on_the_template_that_it_mounts() -> None:
    pod = one("nightly", "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    program, option, module, template = pod["containers"][0]["command"]
    assert (program, option) == ("python", "-m")
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
    (volume,) = pod["volumes"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    (mounted,) = (d for d in rendered("nightly") if d["metadata"]["name"] == volume["configMap"]["name"])
    assert [f"{mount['mountPath']}/{name}" for name in mounted["data"]] == [template]


def test_a_dated_rayjob_keeps_its_queue_and_fits_kuberays_names() -> None:
    (template,) = embedded(list(rendered("everything set")))
    rayjob = dated(template, parse_night("2026-11-27"))
    assert rayjob.name == rayjob.manifest["metadata"]["name"] == "books-2026-11-27"
    assert rayjob.manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert len("b" * 36 + "-2026-11-27") == MAX_NAME_CHARS


def test_two_nights_never_overlap_by_kubernetes_own_word() -> None:
    spec = one("nightly", "CronJob")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["timeZone"] == "Etc/UTC"
    assert job_spec("nightly")["activeDeadlineSeconds"] < 24 * 3600


def test_the_example_in_the_readme_is_all_that_a_user_must_say(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.DOTALL)
    (tmp_path / "mine.yaml").write_text(example)
    done = helm("-f", "gpu.yaml", "-f", "nightly.yaml", "-f", str(tmp_path / "mine.yaml"))
    assert done.returncode == 0, done.stderr
    assert "example.com" not in done.stdout
    assert '"kueue.x-k8s.io/queue-name": "team"' in done.stdout


def test_no_secret_stands_in_the_values() -> None:
    for path in CHART.glob("*.yaml"):
        keys = {key for place in walk(yaml.safe_load(path.read_text())) for key in place}
        assert {key for key in keys if "password" in key.lower() or "accesskey" in key.lower()} == set()
