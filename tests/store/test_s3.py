"""What is particular to a bucket: a real server, and one that gives scripted answers."""

import itertools
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from pipeline.config import StoreConfig
from pipeline.errors import StoreError, StoreUnsafe
from pipeline.interfaces import ObjectStore
from pipeline.store import open_store
from pipeline.store.s3 import S3Store
from pipeline.store.s3_connection import Patience
from tests.store.keys import keys


@pytest.mark.s3
def test_a_listing_goes_on_past_a_thousand_keys(s3_endpoint: str, s3_bucket: str) -> None:
    client = boto3.Session().client("s3", endpoint_url=s3_endpoint)
    wanted = [f"p/{number:05d}" for number in range(1010)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=s3_bucket, Key=key, Body=b""), wanted))
    store = open_store(StoreConfig(uri=f"s3://{s3_bucket}", endpoint_url=s3_endpoint))
    assert keys(store) == wanted
    assert list(itertools.islice((info.key for info in store.list("p/0")), 3)) == wanted[:3]


@pytest.mark.s3
def test_the_same_attempt_recognises_its_own_object(s3_endpoint: str, s3_bucket: str) -> None:
    store = open_store(StoreConfig(uri=f"s3://{s3_bucket}/x", endpoint_url=s3_endpoint))
    assert store.put_once("k", b"v", attempt_id="mine")
    assert store.put_once("k", b"v", attempt_id="mine")
    assert not store.put_once("k", b"v", attempt_id="other")


@pytest.mark.s3
def test_two_prefixes_of_a_bucket_do_not_see_each_other(s3_endpoint: str, s3_bucket: str) -> None:
    one, two = (open_store(StoreConfig(uri=f"s3://{s3_bucket}/{p}", endpoint_url=s3_endpoint)) for p in ("a", "ab/"))
    one.put("k", b"1")
    two.put("k", b"2")
    assert (keys(one), one.get("k"), two.get("k")) == (["k"], b"1", b"2")
    assert two.uri == f"s3://{s3_bucket}/ab"


@pytest.mark.s3
def test_a_missing_bucket_is_named(s3_endpoint: str) -> None:
    store = open_store(StoreConfig(uri="s3://no-such-bucket-here/x", endpoint_url=s3_endpoint))
    for ask in (store.probe, lambda: keys(store), lambda: store.get("k")):
        with pytest.raises(StoreError, match=r"s3://no-such-bucket-here/.*the bucket does not exist; create it"):
            ask()


def test_a_store_without_credentials_says_how_to_give_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = open_store(StoreConfig(uri="s3://bucket/x", endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(StoreError, match="no usable credentials; set `profile`"):
        store.get("k")
    with pytest.raises(StoreError, match=r"profile.*check `profile`"):
        open_store(StoreConfig(uri="s3://bucket/x", profile="nobody")).get("k")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHETEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecretvalue")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("credentials")
def test_an_endpoint_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = impatient_store(f"http://user:hunter2@127.0.0.1:{port}")
    with pytest.raises(StoreError, match=rf"no answer from http://127.0.0.1:{port} .*check `endpoint_url`") as caught:
        store.get("k")
    assert "hunter2" not in str(caught.value)


def impatient_store(endpoint_url: str) -> ObjectStore:
    patience = Patience(num_request_tries=1, conflict_waits_s=(0.01, 0.01))
    return S3Store(bucket="bucket", prefix="x", endpoint_url=endpoint_url, profile=None, region=None, patience=patience)


@pytest.mark.usefixtures("credentials")
def test_what_the_store_says_of_itself_is_told_without_a_credential() -> None:
    body = b"<Error><Code>Odd</Code><Message>see http://u:hunter2@h/ or /k?X-Amz-Signature=hunter2</Message></Error>"
    with Answers((400, {"Content-Type": "application/xml"}, body)) as server, pytest.raises(StoreError) as caught:
        server.store().get("k")
    assert "see http://***@h/ or /k?X-Amz-Signature=***" in str(caught.value)


class Answers:
    """A server that gives scripted (status, headers, body) answers, the last one for ever."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.asked: list[str] = []
        script = iter(answers)
        last = answers[-1]
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append(self.command)
                status, headers, body = next(script, last)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET" or status >= 400:
                    self.wfile.write(body)
                self.close_connection = True

            do_GET = do_PUT = do_HEAD = do_DELETE = _answer

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def store(self) -> ObjectStore:
        return impatient_store(f"http://127.0.0.1:{self.server.server_port}")

    def __enter__(self) -> "Answers":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def xml_error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@pytest.mark.usefixtures("credentials")
def test_a_conflict_is_tried_again() -> None:
    with Answers(xml_error(409, "ConditionalRequestConflict"), (200, {"ETag": '"e"'}, b"")) as server:
        assert server.store().put_once("k", b"v", attempt_id="a")
        assert server.asked == ["PUT", "PUT"]
    with Answers(xml_error(409, "ConditionalRequestConflict")) as server:
        with pytest.raises(StoreError, match="other writers kept the key busy"):
            server.store().put_once("k", b"v", attempt_id="a")
        assert len(server.asked) == 3


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(("attempt_there", "mine"), [("a", True), ("b", False)])
def test_a_refusal_after_a_lost_reply_is_looked_into(attempt_there: str, mine: bool) -> None:
    there = (200, {"ETag": '"e"', "X-Amz-Meta-Attempt": attempt_there, "Content-Length": "1"}, b"v")
    with Answers(xml_error(412, "PreconditionFailed"), there) as server:
        assert server.store().put_once("k", b"v", attempt_id="a") is mine
        assert server.asked == ["PUT", "HEAD"]


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AccessDenied", "access denied; the credential needs"),
        (403, "InvalidAccessKeyId", "the credential was refused"),
        (403, "SignatureDoesNotMatch", "the credential was refused"),
        (400, "ExpiredToken", "the credential was refused"),
        (400, "AuthorizationHeaderMalformed", "another region"),
        (404, "NoSuchBucket", "the bucket does not exist"),
        (400, "SomethingNew", "the store refused GetObject"),
    ],
)
def test_every_refusal_is_one_line_of_advice_without_the_secret(status: int, code: str, advice: str) -> None:
    with Answers(xml_error(status, code)) as server, pytest.raises(StoreError, match=advice) as caught:
        server.store().get("k")
    assert "\n" not in str(caught.value)
    assert "verysecretvalue" not in str(caught.value)


@pytest.mark.usefixtures("credentials")
def test_a_body_that_breaks_off_is_fetched_again() -> None:
    with Answers((200, {"Content-Length": "10"}, b"half"), (200, {}, b"whole")) as server:
        assert server.store().get("k") == b"whole"
        assert server.asked == ["GET", "GET"]


@pytest.mark.usefixtures("credentials")
def test_a_store_that_ignores_conditions_is_refused() -> None:
    with Answers((200, {"ETag": '"e"'}, b"second")) as server, pytest.raises(StoreUnsafe, match="single_writer"):
        server.store().probe()
    with Answers(xml_error(501, "NotImplemented")) as server, pytest.raises(StoreUnsafe, match="ignores conditional writes"):
        server.store().probe()
