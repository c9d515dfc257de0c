"""A driver obeys who asks it to stop after it began, and nobody else."""

import pytest

from pipeline.builds import layout, stop
from pipeline.builds.stop import StopWatch, ask_to_stop
from pipeline.errors import BuildStopped, StoreError
from tests.builds.memory_store import MemoryStore


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "POLL_S", 0.0)


def test_a_driver_that_is_asked_says_by_whom(store: MemoryStore) -> None:
    watch = StopWatch(store, "main")
    watch.check()
    ask_to_stop(store, "main", who="ada@engine")
    assert watch.is_asked()
    with pytest.raises(BuildStopped, match=r"stopped as ada@engine asked at .* the same command goes on from there"):
        watch.check()


def test_the_resumed_build_does_not_obey_what_stopped_the_first(store: MemoryStore) -> None:
    ask_to_stop(store, "main", who="ada@engine")
    resumed = StopWatch(store, "main")
    assert not resumed.is_asked()
    ask_to_stop(store, "main", who="ada@engine")
    assert resumed.is_asked()


def test_every_driver_of_the_build_obeys_and_no_other(store: MemoryStore) -> None:
    first, second, other = (StopWatch(store, build_id) for build_id in ("main", "main", "other"))
    ask_to_stop(store, "main", who="ada@engine")
    assert (first.is_asked(), second.is_asked(), other.is_asked()) == (True, True, False)


def test_a_store_that_does_not_answer_asks_nobody_to_stop(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = StopWatch(store, "main")
    with monkeypatch.context() as trouble:
        trouble.setattr(store, "head", _unanswered)
        assert not watch.is_asked()
    ask_to_stop(store, "main", who="ada@engine")
    assert watch.is_asked()


def test_an_object_that_was_put_by_hand_asks_too(store: MemoryStore) -> None:
    watch = StopWatch(store, "main")
    store.put(layout.stop_key("main"), b"")
    with pytest.raises(BuildStopped, match=r"stopped as _builds/main/stop.json asks"):
        watch.check()


def test_the_store_is_not_asked_more_often_than_it_costs(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "POLL_S", 3600.0)
    watch = StopWatch(store, "main")
    monkeypatch.setattr(store, "head", _unexpected)
    assert [watch.is_asked() for _ in range(3)] == [False, False, False]


def _unanswered(key: str) -> None:
    raise StoreError("the store does not answer")


def _unexpected(key: str) -> None:
    raise AssertionError("the store was asked")
