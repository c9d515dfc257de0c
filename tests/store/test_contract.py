"""One contract for both stores."""

import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.config import StoreConfig
from pipeline.errors import ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.store import open_store
from tests.store.keys import keys


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_store(StoreConfig(uri=str(tmp_path / "root")))
    bucket = request.getfixturevalue("s3_bucket")
    endpoint_url = request.getfixturevalue("s3_endpoint")
    return open_store(StoreConfig(uri=f"s3://{bucket}/some/prefix", endpoint_url=endpoint_url))


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


def test_an_object_is_replaced_only_by_a_writer_who_has_seen_it(store: ObjectStore) -> None:
    assert not store.replace("pointer", b"x", version="none", attempt_id="zero")
    assert keys(store) == []
    store.put("pointer", b"first")
    seen = store.head("pointer").version
    assert store.replace("pointer", b"second", version=seen, attempt_id="one")
    assert not store.replace("pointer", b"third", version=seen, attempt_id="two")
    assert store.get("pointer") == b"second"
    assert store.replace("pointer", b"third", version=store.head("pointer").version, attempt_id="two")
    assert keys(store) == ["pointer"]


def test_of_twelve_racing_replacers_exactly_one_wins_each_round(store: ObjectStore) -> None:
    store.put("pointer", b"none")
    for _ in range(4):
        version, barrier = store.head("pointer").version, threading.Barrier(12)

        def write(writer: int, version: str = version, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            return store.replace(
                "pointer", f"{writer} after {version}".encode(), version=version, attempt_id=f"{writer}{version}"
            )

        with ThreadPoolExecutor(12) as pool:
            won = list(pool.map(write, range(12)))
        assert sum(won) == 1
        assert store.get("pointer") == f"{won.index(True)} after {version}".encode()


def test_a_copy_holds_the_same_bytes_and_outlives_its_source(store: ObjectStore) -> None:
    store.put("a/ü b.bin", b"bytes")
    for _ in range(2):
        store.copy("a/ü b.bin", "c/d.bin")
    assert keys(store) == ["a/ü b.bin", "c/d.bin"]
    store.put("a/ü b.bin", b"changed")
    store.delete("a/ü b.bin")
    assert store.get("c/d.bin") == b"bytes"
    with pytest.raises(ObjectMissing):
        store.copy("nothing", "e")
