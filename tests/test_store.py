"""One contract for both stores, then what is particular to a folder and to a bucket."""

import itertools
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from pipeline.config import StoreConfig
from pipeline.errors import ConfigError, ObjectMissing, StoreError, StoreUnsafe
from pipeline.interfaces import ObjectStore
from pipeline.store import open_store

# ---- the contract -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_store(StoreConfig(uri=str(tmp_path / "root")))
    bucket = request.getfixturevalue("s3_bucket")
    endpoint_url = request.getfixturevalue("s3_endpoint")
    return open_store(StoreConfig(uri=f"s3://{bucket}/some/prefix", endpoint_url=endpoint_url))


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_an_object_is_put_once_and_the_second_writer_is_told(store: ObjectStore) -> None:
    assert store.put_once("a/b.bin", b"first", attempt_id="one")
    assert not store.put_once("a/b.bin", b"second", attempt_id="two")
    assert store.get("a/b.bin") == b"first"
    assert keys(store) == ["a/b.bin"]


def test_of_twelve_racing_writers_exactly_one_wins(store: ObjectStore) -> None:
    for round_ in range(4):
        barrier = threading.Barrier(12)

        def write(writer: int, key: str = f"race/{round_}", barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            return store.put_once(key, f"writer {writer}".encode(), attempt_id=str(writer))

        with ThreadPoolExecutor(12) as pool:
            won = list(pool.map(write, range(12)))
        assert sum(won) == 1
        assert store.get(f"race/{round_}") == f"writer {won.index(True)}".encode()
    assert len(keys(store)) == 4


def test_put_replaces_and_delete_removes_and_forgives(store: ObjectStore) -> None:
    store.put("card", b"old")
    store.put("card", b"new")
    assert store.get("card") == b"new"
    store.delete("card")
    store.delete("card")
    assert keys(store) == []


def test_a_range_is_cut_at_the_end_of_the_object(store: ObjectStore) -> None:
    store.put("digits", b"0123456789")
    assert store.get_range("digits", 2, 3) == b"234"
    assert store.get_range("digits", 8, 100) == b"89"
    assert store.get_range("digits", 10, 5) == b""
    assert store.get_range("digits", 99, 5) == b""
    assert store.get_range("digits", 3, 0) == b""
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert store.get_range("empty", 0, 5) == b""


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.get("nothing/here"),
        lambda store: store.head("nothing/here"),
        lambda store: store.get_range("nothing/here", 0, 4),
        lambda store: store.get_range("nothing/here", 0, 0),
        lambda store: store.head("nothing"),
    ],
)
def test_what_is_not_there_is_missing(store: ObjectStore, ask: Callable[[ObjectStore], object]) -> None:
    store.put("something", b"x")
    with pytest.raises(ObjectMissing, match="nothing"):
        ask(store)


def test_head_tells_size_version_and_utc_time(store: ObjectStore) -> None:
    store.put("k", b"12345")
    first = store.head("k")
    assert (first.key, first.size_bytes) == ("k", 5)
    assert first.modified_at.utcoffset() is not None
    assert next(iter(store.list())) == first
    time.sleep(0.02)  # file times advance in steps of up to 4 ms, ETags by content
    store.put("k", b"54321")
    assert store.head("k").version != first.version


def test_a_listing_is_in_key_order_whatever_separates_the_steps(store: ObjectStore) -> None:
    wanted = sorted(["a", "a-b", "a.b/c", "a/b", "a0", "b/a/a", "b/a.txt", "b/a0", "é", "書/頁.pdf", "_builds/x", ".hidden"])
    for key in reversed([k for k in wanted if k != "a"]):
        store.put(key, b"x")
    assert keys(store) == [k for k in wanted if k != "a"]


def test_a_prefix_is_a_string_not_a_folder(store: ObjectStore) -> None:
    for key in ["pages/a1", "pages/a2", "pages/b", "pages2/a"]:
        store.put(key, b"x")
    assert keys(store, "pages/a") == ["pages/a1", "pages/a2"]
    assert keys(store, "pages") == ["pages/a1", "pages/a2", "pages/b", "pages2/a"]
    assert keys(store, "pages/") == ["pages/a1", "pages/a2", "pages/b"]
    assert keys(store, "absent/") == []
    assert keys(store, "pages/b/") == []


def test_names_of_any_script_with_blanks_and_signs_come_back(store: ObjectStore) -> None:
    for key in ["Überblick/año 2024.pdf", "書物/第一頁.pdf", "a b+c%20d&e=f?.pdf", "tab\there", "100% done #1.pdf", "café%E9"]:
        store.put(key, key.encode())
        assert store.get(key) == key.encode()
        assert key in keys(store)


def test_a_store_travels_to_another_process(store: ObjectStore) -> None:
    store.put("k", b"v")
    there: ObjectStore = pickle.loads(pickle.dumps(store))
    assert there.get("k") == b"v"
    assert there.uri == store.uri


def test_a_good_store_passes_the_probe_and_keeps_nothing_of_it(store: ObjectStore) -> None:
    store.probe()
    assert keys(store) == []


# ---- a folder -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> ObjectStore:
    return open_store(StoreConfig(uri=str(tmp_path)))


def test_a_listing_of_a_folder_never_shows_unfinished_writes(folder: ObjectStore, tmp_path: Path) -> None:
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.update(keys(folder))

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(40):
        folder.put_once(f"k{number:02d}", b"x" * 100_000, attempt_id="a")
    done.set()
    watcher.join()
    assert all(key.startswith("k") for key in seen)
    assert sorted(os.listdir(tmp_path)) == [f"k{number:02d}" for number in range(40)]


def test_a_key_cannot_leave_the_folder(folder: ObjectStore) -> None:
    for key in ["../outside", "a/../../outside", "/etc/passwd", "", "a//b", "."]:
        with pytest.raises(StoreError, match="not a key"):
            folder.get(key)


def test_links_are_followed_but_not_in_circles(folder: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"x")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "twin").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert keys(folder) == ["real/a", "twin/a"]


def test_a_name_that_is_not_utf8_is_listed_and_found(folder: ObjectStore, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/d\xe9j\xe0"
    os.mkdir(odd)
    with open(odd + b"/50% \xfc.pdf", "wb") as stream:
        stream.write(b"x")
    with open(odd + b"/50%20.pdf", "wb") as stream:
        stream.write(b"y")
    assert keys(folder) == ["d%E9j%E0/50%20.pdf", "d%E9j%E0/50%25 %FC.pdf"]
    assert [folder.get(key) for key in keys(folder)] == [b"y", b"x"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_an_error_not_an_empty_one(folder: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(StoreError, match=r"may not list .*locked: permission denied"):
        keys(folder)


def test_a_folder_in_the_way_of_an_object_is_told(folder: ObjectStore) -> None:
    folder.put("a/b", b"x")
    with pytest.raises(StoreError, match="in each other's way"):
        folder.put("a/b/c", b"x")
    with pytest.raises(ObjectMissing):
        folder.get("a")


def test_a_listing_of_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match="absent does not exist"):
        keys(open_store(StoreConfig(uri=str(tmp_path / "absent"))))


# ---- a bucket -----------------------------------------------------------------------------------------------------------


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
def test_an_endpoint_that_does_not_answer_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.store.s3.NUM_REQUEST_TRIES", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = open_store(StoreConfig(uri="s3://bucket/x", endpoint_url=f"http://user:hunter2@127.0.0.1:{port}"))
    with pytest.raises(StoreError, match=rf"no answer from http://127.0.0.1:{port} .*check `endpoint_url`") as caught:
        store.get("k")
    assert "hunter2" not in str(caught.value)


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
        return open_store(StoreConfig(uri="s3://bucket/x", endpoint_url=f"http://127.0.0.1:{self.server.server_port}"))

    def __enter__(self) -> "Answers":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def xml_error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@pytest.mark.usefixtures("credentials")
def test_a_conflict_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.store.s3.CONFLICT_WAITS_S", (0.01, 0.01))
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


# ---- addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("uri", "trouble"), [("gs://b/x", "gs:// is not supported"), ("s3:///x", "names no bucket")])
def test_an_address_we_cannot_open_is_a_config_error(uri: str, trouble: str) -> None:
    with pytest.raises(ConfigError, match=trouble):
        open_store(StoreConfig(uri=uri))


def test_a_file_uri_is_a_folder(tmp_path: Path) -> None:
    assert open_store(StoreConfig(uri=f"file://{tmp_path}")).uri == str(tmp_path)
