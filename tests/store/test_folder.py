"""What is particular to a folder, and addresses."""

import os
import threading
from pathlib import Path

import pytest

from pipeline.config import StoreConfig
from pipeline.errors import ConfigError, ObjectMissing, StoreError
from pipeline.interfaces import ObjectStore
from pipeline.store import open_store
from tests.store.keys import keys


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


@pytest.mark.parametrize(("uri", "trouble"), [("gs://b/x", "gs:// is not supported"), ("s3:///x", "names no bucket")])
def test_an_address_we_cannot_open_is_a_config_error(uri: str, trouble: str) -> None:
    with pytest.raises(ConfigError, match=trouble):
        open_store(StoreConfig(uri=uri))


def test_a_file_uri_is_a_folder(tmp_path: Path) -> None:
    assert open_store(StoreConfig(uri=f"file://{tmp_path}")).uri == str(tmp_path)
