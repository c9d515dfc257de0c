"""One driver at a time, whatever becomes of it: real processes, killed and stopped."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.builds import layout
from pipeline.builds.lease import Lease, find_lease, hold_lease
from pipeline.config import StoreConfig
from pipeline.errors import LeaseHeld, LeaseLost, StoreError
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.store import open_store
from tests.builds.memory_store import MemoryStore
from tests.conftest import ROOT

TTL_S = 2.0
"""Taken over after 3 s, renewed every 0.5 s: a loaded machine does not lose it by accident."""
PATIENCE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> ObjectStore:
    return open_store(StoreConfig(uri=str(tmp_path)))


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease of the folder."""
    argv = [sys.executable, "-m", "tests.builds.lease_holder", str(tmp_path), "first", str(TTL_S)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert heard(process) == "held 1"
        yield process
        process.send_signal(signal.SIGCONT)
        process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_for_renewals(store: ObjectStore, num_renewals: int) -> None:
    """So many more than there were."""
    deadline_s = time.monotonic() + PATIENCE_S
    before = num_renewals_of(store)
    while num_renewals_of(store) < before + num_renewals:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def num_renewals_of(store: ObjectStore) -> int:
    found = find_lease(store)
    return found[1].num_renewals if found else 0


def take_when_free(store: ObjectStore, stack: ExitStack) -> tuple[Lease, int]:
    """The lease, and how often it was refused before."""
    deadline_s = time.monotonic() + PATIENCE_S
    for num_refused in range(10**6):
        try:
            return stack.enter_context(hold_lease(store, owner="second", ttl_s=PATIENCE_S)), num_refused
        except LeaseHeld:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    raise AssertionError


def test_of_two_drivers_one_works_and_the_other_leaves_at_once(folder: ObjectStore, holder: subprocess.Popen[str]) -> None:
    wait_for_renewals(folder, 2)
    told = r"another driver, first, is at work on .*: it was heard of \d+ s ago"
    with pytest.raises(LeaseHeld, match=told), hold_lease(folder, owner="second", ttl_s=TTL_S):
        pass
    assert holder.poll() is None


def test_a_killed_driver_leaves_no_lock_behind_and_the_next_one_has_a_higher_fence(
    folder: ObjectStore, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    with ExitStack() as stack:
        taken, num_refused = take_when_free(folder, stack)
        assert taken.fence == 2
        assert num_refused > 0


def test_a_driver_that_was_stopped_for_too_long_finds_the_work_taken_over_and_stops(
    folder: ObjectStore, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGSTOP)
    with ExitStack() as stack:
        taken, _ = take_when_free(folder, stack)
        holder.send_signal(signal.SIGCONT)
        assert heard(holder) == "lost second has taken the lease over; this driver stops, what it has committed stays"
        holder.wait(timeout=PATIENCE_S)
        taken.check()
        found = find_lease(folder)
        assert found is not None
        assert (found[1].owner, found[1].fence) == ("second", 2)


def test_a_driver_that_was_stopped_and_not_replaced_goes_on(folder: ObjectStore, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGSTOP)
    time.sleep(2 * TTL_S)
    holder.send_signal(signal.SIGCONT)
    wait_for_renewals(folder, 1)
    assert holder.poll() is None
    with pytest.raises(LeaseHeld), hold_lease(folder, owner="second", ttl_s=TTL_S):
        pass


def test_a_lease_that_was_given_back_is_free_at_once_and_its_fences_only_rise() -> None:
    store = MemoryStore()
    for fence in (1, 2, 3):
        with hold_lease(store, owner="driver", ttl_s=PATIENCE_S) as held:
            assert held.fence == fence
    assert [key for key in store.objects if key.startswith("_builds/_clock")] == []


def test_of_many_that_begin_at_once_one_gets_the_lease() -> None:
    store, won = MemoryStore(), list[int]()
    start, end = threading.Barrier(8), threading.Barrier(8)

    def begin(number: int) -> None:
        with ExitStack() as stack:
            start.wait()
            try:
                stack.enter_context(hold_lease(store, owner=str(number), ttl_s=PATIENCE_S))
                won.append(number)
            except LeaseHeld:
                pass
            end.wait()

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


class OddClockStore(MemoryStore):
    """Its clock has nothing to do with this machine's; the lease is `silent_s` old by it."""

    silent_s = 0.0

    def head(self, key: str) -> ObjectInfo:
        info = super().head(key)
        late = timedelta(days=9000, seconds=self.silent_s if key.startswith("_builds/_clock") else 0.0)
        return ObjectInfo(
            key=key, size_bytes=info.size_bytes, version=info.version, modified_at=info.modified_at - late + 2 * late
        )


@pytest.mark.parametrize(("silent_s", "is_free"), [(0.0, False), (60.0, False), (61.5, True), (9e6, True)])
def test_how_old_a_lease_is_is_asked_of_the_store_alone(silent_s: float, is_free: bool) -> None:
    store = OddClockStore()
    store.silent_s = silent_s
    with hold_lease(store, owner="first", ttl_s=60.0):
        if is_free:
            with hold_lease(store, owner="second", ttl_s=60.0) as held:
                assert held.fence == 2
        else:
            with pytest.raises(LeaseHeld), hold_lease(store, owner="second", ttl_s=60.0):
                pass


def work(held: Lease) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        held.check()
        time.sleep(0.02)


class DeafStore(MemoryStore):
    is_deaf = False

    def head(self, key: str) -> ObjectInfo:
        if self.is_deaf:
            raise StoreError("the network is down")
        return super().head(key)


def test_a_driver_that_cannot_renew_its_lease_stops_when_it_has_run_out() -> None:
    store = DeafStore()
    with hold_lease(store, owner="first", ttl_s=0.5) as held:
        store.is_deaf = True
        held.check()
        with pytest.raises(LeaseLost, match=r"could not be renewed for 0\.5 s \(the network is down\)"):
            work(held)
        store.is_deaf = False


def test_a_lease_that_is_deleted_under_its_holder_is_lost() -> None:
    store = MemoryStore()
    with hold_lease(store, owner="first", ttl_s=0.2) as held:
        store.delete(layout.LEASE_KEY)
        time.sleep(0.5)
        with pytest.raises(LeaseLost, match="the lease is gone"):
            held.check()


@pytest.mark.s3
def test_a_lease_in_a_bucket_is_held_given_back_and_taken_over(s3_endpoint: str, s3_bucket: str) -> None:
    store = open_store(StoreConfig(uri=f"s3://{s3_bucket}/dataset", endpoint_url=s3_endpoint))
    with hold_lease(store, owner="first", ttl_s=0.4) as first:
        with pytest.raises(LeaseHeld), hold_lease(store, owner="second", ttl_s=0.4):
            pass
        first._is_over.set()
        first._thread.join()
        with ExitStack() as stack:
            taken, _ = take_when_free(store, stack)
            assert taken.fence == 2
            with pytest.raises(LeaseLost, match="second has taken the lease over"):
                first.check()
