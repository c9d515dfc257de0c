"""The job that makes tonight's RayJob, against an HTTPS server that answers as Kubernetes does."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobs import dated_rayjob
from jobs.dated_rayjob import ApiServer, api_server, create, dated
from pipeline.errors import BuildError, ConfigError

TEMPLATE = {
    "apiVersion": "ray.io/v1",
    "kind": "RayJob",
    "metadata": {"name": "books", "labels": {"a": "b"}},
    "spec": {"entrypoint": "pagemill nightly /etc/pagemill/pagemill.yaml", "backoffLimit": 2},
}
NIGHT = date(2026, 11, 27)
TOKEN = "the-service-account"


@dataclass(kw_only=True)
class Kubernetes:
    """Makes a name once, asks for the token, and keeps what it was sent."""

    url: str = ""
    folder: Path
    made: dict[str, dict] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def answer(self, path: str, token: str | None, body: dict) -> tuple[int, dict]:
        self.paths.append(path)
        if token != f"Bearer {TOKEN}":
            return 403, {"kind": "Status", "message": "rayjobs.ray.io is forbidden"}
        name = body["metadata"]["name"]
        if name in self.made:
            return 409, {"kind": "Status", "reason": "AlreadyExists", "message": f'rayjobs.ray.io "{name}" already exists'}
        self.made[name] = body
        return 201, body


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[Kubernetes]:
    state = Kubernetes(folder=tmp_path)
    key = sign_for_localhost(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = state.answer(self.path, self.headers["Authorization"], body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.crt", key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"https://127.0.0.1:{server.server_address[1]}"
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "namespace").write_text("pagemill")
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def sign_for_localhost(folder: Path) -> Path:
    """A certificate for 127.0.0.1 as `ca.crt`; returns its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    path = folder / "server.key"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return path


def server_of(kubernetes: Kubernetes) -> ApiServer:
    host, _, port = kubernetes.url.removeprefix("https://").partition(":")
    return api_server({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, kubernetes.folder)


def test_a_rayjob_is_named_after_its_night_and_told_the_date() -> None:
    rayjob = dated(TEMPLATE, NIGHT)
    assert rayjob.name == "books-2026-11-27"
    assert rayjob.manifest["metadata"] == {"name": "books-2026-11-27", "labels": {"a": "b"}}
    assert rayjob.manifest["spec"] == {
        "entrypoint": "pagemill nightly /etc/pagemill/pagemill.yaml --date 2026-11-27",
        "backoffLimit": 2,
    }


def test_a_second_rayjob_of_a_night_is_refused_by_the_server_and_that_is_no_error(kubernetes: Kubernetes) -> None:
    assert create(dated(TEMPLATE, NIGHT), server_of(kubernetes))
    assert not create(dated(TEMPLATE, NIGHT), server_of(kubernetes))
    assert list(kubernetes.made) == ["books-2026-11-27"]
    assert set(kubernetes.paths) == {"/apis/ray.io/v1/namespaces/pagemill/rayjobs"}


def test_two_nights_are_two_rayjobs(kubernetes: Kubernetes) -> None:
    for night in (NIGHT, NIGHT + timedelta(days=1)):
        create(dated(TEMPLATE, night), server_of(kubernetes))
    assert list(kubernetes.made) == ["books-2026-11-27", "books-2026-11-28"]


def test_a_refusal_says_what_the_server_said(kubernetes: Kubernetes) -> None:
    with pytest.raises(BuildError, match=r"books-2026-11-27 .* refused \(403: rayjobs.ray.io is forbidden\)"):
        create(dated(TEMPLATE, NIGHT), replace(server_of(kubernetes), token="another"))


def test_a_server_whose_certificate_is_another_gets_no_token(kubernetes: Kubernetes, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sign_for_localhost(elsewhere)
    with pytest.raises(BuildError, match="does not answer"):
        create(dated(TEMPLATE, NIGHT), replace(server_of(kubernetes), certificate=elsewhere / "ca.crt"))
    assert kubernetes.paths == []


def test_outside_a_pod_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no pod with a service account"):
        api_server({}, tmp_path)


def test_a_name_that_kuberay_would_refuse_is_refused_before(kubernetes: Kubernetes) -> None:
    with pytest.raises(ConfigError, match="48 characters"):
        dated({**TEMPLATE, "metadata": {"name": "b" * 37}}, NIGHT)


@pytest.mark.parametrize("text", ["{}", "not json", '{"kind": "Job"}'])
def test_a_template_that_is_no_rayjob_ends_with_wrong_use(text: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "rayjob.json").write_text(text)
    assert dated_rayjob.main([str(tmp_path / "rayjob.json")]) == 2
    assert "rayjob.json" in capsys.readouterr().err


def test_the_command_makes_tonights_rayjob(kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host, _, port = kubernetes.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setattr(dated_rayjob, "SERVICE_ACCOUNT", tmp_path)
    (tmp_path / "rayjob.json").write_text(json.dumps(TEMPLATE))
    assert dated_rayjob.main([str(tmp_path / "rayjob.json")]) == 0
    assert list(kubernetes.made) == [f"books-{datetime.now(UTC).date()}"]
