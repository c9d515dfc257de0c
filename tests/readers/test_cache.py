"""Ranges are fetched once, the folder stays within its limit, and processes do not trip over each other."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ObjectMissing, StoreError
from pipeline.readers.cache import CachedStore, shrink
from pipeline.readers.groups import open_version
from pipeline.readers.row_groups import TableSource
from pipeline.readers.share import Course, World
from pipeline.readers.stream import open_stream, read
from pipeline.store import FolderStore, S3Store
from tests.builds.memory_store import MemoryStore
from tests.readers.tables import write_version


class CountedStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.num_ranges = 0

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.num_ranges += 1
        return super().get_range(key, start, length)


def kept_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("??/*"))


def test_a_range_is_fetched_once(tmp_path: Path) -> None:
    store = CountedStore()
    store.put("key", bytes(range(100)))
    cached = CachedStore(store, folder=tmp_path, max_bytes=10_000)
    for _ in range(3):
        assert cached.get_range("key", 10, 5) == bytes(range(10, 15))
        assert cached.get_range("key", 10, 6) == bytes(range(10, 16))
    assert store.num_ranges == 2
    with pytest.raises(ObjectMissing):
        cached.get_range("other", 0, 1)


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    store = CountedStore()
    store.put("key", bytes(100_000))
    cached = CachedStore(store, folder=tmp_path, max_bytes=10_000)
    for start in range(200):
        cached.get_range("key", start * 100, 100)
        cached.get_range("key", 0, 100)
        assert kept_bytes(tmp_path) <= 10_500
    assert kept_bytes(tmp_path) > 9_000
    assert store.num_ranges == 200


def test_a_copy_of_a_cached_store_asks_a_copy_of_the_store(tmp_path: Path) -> None:
    """A loader worker that is forked must not share its parent's connection."""
    store = CountedStore()
    store.put("key", bytes(100))
    copy.copy(CachedStore(store, folder=tmp_path, max_bytes=10_000)).get_range("key", 0, 10)
    assert store.num_ranges == 0


def test_a_range_that_would_fill_the_cache_is_not_kept(tmp_path: Path) -> None:
    store = CountedStore()
    store.put("key", bytes(100_000))
    assert len(CachedStore(store, folder=tmp_path, max_bytes=10_000).get_range("key", 0, 5_000)) == 5_000
    assert kept_bytes(tmp_path) == 0


def test_processes_share_a_folder_and_its_limit(tmp_path: Path) -> None:
    """Three processes read the same 3 MB through a cache of 1 MB."""
    source = tmp_path / "source"
    FolderStore(root=source).put("key", bytes(range(256)) * 12_000)
    code = (
        "import sys, pathlib\n"
        "from pipeline.readers.cache import CachedStore\n"
        "from pipeline.store import FolderStore\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "cached = CachedStore(FolderStore(root=root / 'source'), folder=root / 'cache', max_bytes=1_000_000)\n"
        "for start in list(range(0, 3_000_000, 20_480)) * 2:\n"
        "    assert cached.get_range('key', start, 20_480) == (bytes(range(256)) * 80)[:3_072_000 - start]\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 3
    shrink(tmp_path / "cache", 1_000_000)
    assert 0 < kept_bytes(tmp_path / "cache") <= 1_000_000
    assert not list((tmp_path / "cache").glob("??/.part-*"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = CountedStore()
    store.put("key", b"0123456789")
    with pytest.raises(StoreError, match="choose another folder"):
        CachedStore(store, folder=tmp_path / "file", max_bytes=1_000).get_range("key", 0, 4)


@pytest.mark.s3
def test_a_bucket_is_read_like_a_folder_and_the_second_time_from_the_cache(
    s3_endpoint: str, s3_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = S3Store(bucket=s3_bucket, prefix="lake", endpoint_url=s3_endpoint, profile=None, region=None)
    groups = write_version(bucket, ([40, 13], [27]))
    assert open_version(bucket, "v1").files == groups.files
    cached = CachedStore(bucket, folder=tmp_path, max_bytes=100_000_000)
    stream = open_stream([TableSource(store=cached, groups=groups, columns=("id", "text"))], num_epochs=1)
    stream = pickle.loads(pickle.dumps(stream))
    first = list(read(stream, Course(end=stream.end), world=World(), rank=0, worker=0))
    assert sorted(int(str(sample["id"])) for sample in first) == list(range(80))
    monkeypatch.setattr(S3Store, "get_range", None)
    assert list(read(stream, Course(end=stream.end), world=World(), rank=0, worker=0)) == first
