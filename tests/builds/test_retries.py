"""Which documents in quarantine are tried again, how often, and what that does to the count of what is in quarantine now."""

from collections.abc import Mapping, Sequence
from typing import get_args

from pipeline.builds.begin import begin_build, begin_retry
from pipeline.builds.close import close_build
from pipeline.builds.commit import commit_shard
from pipeline.builds.past import read_past
from pipeline.builds.plan import BuildPlan
from pipeline.config import RetryConfig
from pipeline.config.values import QuarantineReason
from pipeline.errors import DocumentMissing
from pipeline.records import DocumentFailure, DocumentRef
from pipeline.tables.pages import encode_pages
from tests.builds.factory import config
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import document, head, pages_of

A, B, C = (document(f"{name}.pdf") for name in "abc")
REASONS = RetryConfig().reasons


def night(store: MemoryStore, corpus: Sequence[DocumentRef], name: str, failing: Mapping[str, str] | None = None) -> list[str]:
    """One whole build, in which the documents of `failing` end in quarantine for that reason; the names that it planned."""
    plan = begin_build(store, config(name), lambda: corpus, code_version="0.1.0")
    read_all(store, plan, failing or {})
    return [ref.uri for ref in plan.documents]


def read_all(store: MemoryStore, plan: BuildPlan, failing: Mapping[str, str]) -> None:
    commit_all(store, plan, failing)
    close_build(store, plan)


def commit_all(store: MemoryStore, plan: BuildPlan, failing: Mapping[str, str]) -> None:
    for shard in plan.shards:
        failed = [
            DocumentFailure(document=ref, doc_id=None, reason=failing[ref.uri], error="it did not work", attempts=3)
            for ref in shard.documents
            if ref.uri in failing
        ]
        whole = head(shard, stamp=plan.stamp, failed=failed)
        pages_file = encode_pages([page for of in whole.documents.opened for page in pages_of(of)], whole)
        commit_shard(store, plan.build_id, shard.shard_id, pages_file, attempt_id="a")


def in_quarantine(store: MemoryStore) -> dict[str, str]:
    troubles = read_past(store, input_uri="/corpus", but="").troubles.values()
    return {trouble.failure.document.uri: trouble.failure.reason for trouble in troubles}


def test_a_transient_failure_is_planned_again_by_the_next_builds_and_a_permanent_one_never(store: MemoryStore) -> None:
    failing = {A.uri: "crashed", B.uri: "encrypted"}
    assert night(store, [A, B, C], "monday", failing) == [A.uri, B.uri, C.uri]
    assert night(store, [A, B, C], "tuesday", failing) == [A.uri]
    assert night(store, [A, B, C], "wednesday", failing) == [A.uri]
    assert night(store, [A, B, C, document("d.pdf")], "thursday", failing) == ["/corpus/d.pdf"]


def test_attempts_are_builds_whatever_was_tried_inside_one(store: MemoryStore) -> None:
    night(store, [A], "monday", {A.uri: "deadline"})
    plan = begin_build(store, config("tuesday", retry={"max_attempts": 1}), lambda: [A], code_version="0.1.0")
    assert plan.shards == ()
    plan = begin_build(store, config("tuesday", retry={"max_attempts": 2}), lambda: [A], code_version="0.1.0")
    assert plan.counts.num_retried == 1
    assert (plan.counts.num_new, plan.counts.num_changed) == (0, 0)


def test_what_opens_on_a_retry_is_no_longer_in_quarantine_and_is_not_read_again(store: MemoryStore) -> None:
    night(store, [A, B], "monday", {A.uri: "crashed", B.uri: "damaged"})
    assert in_quarantine(store) == {A.uri: "crashed", B.uri: "damaged"}
    night(store, [A, B], "tuesday")
    assert in_quarantine(store) == {B.uri: "damaged"}
    past = read_past(store, input_uri="/corpus", but="")
    assert past.num_recovered == 1
    assert night(store, [A, B, C], "wednesday") == [C.uri]


def test_a_build_in_work_keeps_what_it_tries_again_to_itself(store: MemoryStore) -> None:
    night(store, [A], "monday", {A.uri: "crashed"})
    begin_build(store, config("tuesday"), lambda: [A], code_version="0.1.0")
    assert begin_build(store, config("wednesday"), lambda: [A], code_version="0.1.0").shards == ()
    past = read_past(store, input_uri="/corpus", but="")
    assert (dict(past.troubles), past.num_recovered) == ({}, 0)


def test_a_document_that_is_not_listed_any_more_is_not_tried_again(store: MemoryStore) -> None:
    night(store, [A, B], "monday", {A.uri: "missing"})
    night(store, [B], "tuesday")
    assert begin_retry(store, config("tuesday"), REASONS, code_version="0.1.0") is None


def test_a_retry_build_tries_all_that_is_in_quarantine_for_its_reasons_and_is_numbered(store: MemoryStore) -> None:
    night(store, [A, B, C], "monday", {A.uri: "crashed", B.uri: "too_large", C.uri: "missing"})
    first = begin_retry(store, config("monday"), REASONS, code_version="0.1.0")
    assert first is not None
    assert (first.build_id, [ref.uri for ref in first.documents]) == ("monday-retry-1", [A.uri, C.uri])
    assert begin_retry(store, config("monday"), REASONS, code_version="0.1.0") == first
    read_all(store, first, {A.uri: "crashed"})
    second = begin_retry(store, config("monday"), ["too_large", "crashed"], code_version="0.1.0")
    assert second is not None
    assert (second.build_id, [ref.uri for ref in second.documents]) == ("monday-retry-2", [A.uri, B.uri])
    read_all(store, second, {})
    assert in_quarantine(store) == {}
    assert begin_retry(store, config("monday"), REASONS, code_version="0.1.0") is None


def test_a_retry_build_gives_a_document_the_names_that_it_still_has(store: MemoryStore) -> None:
    named = document("a.pdf", aliases=("/corpus/b.pdf", "/corpus/y.pdf", "/corpus/z.pdf"))
    night(store, [named], "monday", {named.uri: "too_large"})
    now = document("a.pdf", aliases=("/corpus/z.pdf",))
    night(store, [now, B], "tuesday")
    plan = begin_retry(store, config("tuesday"), ["too_large"], code_version="0.1.0")
    assert plan is not None
    assert [ref.aliases for ref in plan.documents] == [("/corpus/z.pdf",)]


def test_bytes_that_have_changed_since_are_not_asked_for_again_under_their_old_name(store: MemoryStore) -> None:
    newer = document("a.pdf", version="v2")
    night(store, [A], "monday", {A.uri: "too_large"})
    night(store, [newer], "tuesday")
    assert begin_retry(store, config("tuesday"), ["too_large"], code_version="0.1.0") is None


def test_every_reason_that_a_source_gives_can_be_named_for_a_retry() -> None:
    kinds = [DocumentMissing]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind.reason for kind in kinds} <= set(get_args(QuarantineReason))
