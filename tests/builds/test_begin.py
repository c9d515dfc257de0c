"""How a build begins, goes on, and is refused."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.builds import layout
from pipeline.builds.begin import begin_build, config_of_plan, draft_plan, put_plan, read_plan
from pipeline.builds.commit import commit_shard
from pipeline.config import BuildConfig, parse_config
from pipeline.errors import BuildError, StoreUnsafe
from pipeline.records import DocumentRef
from tests.builds.memory_store import Crash, MemoryStore
from tests.tables.samples import document, pages_file

CORPUS = [document(f"{name}.pdf") for name in "abc"]


def config(build_id: str = "main", **sections: object) -> BuildConfig:
    values = {"input": {"uri": "/corpus"}, "output": {"uri": "/out"}, "plan": {"shard_documents": 2}, "build_id": build_id}
    return parse_config({**values, **sections})


def never() -> Iterator[DocumentRef]:
    raise AssertionError("the corpus was listed again")


def test_a_build_goes_on_with_its_first_plan_and_does_not_list_again(store: MemoryStore) -> None:
    plan = begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    assert [len(shard.documents) for shard in plan.shards] == [2, 1]
    assert begin_build(store, config(), never, code_version="0.1.0") == plan
    assert list(store.objects) == [layout.plan_key("main")]


def test_a_new_build_reads_only_what_no_earlier_build_has_planned(store: MemoryStore) -> None:
    begin_build(store, config("monday"), lambda: CORPUS, code_version="0.1.0")
    later = [*CORPUS, document("d.pdf"), document("a.pdf", version="v2")]
    plan = begin_build(store, config("tuesday"), lambda: later, code_version="0.1.0")
    assert [(d.uri, d.version) for d in plan.documents] == [("/corpus/a.pdf", "v2"), ("/corpus/d.pdf", "v1")]


def test_a_night_with_nothing_new_is_a_plan_of_no_shards_and_leaves_no_trace(store: MemoryStore) -> None:
    begin_build(store, config("monday"), lambda: CORPUS, code_version="0.1.0")
    assert begin_build(store, config("tuesday"), lambda: CORPUS, code_version="0.1.0").shards == ()
    assert list(store.objects) == [layout.plan_key("monday")]


def test_of_two_drivers_that_plan_at_once_the_second_takes_the_plan_of_the_first(store: MemoryStore) -> None:
    def list_while_another_plans() -> list[DocumentRef]:
        begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
        return [*CORPUS, document("z.pdf")]

    plan = begin_build(store, config(), list_while_another_plans, code_version="0.1.0")
    assert [d.uri for d in plan.documents] == [d.uri for d in CORPUS]


def test_a_driver_that_lists_the_same_corpus_while_another_plans_finds_that_plan_and_not_nothing_new(
    store: MemoryStore,
) -> None:
    def list_while_another_plans() -> list[DocumentRef]:
        begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
        return CORPUS

    plan = begin_build(store, config(), list_while_another_plans, code_version="0.1.0")
    assert [d.uri for d in plan.documents] == [d.uri for d in CORPUS]


@pytest.mark.parametrize("moment", ["crash_before_write", "crash_after_write"])
def test_after_a_crash_while_planning_the_next_driver_begins_the_build(store: MemoryStore, moment: str) -> None:
    setattr(store, moment, 1)
    with pytest.raises(Crash):
        begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    assert len(begin_build(store, config(), lambda: CORPUS, code_version="0.1.0").shards) == 2


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"engine": {"scripts": ["latin"]}}, r"another recipe \(engine.scripts: 'all' -> \['latin'\]\)"),
        ({"render": {"dpi": 200}}, r"another recipe \(render.dpi: 150.0 -> 200.0\)"),
        ({"input": {"uri": "s3://other"}}, r"another input \(uri: '/corpus' -> 's3://other'\)"),
    ],
)
def test_a_build_that_was_planned_otherwise_is_refused_with_the_difference(
    store: MemoryStore, sections: dict[str, object], message: str
) -> None:
    begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    with pytest.raises(BuildError, match=message):
        begin_build(store, config(**sections), never, code_version="0.1.0")


def test_workers_and_shard_sizes_may_change_while_a_build_goes_on(store: MemoryStore) -> None:
    plan = begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    changed = config(engine={"workers": 7}, plan={"shard_documents": 1})
    assert begin_build(store, changed, never, code_version="0.1.0") == plan


def test_a_build_goes_on_under_other_rules_and_its_pages_are_judged_with_those_of_its_plan(store: MemoryStore) -> None:
    plan = begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    strict = config(rules={"pages": {"garbled_above": 0.5}, "documents": {"min_words": 7}})
    assert begin_build(store, strict, never, code_version="0.1.0") == plan
    assert config_of_plan(strict, plan).rules == config().rules
    assert config_of_plan(strict, plan) == config()


def test_a_build_planned_with_rules_that_are_not_known_any_more_is_refused(store: MemoryStore) -> None:
    plan = begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    older = replace(plan, stamp=replace(plan.stamp, rules={"pages": {"smudge_above": 1}}, code_version="0.0.9"))
    with pytest.raises(BuildError, match=r"rules that this version does not know; finish it with version 0\.0\.9"):
        config_of_plan(config(), older)


def test_a_night_without_work_can_be_recorded_so_that_it_is_not_listed_again(store: MemoryStore) -> None:
    begin_build(store, config("monday"), lambda: CORPUS, code_version="0.1.0")
    plan = put_plan(store, begin_build(store, config("tuesday"), lambda: CORPUS, code_version="0.1.0"))
    assert not plan.has_work
    assert begin_build(store, config("tuesday"), never, code_version="0.1.0") == plan == read_plan(store, "tuesday")


def test_an_empty_corpus_is_one_clear_line(store: MemoryStore) -> None:
    with pytest.raises(BuildError, match="no documents in /corpus; check the address"):
        begin_build(store, config(), list, code_version="0.1.0")


class UnsafeStore(MemoryStore):
    def probe(self) -> None:
        raise StoreUnsafe("memory: overwrites")


def test_a_store_without_conditional_writes_is_refused_unless_one_writer_is_promised() -> None:
    with pytest.raises(StoreUnsafe):
        begin_build(UnsafeStore(), config(), lambda: CORPUS, code_version="0.1.0")
    promised = config(output={"uri": "/out", "single_writer": True})
    assert begin_build(UnsafeStore(), promised, lambda: CORPUS, code_version="0.1.0").shards


def test_a_preview_puts_nothing_and_counts_what_is_new(store: MemoryStore) -> None:
    plan = draft_plan(store, config(), lambda: CORPUS, code_version="0.1.0").plan
    assert len(plan.shards) == 2
    assert store.objects == {}


def test_a_build_keeps_its_shards_when_the_corpus_grows_under_it(store: MemoryStore) -> None:
    plan = begin_build(store, config(), lambda: CORPUS, code_version="0.1.0")
    for shard in plan.shards:
        commit_shard(store, "main", shard.shard_id, pages_file(shard), attempt_id="a")
    grown = begin_build(store, config(), lambda: [*CORPUS, document("0.pdf")], code_version="0.1.0")
    assert grown.shards == plan.shards
