"""What a listing changes about names: night after night, against a model that keeps every name in a dict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.builds import begin, layout
from pipeline.builds.begin import begin_build, read_changes
from pipeline.builds.changes import ListingCounts, NameChange
from pipeline.builds.plan import BuildPlan
from pipeline.records import DocumentRef
from tests.builds.factory import config
from tests.builds.memory_store import Crash, MemoryStore
from tests.tables.samples import document

Identity = tuple[str, int, str]
NAMES = "abcdef"


def plan_night(store: MemoryStore, corpus: Sequence[DocumentRef], night: str, **sections: object) -> BuildPlan:
    return begin_build(store, config(night, **sections), lambda: corpus, code_version="0.1.0")


def changes_of_night(store: MemoryStore, corpus: Sequence[DocumentRef], night: str) -> set[tuple[str, str, Identity]]:
    plan = plan_night(store, corpus, night)
    return {told(change) for change in read_changes(store, plan)}


def told(change: NameChange) -> tuple[str, str, Identity]:
    return change.change, change.uri, (change.of_uri, change.size_bytes, change.version)


def identity(ref: DocumentRef) -> Identity:
    return ref.uri, ref.size_bytes, ref.version


@dataclass
class Model:
    """Every name in a dict; the plain way, which holds a corpus of texts."""

    planned: set[Identity] = field(default_factory=set)
    holds: dict[str, Identity] = field(default_factory=dict)

    def night(self, corpus: Sequence[DocumentRef]) -> tuple[set[Identity], set[tuple[str, str, Identity]], ListingCounts]:
        new = {identity(ref) for ref in corpus} - self.planned
        changes, listed = set(), {}
        for ref in corpus:
            for name in (ref.uri, *ref.aliases):
                listed[name] = identity(ref)
                if identity(ref) not in new and self.holds.get(name) != identity(ref):
                    changes.add(("returned" if name == ref.uri else "renamed", name, identity(ref)))
        changes |= {("removed", name, self.holds[name]) for name in self.holds.keys() - listed.keys()}
        kinds = [change for change, _, _ in changes]
        counts = ListingCounts(
            num_listed=len(corpus),
            num_new=sum(uri not in self.holds for uri, _, _ in new),
            num_changed=sum(uri in self.holds for uri, _, _ in new),
            num_removed=kinds.count("removed"),
            num_returned=kinds.count("returned"),
            num_renamed=kinds.count("renamed"),
            num_held=len(self.holds),
        )
        self.planned |= new
        self.holds = listed
        return new, changes, counts


@st.composite
def nights(draw: st.DrawFn) -> list[list[DocumentRef]]:
    """Corpora of up to six names: each absent, of one of three contents, or one more name of another that is listed."""
    corpora = []
    for _ in range(draw(st.integers(1, 6))):
        states = draw(st.lists(st.sampled_from(["absent", "v1", "v2", "v3", "copy"]), min_size=6, max_size=6))
        first = next((name for name, state in zip(NAMES, states, strict=True) if state.startswith("v")), None)
        copies = tuple(f"/corpus/{n}" for n, state in zip(NAMES, states, strict=True) if state == "copy") if first else ()
        corpus = [
            document(name, version=state, aliases=copies if name == first else ())
            for name, state in zip(NAMES, states, strict=True)
            if state.startswith("v")
        ]
        corpora.append(corpus)
    return [corpus for corpus in corpora if corpus]


@given(nights())
@settings(max_examples=40, deadline=None)
def test_night_after_night_the_plan_and_the_changes_are_those_of_a_dict_of_names(corpora: list[list[DocumentRef]]) -> None:
    store, model = MemoryStore(), Model()
    for number, corpus in enumerate(corpora):
        plan = plan_night(store, corpus, f"night-{number}")
        new, changes, counts = model.night(corpus)
        assert {identity(ref) for ref in plan.documents} == new
        found = [told(change) for change in read_changes(store, plan)]
        assert len(found) == len(set(found))
        assert set(found) == changes
        assert plan.counts == counts
        assert plan.has_work == bool(new or changes)


A, B, C = (document(f"{name}.pdf") for name in "abc")


def test_a_removed_name_is_told_once_and_comes_back_as_returned(store: MemoryStore) -> None:
    assert changes_of_night(store, [A, B], "monday") == set()
    assert changes_of_night(store, [A], "tuesday") == {("removed", B.uri, identity(B))}
    assert changes_of_night(store, [A], "wednesday") == set()
    assert changes_of_night(store, [A, B], "thursday") == {("returned", B.uri, identity(B))}


def test_a_further_name_of_a_known_document_is_told_and_its_loss_too(store: MemoryStore) -> None:
    plan_night(store, [A], "monday")
    named = document("a.pdf", aliases=("/corpus/z.pdf",))
    assert changes_of_night(store, [named], "tuesday") == {("renamed", "/corpus/z.pdf", identity(A))}
    assert changes_of_night(store, [A], "wednesday") == {("removed", "/corpus/z.pdf", identity(A))}


def test_a_name_that_goes_back_to_older_bytes_is_told(store: MemoryStore) -> None:
    newer = document("a.pdf", version="v2")
    for night, corpus in (("monday", [A]), ("tuesday", [newer])):
        assert changes_of_night(store, corpus, night) == set()
    assert changes_of_night(store, [A], "wednesday") == {("returned", A.uri, identity(A))}


def test_names_of_another_input_are_not_missed(store: MemoryStore) -> None:
    plan_night(store, [A, B], "monday", input={"uri": "/elsewhere"})
    plan = plan_night(store, [A, C], "tuesday")
    assert [ref.uri for ref in plan.documents] == [C.uri]
    assert {told(change) for change in read_changes(store, plan)} == {("returned", A.uri, identity(A))}
    assert plan.counts.num_held == 0


def test_a_night_of_removals_alone_is_a_plan_without_shards_that_is_put(store: MemoryStore) -> None:
    plan_night(store, [A, B], "monday")
    plan = plan_night(store, [A], "tuesday")
    assert plan.shards == ()
    assert plan_night(store, [A, B, C], "tuesday") == plan
    assert layout.plan_key("tuesday") in store.objects


def test_of_two_drivers_the_one_whose_plan_has_won_also_has_its_changes(store: MemoryStore) -> None:
    plan_night(store, [A, B, C], "monday")

    def list_while_another_plans() -> Iterator[DocumentRef]:
        plan_night(store, [A, B], "tuesday")
        yield A

    plan = begin_build(store, config("tuesday"), list_while_another_plans, code_version="0.1.0")
    assert [told(change) for change in read_changes(store, plan)] == [("removed", C.uri, identity(C))]


def test_a_crash_between_changes_and_plan_leaves_nothing_that_counts() -> None:
    for step, moment in ((1, "crash_after_write"), (2, "crash_before_write")):
        store = MemoryStore()
        plan_night(store, [A, B], "monday")
        setattr(store, moment, store.num_writes + step)
        with pytest.raises(Crash):
            plan_night(store, [A], "tuesday")
        plan = plan_night(store, [A, B, C], "tuesday")
        assert ([ref.uri for ref in plan.documents], list(read_changes(store, plan))) == ([C.uri], [])


def test_a_plan_is_later_than_every_plan_that_it_has_seen_whatever_the_clock_says(store: MemoryStore) -> None:
    first = plan_night(store, [A], "monday")
    with mock.patch.object(begin, "datetime") as clock:
        clock.now.return_value = first.planned_at - timedelta(hours=3)
        second = plan_night(store, [A, B], "tuesday")
    assert second.planned_at > first.planned_at
