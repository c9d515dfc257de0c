"""What is deleted is what no kept version needs, and never evidence."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.builds import layout
from pipeline.builds.audit import read_entries
from pipeline.builds.ledger import encode_record
from pipeline.errors import BuildError, ConfigError, GateBroken
from pipeline.publishing.candidate import Candidate, GateReading
from pipeline.publishing.garbage import GarbagePlan, delete_garbage, plan_garbage
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import LATEST, Latest, latest_version, list_versions
from pipeline.readers.withdrawn import refuse_withdrawn
from pipeline.store import FolderStore
from tests.builds.factory import CORPUS, config, finished_build, publish
from tests.builds.memory_store import Crash, MemoryStore

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EVIDENCE = ("pages/", "_builds/", "_audit/")
NIGHTS = ("monday", "tuesday", "wednesday")
RULES = (20, 100, 200)


class MortalStore(MemoryStore):
    """A process may die before or after a delete as well."""

    def delete(self, key: str) -> None:
        with self._lock, self._writing():
            super().delete(key)


def plan(store: MemoryStore, num_kept: int, *also_kept: str, settled_before: datetime = NOW) -> GarbagePlan:
    return plan_garbage(store, num_kept=num_kept, also_kept=also_kept, settled_before=settled_before)


def collect(store: MemoryStore, num_kept: int, *also_kept: str) -> GarbagePlan:
    found = plan(store, num_kept, *also_kept)
    delete_garbage(store, found, who="clerk@desk", reason="space", at=NOW, code_version="0.1.0")
    return found


def copy_of(store: MemoryStore) -> MortalStore:
    other = MortalStore()
    other.objects, other.attempts = dict(store.objects), dict(store.attempts)
    return other


def strictly(min_words: int) -> dict[str, object]:
    return {"rules": {"documents": {"min_words": min_words}}}


@pytest.fixture(scope="module")
def years() -> MemoryStore:
    """Three nights under changing rules, and two rejudges: five versions, three judge ids."""
    store = MemoryStore()
    for night, num, words in zip(NIGHTS, (3, 6, 9), (20, 20, 100), strict=True):
        finished_build(store, CORPUS[:num], night)
        publish(store, config(night, **strictly(words)))
    publish(store, config("wednesday", **strictly(200)))
    publish(store, config("wednesday", **strictly(20)))
    return store


def is_sound(store: MemoryStore, version_id: str) -> bool:
    """The version, as if it were the latest, is what its pages make it."""
    other = copy_of(store)
    pointer = Latest(
        version_id=version_id,
        manifest_key=layout.version_manifest_key(version_id),
        documents=layout.documents_prefix(version_id),
    )
    other.put(layout.LATEST_KEY, encode_record(LATEST, pointer))
    return verify(other, "monday").findings == ()


def test_a_dry_run_deletes_nothing(years: MemoryStore) -> None:
    before = dict(years.objects)
    found = plan(years, 1)
    assert found.garbage
    assert years.objects == before


@settings(deadline=None, max_examples=8)
@given(num_kept=st.integers(1, 6), also_kept=st.sets(st.sampled_from(NIGHTS), max_size=2), words=st.sampled_from(RULES))
def test_every_kept_version_is_sound_and_publishing_gives_what_it_would_have_given(
    years: MemoryStore, num_kept: int, also_kept: set[str], words: int
) -> None:
    store, untouched = copy_of(years), copy_of(years)
    found = collect(store, num_kept, *also_kept)
    kept = [version.version_id for version in list_versions(store)]
    assert found.kept == tuple(kept)
    assert {*also_kept, "wednesday.2"} <= set(kept)
    assert all(is_sound(store, version_id) for version_id in kept)
    assert {key for key in years.objects if key.startswith(EVIDENCE)} <= store.objects.keys()
    for judge_id in {version.inputs.judge_id for version in list_versions(store)}:
        needed = {key for key in years.objects if key.startswith((f"_judged/{judge_id}/", f"_dedup/{judge_id}/"))}
        assert needed <= store.objects.keys()
    for each in (store, untouched):
        publish(each, config("wednesday", **strictly(words)), name="new" if words != 20 else None)
    latest, expected = latest_version(store), latest_version(untouched)
    assert latest == expected
    assert latest is not None
    for part in latest.parts:
        assert store.objects[part.key] == untouched.objects[part.key]


def test_what_only_dropped_versions_need_is_gone(years: MemoryStore) -> None:
    store = copy_of(years)
    judge_id = next(version.inputs.judge_id for version in list_versions(store) if version.version_id == "wednesday.1")
    found = collect(store, 1)
    assert found.dropped == (*NIGHTS, "wednesday.1")
    assert {each.kind for each in found.garbage} == {"old version", "judged rows", "index"}
    assert not list(store.list(f"_judged/{judge_id}/"))
    assert not list(store.list(f"_dedup/{judge_id}/"))
    assert {info.key.split("/")[1] for info in store.list("documents/")} == {"version=wednesday.2"}
    assert plan(store, 1).garbage == ()


def test_a_deleted_version_says_so_and_its_name_is_never_used_again(years: MemoryStore) -> None:
    store = copy_of(years)
    collect(store, 1)
    with pytest.raises(ConfigError, match=r"'monday' .* was withdrawn on 2026-11-24 \(old, deleted by `pagemill gc`\)"):
        refuse_withdrawn(store, "monday")
    with pytest.raises(BuildError, match="lists or sizes; give another name"):
        publish(store, config("wednesday", **strictly(200)), name="wednesday.1")
    assert publish(store, config("wednesday", **strictly(200))).version_id == "wednesday.3"


def test_an_interrupted_deletion_is_finished_by_the_next(years: MemoryStore) -> None:
    whole = copy_of(years)
    collect(whole, 2)
    expected = {key for key in whole.objects if not key.startswith("_audit/")}
    for step in range(1, whole.num_writes + 1, 3):
        store = copy_of(years)
        store.crash_after_write = step
        with pytest.raises(Crash):
            collect(store, 2)
        assert all(is_sound(store, version_id) for version_id in ("wednesday.2", "wednesday.1"))
        collect(store, 2)
        assert {key for key in store.objects if not key.startswith("_audit/")} == expected, step


def test_the_audit_names_what_was_deleted(years: MemoryStore) -> None:
    store = copy_of(years)
    found = collect(store, 1)
    (entry,) = read_entries(store, "gc")
    assert (entry.who, entry.reason) == ("clerk@desk", "space")
    assert [each.key for each in entry.changes] == [each.info.key for each in found.garbage]
    assert {key for key in years.objects if key not in store.objects} == {each.key for each in entry.changes}


def test_what_is_young_is_left_alone(years: MemoryStore) -> None:
    assert plan(years, 1, settled_before=datetime(2025, 1, 1, tzinfo=UTC)).garbage == ()


def test_a_version_that_a_gate_keeps_back_stays_until_another_is_published(years: MemoryStore) -> None:
    store = copy_of(years)

    def closed(candidate: Candidate) -> list[GateReading]:
        return [GateReading(name="kept", told="too few", is_broken=True, is_accepted=False)]

    with pytest.raises(GateBroken):
        publish(store, config("wednesday", **strictly(150)), gates=closed)
    collect(store, 1)
    before = [info.key for info in store.list(layout.documents_prefix("wednesday.3"))]
    assert before
    assert publish(store, config("wednesday", **strictly(200))).version_id == "wednesday.4"
    found = collect(store, 1)
    assert {each.info.key for each in found.garbage if each.kind == "unpublished version"} >= {*before}
    assert not list(store.list("_versions/wednesday.3/"))


def test_a_version_that_was_sealed_when_its_publisher_died_is_still_published(years: MemoryStore) -> None:
    store = copy_of(years)
    before = store.get(layout.LATEST_KEY)
    expected = publish(store, config("wednesday", **strictly(150)))
    store.put(layout.LATEST_KEY, before)
    assert expected.version_id in collect(store, 1).kept
    assert publish(store, config("wednesday", **strictly(150))) == expected
    assert is_sound(store, expected.version_id)


def test_a_version_to_keep_that_is_not_there_is_refused(years: MemoryStore) -> None:
    with pytest.raises(BuildError, match="there is no version never"):
        plan(years, 1, "never")


def test_what_dead_writers_left_in_a_folder_is_found(tmp_path: Path) -> None:
    folder = FolderStore(root=tmp_path)
    folder.put("pages/build=main/a.parquet", b"a")
    (tmp_path / "pages" / "build=main" / ".put-dead").write_bytes(b"half")
    (leftover,) = folder.leftovers()
    assert (leftover.key, leftover.size_bytes) == ("pages/build=main/.put-dead", 4)
    found = plan_garbage(
        folder, num_kept=1, also_kept=(), settled_before=datetime(2999, 1, 1, tzinfo=UTC), leftovers=folder.leftovers()
    )
    assert [each.info.key for each in found.garbage] == [leftover.key]
    delete_garbage(folder, found, who="clerk@desk", reason="", at=NOW, code_version="0.1.0")
    assert list(folder.leftovers()) == []
    assert folder.get("pages/build=main/a.parquet") == b"a"


def test_probes_and_clocks_of_dead_drivers_are_leftovers_and_golden_runs_of_no_night_too(years: MemoryStore) -> None:
    store = copy_of(years)
    dead = {"_probe-1": b"", "_builds/_clock-1": b"", "_golden/never/scores.json": b""}
    store.objects.update({**dead, "_golden/monday/scores.json": b""})
    found = plan(store, 6)
    assert {each.info.key: each.kind for each in found.garbage} == {
        "_probe-1": "leftover",
        "_builds/_clock-1": "leftover",
        "_golden/never/scores.json": "golden run",
    }
    assert replace(found, garbage=()).dropped == ()
