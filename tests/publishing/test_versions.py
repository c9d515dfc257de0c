"""Versions: named, claimed, gated, and one of them the latest, whoever publishes when."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.builds import layout
from pipeline.config import StoreConfig
from pipeline.errors import BuildError, GateBroken, Overtaken
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import Candidate, GateReading, decode_refusal
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import VersionManifest, list_versions, read_latest, read_version
from pipeline.store import open_store
from tests.builds.factory import CORPUS, config, finished_build, publish
from tests.builds.memory_store import MemoryStore

STRICT = {"rules": {"documents": {"min_words": 100}}}
STRICTER = {"rules": {"documents": {"min_words": 200}}}


def latest_id(store: ObjectStore) -> str:
    latest = read_latest(store)
    assert latest is not None
    return latest.version_id


class InterruptedStore(MemoryStore):
    """Something else happens just before the first write to a key that begins so."""

    def __init__(self, prefix: str, happens: Callable[[], object]) -> None:
        super().__init__()
        self._prefix, self._happens = prefix, happens
        self._is_armed = True

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        self._meet(key)
        return super().put_once(key, data, attempt_id=attempt_id)

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        self._meet(key)
        return super().replace(key, data, version=version, attempt_id=attempt_id)

    def _meet(self, key: str) -> None:
        if self._is_armed and key.startswith(self._prefix):
            self._is_armed = False
            self._happens()


def test_the_first_version_of_a_build_is_called_after_it_and_later_ones_are_numbered(store: MemoryStore) -> None:
    finished_build(store)
    names = [publish(store, config(**rules)).version_id for rules in ({}, STRICT, STRICTER)]
    assert names == ["main", "main.1", "main.2"]
    assert [(each.version_id, each.parent_id, each.generation) for each in list_versions(store)] == [
        ("main", None, 0),
        ("main.1", "main", 1),
        ("main.2", "main.1", 2),
    ]
    assert latest_id(store) == "main.2"


def test_publishing_what_has_been_published_changes_nothing_even_below_later_versions(store: MemoryStore) -> None:
    """A nightly command that is run again must not undo a rejudge."""
    finished_build(store)
    first = publish(store, config())
    publish(store, config(**STRICT))
    before = dict(store.objects)
    assert publish(store, config()) == first
    assert store.objects == before


def test_a_version_with_a_name_of_its_own_goes_back_to_earlier_rules(store: MemoryStore) -> None:
    finished_build(store)
    first = publish(store, config())
    publish(store, config(**STRICT))
    back = publish(store, config(), name="as-before")
    assert (back.version_id, back.parent_id, latest_id(store)) == ("as-before", "main.1", "as-before")
    assert [part.sha256 for part in back.parts] == [part.sha256 for part in first.parts]
    assert publish(store, config(), name="as-before") == back


def test_a_name_that_is_taken_by_another_version_is_refused(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config(), name="mine")
    with pytest.raises(BuildError, match="version 'mine' of memory: was made of other builds, rules or sizes"):
        publish(store, config(**STRICT), name="mine")


def test_a_build_that_an_other_build_has_published_already_needs_no_version_of_its_own(store: MemoryStore) -> None:
    finished_build(store, CORPUS[:4], "monday")
    finished_build(store, CORPUS, "tuesday")
    with pytest.raises(BuildError, match="there is no build 'wednesday'"):
        publish(store, config("wednesday"))
    publish(store, config("monday"))
    both = publish(store, config("tuesday"))
    assert both.inputs.builds == ("monday", "tuesday")
    before = dict(store.objects)
    assert publish(store, config("monday")) == both
    assert store.objects == before


def test_two_publishers_of_the_same_end_with_one_version(tmp_path: Path) -> None:
    store = open_store(StoreConfig(uri=str(tmp_path)))
    finished_build(store)
    found: list[VersionManifest] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        found.append(publish(store, config(publish={"part_bytes": 1000})))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert verify(store, "main").findings == ()


@pytest.mark.parametrize("moment", ["_versions/main/claim", "documents/", "_versions/main/manifest", "_versions/_latest"])
def test_of_two_publishers_of_other_things_one_is_told_and_publishes_on_top_when_run_again(moment: str) -> None:
    store = InterruptedStore(moment, lambda: publish(store, config(**STRICT)))
    finished_build(store)
    with pytest.raises(Overtaken, match="has been published meanwhile"):
        publish(store, config())
    version = publish(store, config())
    assert latest_id(store) == version.version_id
    assert version.parent_id is not None
    assert read_version(store, version.parent_id).inputs.rules["documents"]["min_words"] == 100  # type: ignore[index]
    assert verify(store, "main").findings == ()


def test_a_broken_gate_keeps_readers_where_they_are_and_says_which_figure_broke(store: MemoryStore) -> None:
    finished_build(store)
    first = publish(store, config())
    seen: list[Candidate] = []

    def gates(candidate: Candidate) -> list[GateReading]:
        seen.append(candidate)
        (build,) = candidate.builds
        told = f"kept share is {build.num_documents_kept}/{build.evidence.num_documents_planned}, at least 0.9 is asked"
        return [GateReading(name="kept_share", told=told, is_broken=build.num_documents_kept < 8, is_accepted=False)]

    with pytest.raises(GateBroken, match=r"'main\.1' is made and stays unpublished: kept share is \d/9, at least"):
        publish(store, config(**STRICT), gates=gates)
    assert latest_id(store) == "main"
    assert f"version={first.version_id}/" in store.get(layout.CARD_KEY).decode()
    assert [version.version_id for version in list_versions(store)] == ["main"]
    assert (seen[0].version_id, seen[0].parent_id) == ("main.1", "main")
    key = layout.refusal_key("main.1")
    assert decode_refusal(store.get(key), key).gates[0].is_broken


def test_a_version_that_a_gate_refused_is_published_when_the_gate_lets_it_pass(store: MemoryStore) -> None:
    finished_build(store)

    def closed(candidate: Candidate) -> list[GateReading]:
        return [GateReading(name="any", told="closed", is_broken=True, is_accepted=False)]

    def opened(candidate: Candidate) -> list[GateReading]:
        return [GateReading(name="any", told="opened", is_broken=False, is_accepted=False)]

    with pytest.raises(GateBroken):
        publish(store, config(), gates=closed)
    assert read_latest(store) is None
    version = publish(store, config(), gates=opened)
    assert (version.version_id, [gate.told for gate in version.gates]) == ("main", ["opened"])
    assert latest_id(store) == "main"


def test_an_earlier_version_stays_readable_when_a_later_one_is_published(store: MemoryStore) -> None:
    finished_build(store)
    first = publish(store, config())
    held = {part.key: store.get(part.key) for part in first.parts}
    publish(store, config(**STRICT))
    assert read_version(store, "main") == first
    assert {key: store.get(key) for key in held} == held
