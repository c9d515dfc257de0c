"""Verify finds each fault that can be planted, and nothing where there is none."""

import random
from collections.abc import Callable

import pytest

from pipeline.builds.commit import bisect, commit_shard, quarantine_document, read_receipts, split_shard
from pipeline.builds.plan import BuildPlan
from pipeline.errors import BuildError, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verify import verify
from tests.builds import faults
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import opened, pages_file

Plant = Callable[[ObjectStore, BuildPlan], None]


@pytest.fixture
def plan(store: MemoryStore) -> BuildPlan:
    """A published build in `store`."""
    plan = finished_build(store)
    publish(store, config())
    return plan


def kinds(store: ObjectStore) -> set[str]:
    return {finding.kind for finding in verify(store, "main").findings}


def test_a_whole_build_has_no_findings_and_every_page_is_counted(store: MemoryStore, plan: BuildPlan) -> None:
    before = dict(store.objects)
    report = verify(store, "main")
    assert report.findings == ()
    assert report.num_pages == sum(opened(ref).num_pages for ref in CORPUS[:8])
    (build,) = report.builds
    assert (build.num_documents_planned, build.num_documents_opened, build.num_documents_quarantined) == (9, 8, 1)
    assert (report.version_id, report.num_documents_published) == ("main", 8)
    assert (report.num_shards_open, report.is_published) == (0, True)
    assert store.objects == before


def test_an_unfinished_build_has_open_shards_and_no_findings(store: MemoryStore) -> None:
    plan = planned_build(store)
    commit_shard(store, "main", plan.shards[0].shard_id, pages_file(plan.shards[0], stamp=plan.stamp), attempt_id="a")
    report = verify(store, "main")
    assert report.findings == ()
    assert (report.num_shards_open, report.is_published) == (2, False)


def test_a_build_with_splits_and_a_quarantined_document_has_no_findings(store: MemoryStore) -> None:
    plan = planned_build(store)
    shard = plan.shards[0]
    while len(shard.documents) > 1:
        split_shard(store, plan.stamp, shard, worker="driver")
        shard, other = bisect(shard)
        commit_shard(store, "main", other.shard_id, pages_file(other, stamp=plan.stamp), attempt_id="a")
    quarantine_document(store, plan.stamp, shard, error="killed its worker", attempts=3, worker="driver")
    for shard in plan.shards[1:]:
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    publish(store, config())
    report = verify(store, "main")
    assert report.findings == ()
    (build,) = report.builds
    assert (build.num_documents_opened, build.num_documents_quarantined) == (7, 2)


def test_a_build_that_was_never_planned_is_an_error(store: MemoryStore) -> None:
    with pytest.raises(BuildError, match="there is no build 'main'"):
        verify(store, "main")


@pytest.mark.parametrize(
    ("plant", "kind", "message"),
    [
        (faults.delete_pages, "missing", "the file is not there"),
        (faults.delete_pages_and_receipt, "manifest", "is not the one in the bucket"),
        (faults.delete_receipt, "receipt", "no receipt lies beside it"),
        (faults.cut_pages, "damaged", "not the bytes that its receipt is of"),
        (faults.change_a_byte, "damaged", "not the bytes that its receipt is of"),
        (faults.cut_pages_without_receipt, "damaged", "not a whole Parquet file"),
        (faults.change_a_receipt, "receipt", "num_rows is"),
        (faults.break_a_receipt, "damaged", "is damaged"),
        (faults.add_a_row_twice, "rows", "twice or more"),
        (faults.lose_a_row, "rows", "1 are missing: 0"),
        (faults.add_a_row_of_another_document, "rows", "which is no document of the file"),
        (faults.add_a_page_beyond_the_last, "rows", "beyond its last page"),
        (faults.lose_a_document, "lost", "was planned and is none of"),
        (faults.double_a_document, "doubled", "its pages stand in the build twice"),
        (faults.double_a_document, "unplanned", "is not a document of this shard"),
        (faults.make_pages_with_another_recipe, "stamp", "another recipe"),
        (faults.add_a_pages_file, "unplanned", "no shard of the plan"),
        (faults.add_a_part, "unplanned", "the manifest does not name this part"),
        (faults.delete_a_part, "missing", "part of 8 documents is not there"),
        (faults.cut_a_part, "damaged", "not the bytes that the manifest is of"),
        (faults.change_a_part, "damaged", "not the bytes that the manifest is of"),
        (faults.lose_a_published_document, "documents", "was kept and is not in documents/"),
        (faults.publish_a_document_twice, "doubled", "stands in documents/ twice"),
        (faults.publish_an_unknown_document, "documents", "is published and no page says so"),
        (faults.change_a_published_text, "documents", "other than its pages, names and verdict make it"),
        (faults.change_a_published_language, "documents", "other than its pages, names and verdict make it"),
        (faults.turn_the_published_documents_round, "documents", "not in the order of the verdicts"),
        (faults.publish_a_part_without_texts, "damaged", "lacks the columns text"),
        (faults.reject_a_good_document, "documents", "has the verdict ('language',) where rules and names give ()"),
        (faults.call_a_document_a_duplicate_of_nothing, "documents", "which is not published"),
        (faults.lose_a_verdict, "documents", "was read and has no verdict"),
        (faults.lose_the_version, "damaged", "leads to version 'main', which is not there"),
        (faults.break_the_version, "damaged", "is damaged"),
        (faults.delete_verdicts, "damaged", "verdicts.parquet"),
        (faults.delete_quarantine, "damaged", "quarantine.parquet"),
        (faults.empty_quarantine, "manifest", "not the documents that the receipts name"),
        (faults.change_the_rules_of_the_manifest, "manifest", "its rules are not"),
        (faults.change_the_manifest, "manifest", "is not the one in the bucket"),
        (faults.change_the_count_of_the_version, "manifest", "8 published"),
        (faults.break_the_manifest, "damaged", "is damaged"),
    ],
)
def test_a_planted_fault_is_found_and_told_in_one_line(
    store: MemoryStore, plan: BuildPlan, plant: Plant, kind: str, message: str
) -> None:
    plant(store, plan)
    told = [str(finding) for finding in verify(store, "main").findings if finding.kind == kind]
    assert any(message in line for line in told), verify(store, "main").findings
    assert not any("\n" in line for line in told)


def test_what_a_resumed_build_puts_back_is_no_fault_any_more(store: MemoryStore, plan: BuildPlan) -> None:
    faults.delete_receipt(store, plan)
    assert kinds(store) == {"receipt"}
    read_receipts(store, "main")
    assert kinds(store) == set()


def test_a_missing_pages_file_is_told_once_and_not_once_per_document(store: MemoryStore, plan: BuildPlan) -> None:
    faults.delete_pages(store, plan)
    (finding,) = verify(store, "main").findings
    assert finding.kind == "missing"


def test_a_missing_part_is_told_once_and_not_once_per_document(store: MemoryStore, plan: BuildPlan) -> None:
    faults.delete_a_part(store, plan)
    (finding,) = verify(store, "main").findings
    assert finding.kind == "missing"


def test_a_flipped_bit_anywhere_in_the_data_is_found(store: MemoryStore, plan: BuildPlan) -> None:
    """30 places in pages files and parts, drawn at random: no crash, and never a clean report."""
    chance = random.Random(1)
    keys = [key for key in store.objects if key.startswith(("pages/", "documents/"))]
    for _ in range(30):
        key = chance.choice(keys)
        whole = store.objects[key]
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        store.objects[key] = bytes(flipped)
        assert key in {finding.key for finding in verify(store, "main").findings}
        store.objects[key] = whole


def test_publishing_refuses_a_pages_file_that_is_not_the_one_of_its_receipt(store: MemoryStore) -> None:
    plan = finished_build(store)
    faults.change_a_byte(store, plan)
    with pytest.raises(VerifyError, match="not the bytes that its receipt is of; `pagemill verify` tells more"):
        publish(store, config())
