"""A disk that is really full: a small filesystem in memory, mounted for the test."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.drills.corpus import draw_corpus
from jobs.drills.rehearsal import check, config_of, run_plainly, tables_of, undisturbed
from pipeline.errors import BuildIncomplete, StoreError
from pipeline.store import FolderStore
from tests.store.keys import keys


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)


def test_a_write_that_does_not_fit_is_a_clear_error_and_leaves_nothing(small_disk: Path) -> None:
    store = FolderStore(root=small_disk)
    assert store.put_once("a/fits", b"x" * 30_000, attempt_id="1")
    store.put("card", b"old")
    for write in (
        lambda: store.put_once("a/does not", b"x" * 60_000, attempt_id="2"),
        lambda: store.put("card", b"x" * 60_000),
    ):
        with pytest.raises(StoreError, match=r"cannot write .*: No space left on device; check the disk and the mount"):
            write()
    assert keys(store) == ["a/fits", "card"]
    assert store.get("card") == b"old"
    assert [name for _, _, names in os.walk(small_disk) for name in names if name.startswith(".put-")] == []
    enlarge(small_disk)
    assert store.put_once("a/does not", b"x" * 60_000, attempt_id="3")


def test_a_build_on_a_disk_that_fills_stops_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    store = FolderStore(root=small_disk)
    with pytest.raises((StoreError, BuildIncomplete), match="No space left on device"):
        run_plainly(store, config_of(1), draw_corpus())
    committed = {info.key: info.version for info in store.list("pages/")}
    assert len(committed) > 0
    enlarge(small_disk)
    run_plainly(store, config_of(1), draw_corpus())
    assert committed.items() <= {info.key: info.version for info in store.list("pages/")}.items()
    check(store, "shelf", None, undisturbed(1, None), tables_of(store))
