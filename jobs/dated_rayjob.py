"""`python -m jobs.dated_rayjob TEMPLATE`: makes tonight's RayJob, from inside a pod of Kubernetes. The CronJob of infra/kuberay
runs it.

In: a RayJob as JSON whose entrypoint is a `pagemill nightly` without a date, and what Kubernetes lays into every pod: the API
server's address, its certificate, the service account's token and namespace. Out: a RayJob named after the night, which is told
its date, so that a driver begun again after midnight still does this night. The name is the guard: the API server makes it
once, and a second try finds it there, which is no error. Knows nothing of Ray. Costs one request; the standard library is
enough for that, a client of Kubernetes would be 100 times this file.
"""

import argparse
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from jobs.command_line import DONE, end_process, run_command
from pipeline.builds.nights import parse_night
from pipeline.errors import BuildError, ConfigError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where every pod finds its service account (Kubernetes documentation, "Accessing the Kubernetes API from a Pod")."""
MAX_NAME_CHARS = 47
"""KubeRay refuses a RayJob with a longer name: it puts its own letters behind it and Kubernetes stops at 63."""
TIMEOUT_S = 30.0
CONFLICT = 409
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RayJob:
    """What is made, and what it is called."""

    name: str
    manifest: Mapping[str, Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiServer:
    """Where RayJobs of this namespace are made, and as whom."""

    url: str
    """https://host:port"""
    namespace: str
    token: str
    certificate: Path
    """PEM of the authority that signs for the server."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.dated_rayjob",
        description="Make the RayJob of a night, once, from inside a pod.",
        epilog="example:\n  python -m jobs.dated_rayjob /etc/pagemill/rayjob.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("template", type=Path, help="the RayJob as JSON, named and told what to run, but for the date")
    parser.add_argument("--date", metavar="DATE", help="the night, as 2026-11-22; today in UTC without it")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    night = parse_night(arguments.date or datetime.now(UTC).date().isoformat())
    rayjob = dated(read_template(arguments.template), night)
    is_new = create(rayjob, api_server(os.environ, SERVICE_ACCOUNT))
    print(f"night {night}: RayJob {rayjob.name} {'made' if is_new else 'is there already, nothing to do'}")
    return DONE


def read_template(path: Path) -> dict[str, Json]:
    """Raises ConfigError for what is no RayJob."""
    try:
        template = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON ({error}); the chart's ConfigMap ...-rayjob holds one") from error
    if not isinstance(template, dict) or template.get("kind") != "RayJob":
        raise ConfigError(f"{path} is not a RayJob; the chart's ConfigMap ...-rayjob holds one")
    return template


def dated(template: Mapping[str, Json], night: date) -> RayJob:
    """The RayJob of one night: `books` that runs `pagemill nightly x.yaml` on 2026-11-27 is `books-2026-11-27` that runs
    `pagemill nightly x.yaml --date 2026-11-27`. Raises ConfigError."""
    metadata, spec = template.get("metadata"), template.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec, dict) or "entrypoint" not in spec or "name" not in metadata:
        raise ConfigError("the template lacks metadata.name or spec.entrypoint; give a whole RayJob")
    name = f"{metadata['name']}-{night}"
    if len(name) > MAX_NAME_CHARS:
        raise ConfigError(f"{name!r} has {len(name)} characters, and KubeRay takes {MAX_NAME_CHARS}; choose a shorter name")
    named = {**metadata, "name": name}
    told = {**spec, "entrypoint": f"{spec['entrypoint']} --date {night}"}
    return RayJob(name=name, manifest={**template, "metadata": named, "spec": told})


def api_server(environment: Mapping[str, str], service_account: Path) -> ApiServer:
    """What Kubernetes tells a pod. Raises ConfigError outside of one."""
    try:
        host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
        namespace = (service_account / "namespace").read_text(encoding="ascii")
        token = (service_account / "token").read_text(encoding="ascii")
    except (KeyError, OSError) as error:
        raise ConfigError(
            f"this is no pod with a service account ({error}); elsewhere use kubectl create -f, or pagemill nightly itself"
        ) from error
    address = f"[{host}]" if ":" in host else host
    return ApiServer(
        url=f"https://{address}:{port}", namespace=namespace, token=token.strip(), certificate=service_account / "ca.crt"
    )


def create(rayjob: RayJob, server: ApiServer) -> bool:
    """False when there is one of this name. Raises BuildError when the server refuses or does not answer."""
    request = urllib.request.Request(
        f"{server.url}/apis/ray.io/v1/namespaces/{server.namespace}/rayjobs",
        data=json.dumps(rayjob.manifest).encode(),
        headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"},
        method="POST",
    )
    where = f"RayJob {rayjob.name} in namespace {server.namespace}"
    try:
        trust = ssl.create_default_context(cafile=str(server.certificate))
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=trust):
            return True
    except urllib.error.HTTPError as error:
        with error:
            if error.code == CONFLICT:
                return False
            raise BuildError(f"{where} was refused ({error.code}: {_said(error)}); see `kubectl describe role`") from error
    except OSError as error:
        raise BuildError(f"{where}: {server.url} does not answer ({error}); the CronJob tries again") from error


def _said(error: urllib.error.HTTPError) -> str:
    """The message in a Status of Kubernetes, or the beginning of what else was said."""
    body = error.read().decode("utf-8", "replace")
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return " ".join(body.split())[:300]


if __name__ == "__main__":
    end_process(main())
