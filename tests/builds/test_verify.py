"""Verify finds each fault that can be planted, and nothing where there is none."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from pipeline.builds import layout
from pipeline.builds.commit import bisect, commit_shard, quarantine_document, read_receipts, split_shard
from pipeline.builds.ledger import decode_receipt, encode_manifest, encode_receipt, read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.publish import publish
from pipeline.builds.receipt import receipt_of
from pipeline.builds.verdicts import encode_quarantine
from pipeline.builds.verify import verify
from pipeline.errors import BuildError, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.records import PageId
from pipeline.tables.footer import head_texts
from pipeline.tables.pages import encode_pages, pages_table
from pipeline.tables.parquet import decode, encode, footer_of
from pipeline.tables.schemas import DOCUMENTS_SCHEMA, PAGES_SCHEMA
from tests.builds.factory import CORPUS, config, finished_build, planned_build
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import head, opened, pages_file, pages_of

Plant = Callable[[ObjectStore, BuildPlan], None]


@pytest.fixture
def plan(store: MemoryStore) -> BuildPlan:
    """A published build in `store`."""
    plan = finished_build(store)
    publish(store, config())
    return plan


def kinds(store: ObjectStore) -> set[str]:
    return {finding.kind for finding in verify(store, "main").findings}


def pages_key(plan: BuildPlan, ordinal: int = 0) -> str:
    return layout.pages_key("main", plan.shards[ordinal].shard_id)


def replace_pages(store: ObjectStore, plan: BuildPlan, data: bytes, ordinal: int = 0) -> None:
    """Puts a wrong pages file and a receipt that fits it: only the contents can give it away."""
    key = pages_key(plan, ordinal)
    store.put(key, data)
    store.put(layout.receipt_key("main", plan.shards[ordinal].shard_id), encode_receipt(receipt_of(data, key)))


def replace_part(store: ObjectStore, change: Callable[[pa.Table], pa.Table]) -> None:
    """Puts a wrong documents part and a manifest that fits it."""
    manifest = read_manifest(store, "main")
    (part,) = manifest.documents
    table, footer = decode(store.get(part.key), DOCUMENTS_SCHEMA.names), footer_of(store.get(part.key))
    changed = change(table)
    data = encode(changed, footer)
    store.put(part.key, data)
    named = replace(part, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), num_rows=changed.num_rows)
    store.put(layout.manifest_key("main"), encode_manifest(replace(manifest, documents=(named,))))


def test_a_whole_build_has_no_findings_and_every_page_is_counted(store: MemoryStore, plan: BuildPlan) -> None:
    before = dict(store.objects)
    report = verify(store, "main")
    assert report.findings == ()
    assert report.num_pages == sum(opened(ref).num_pages for ref in CORPUS[:8])
    assert (report.num_documents_planned, report.num_documents_opened, report.num_documents_quarantined) == (9, 8, 1)
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
    assert (report.num_documents_opened, report.num_documents_quarantined) == (7, 2)


def test_a_build_that_was_never_planned_is_an_error(store: MemoryStore) -> None:
    with pytest.raises(BuildError, match="there is no build 'main'"):
        verify(store, "main")


def delete_pages(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(pages_key(plan))


def delete_pages_and_receipt(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(pages_key(plan))
    store.delete(layout.receipt_key("main", plan.shards[0].shard_id))


def delete_receipt(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(layout.receipt_key("main", plan.shards[0].shard_id))


def cut_pages(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(pages_key(plan), store.get(pages_key(plan))[:-7])


def cut_pages_without_receipt(store: ObjectStore, plan: BuildPlan) -> None:
    cut_pages(store, plan)
    delete_receipt(store, plan)


def change_a_byte(store: ObjectStore, plan: BuildPlan) -> None:
    """Parquet itself may not notice, or find a column of another name."""
    data = bytearray(store.get(pages_key(plan)))
    data[len(data) // 3] ^= 1
    store.put(pages_key(plan), bytes(data))


def change_a_receipt(store: ObjectStore, plan: BuildPlan) -> None:
    key = layout.receipt_key("main", plan.shards[0].shard_id)
    receipt = decode_receipt(store.get(key), key)
    store.put(key, encode_receipt(replace(receipt, num_rows=receipt.num_rows + 1)))


def break_a_receipt(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.receipt_key("main", plan.shards[0].shard_id), b"{")


def add_a_row_twice(store: ObjectStore, plan: BuildPlan) -> None:
    data = store.get(pages_key(plan))
    table = decode(data, PAGES_SCHEMA.names)
    replace_pages(store, plan, encode(pa.concat_tables([table, table.slice(0, 1)]), footer_of(data)))


def lose_a_row(store: ObjectStore, plan: BuildPlan) -> None:
    data = store.get(pages_key(plan))
    replace_pages(store, plan, encode(decode(data, PAGES_SCHEMA.names).slice(1), footer_of(data)))


def add_a_row_of_another_document(store: ObjectStore, plan: BuildPlan) -> None:
    shard_head = head(plan.shards[0], stamp=plan.stamp)
    stray = opened(plan.shards[1].documents[0])
    records = [page for of in (*shard_head.documents.opened, stray) for page in pages_of(of)]
    replace_pages(store, plan, encode(pages_table(records), head_texts(shard_head)))


def add_a_page_beyond_the_last(store: ObjectStore, plan: BuildPlan) -> None:
    shard_head = head(plan.shards[0], stamp=plan.stamp)
    records = [page for of in shard_head.documents.opened for page in pages_of(of)]
    last = records[-1]
    beyond = replace(last, page_id=PageId(last.page_id.doc_id, last.document.num_pages))
    replace_pages(store, plan, encode_pages([*records, beyond], shard_head))


def lose_a_document(store: ObjectStore, plan: BuildPlan) -> None:
    shard = plan.shards[0]
    replace_pages(store, plan, pages_file(replace(shard, documents=shard.documents[1:]), stamp=plan.stamp))


def double_a_document(store: ObjectStore, plan: BuildPlan) -> None:
    """A document of the first shard is read again in the second."""
    shard = plan.shards[1]
    both = replace(shard, documents=(*shard.documents, plan.shards[0].documents[0]))
    replace_pages(store, plan, pages_file(both, stamp=plan.stamp), ordinal=1)


def make_pages_with_another_recipe(store: ObjectStore, plan: BuildPlan) -> None:
    replace_pages(store, plan, pages_file(plan.shards[0], stamp=replace(plan.stamp, recipe={"render": {"dpi": 72.0}})))


def add_a_pages_file(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.pages_key("main", "zombie"), pages_file(plan.shards[0], stamp=plan.stamp))


def add_a_part(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.documents_key("main", 7), store.get(layout.documents_key("main", 0)))


def delete_a_part(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(layout.documents_key("main", 0))


def cut_a_part(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.documents_key("main", 0), store.get(layout.documents_key("main", 0))[:-7])


def change_a_part(store: ObjectStore, plan: BuildPlan) -> None:
    table = decode(store.get(layout.documents_key("main", 0)), DOCUMENTS_SCHEMA.names)
    store.put(layout.documents_key("main", 0), encode(table, {"pagemill.schema": "documents/1"}))


def lose_a_published_document(store: ObjectStore, plan: BuildPlan) -> None:
    replace_part(store, lambda table: table.slice(1))


def publish_a_document_twice(store: ObjectStore, plan: BuildPlan) -> None:
    replace_part(store, lambda table: pa.concat_tables([table, table.slice(0, 1)]))


def publish_an_unknown_document(store: ObjectStore, plan: BuildPlan) -> None:
    ids = ["f" * 64]

    def add(table: pa.Table) -> pa.Table:
        row = table.slice(0, 1).set_column(table.schema.get_field_index("id"), table.schema.field("id"), pa.array(ids))
        return pa.concat_tables([table, row])

    replace_part(store, add)


def change_a_published_text(store: ObjectStore, plan: BuildPlan) -> None:
    def change(table: pa.Table) -> pa.Table:
        texts = table.column("text").to_pylist()
        return table.set_column(0, table.schema.field("text"), pa.array([texts[0].upper(), *texts[1:]]))

    replace_part(store, change)


def publish_a_part_without_texts(store: ObjectStore, plan: BuildPlan) -> None:
    replace_part(store, lambda table: table.drop_columns(["text"]))


def delete_verdicts(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(layout.verdicts_key("main"))


def delete_quarantine(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(layout.quarantine_key("main"))


def empty_quarantine(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.quarantine_key("main"), encode_quarantine([], plan.stamp))


def change_the_rules_of_the_manifest(store: ObjectStore, plan: BuildPlan) -> None:
    manifest = read_manifest(store, "main")
    store.put(layout.manifest_key("main"), encode_manifest(replace(manifest, rules={})))


def change_the_manifest(store: ObjectStore, plan: BuildPlan) -> None:
    manifest = read_manifest(store, "main")
    store.put(layout.manifest_key("main"), encode_manifest(replace(manifest, receipts=manifest.receipts[1:])))


def change_the_count_of_the_manifest(store: ObjectStore, plan: BuildPlan) -> None:
    manifest = read_manifest(store, "main")
    store.put(layout.manifest_key("main"), encode_manifest(replace(manifest, num_documents_kept=7)))


def break_the_manifest(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.manifest_key("main"), b"[]")


@pytest.mark.parametrize(
    ("plant", "kind", "message"),
    [
        (delete_pages, "missing", "the file is not there"),
        (delete_pages_and_receipt, "manifest", "is not the one in the bucket"),
        (delete_receipt, "receipt", "no receipt lies beside it"),
        (cut_pages, "damaged", "not the bytes that its receipt is of"),
        (change_a_byte, "damaged", "not the bytes that its receipt is of"),
        (cut_pages_without_receipt, "damaged", "not a whole Parquet file"),
        (change_a_receipt, "receipt", "num_rows is"),
        (break_a_receipt, "damaged", "is damaged"),
        (add_a_row_twice, "rows", "twice or more"),
        (lose_a_row, "rows", "1 are missing: 0"),
        (add_a_row_of_another_document, "rows", "which is no document of the file"),
        (add_a_page_beyond_the_last, "rows", "beyond its last page"),
        (lose_a_document, "lost", "was planned and stands neither"),
        (double_a_document, "doubled", "its pages stand in the build twice"),
        (double_a_document, "unplanned", "is not a document of this shard"),
        (make_pages_with_another_recipe, "stamp", "another recipe"),
        (add_a_pages_file, "unplanned", "no shard of the plan"),
        (add_a_part, "unplanned", "the manifest does not name this part"),
        (delete_a_part, "missing", "part of 8 documents is not there"),
        (cut_a_part, "damaged", "not the bytes that the manifest is of"),
        (change_a_part, "damaged", "not the bytes that the manifest is of"),
        (lose_a_published_document, "documents", "was kept and is not in documents/"),
        (publish_a_document_twice, "doubled", "stands in documents/ twice"),
        (publish_an_unknown_document, "documents", "is published and no page says so"),
        (change_a_published_text, "documents", "with other text, spans or pages"),
        (publish_a_part_without_texts, "damaged", "lacks the columns text"),
        (delete_verdicts, "damaged", "verdicts.parquet"),
        (delete_quarantine, "damaged", "quarantine.parquet"),
        (empty_quarantine, "manifest", "not the documents that the receipts name"),
        (change_the_rules_of_the_manifest, "manifest", "its rules are not"),
        (change_the_manifest, "manifest", "is not the one in the bucket"),
        (change_the_count_of_the_manifest, "manifest", "8 published"),
        (break_the_manifest, "damaged", "is damaged"),
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
    delete_receipt(store, plan)
    assert kinds(store) == {"receipt"}
    read_receipts(store, "main")
    assert kinds(store) == set()


def test_a_missing_pages_file_is_told_once_and_not_once_per_document(store: MemoryStore, plan: BuildPlan) -> None:
    delete_pages(store, plan)
    (finding,) = verify(store, "main").findings
    assert finding.kind == "missing"


def test_a_missing_part_is_told_once_and_not_once_per_document(store: MemoryStore, plan: BuildPlan) -> None:
    delete_a_part(store, plan)
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
    change_a_byte(store, plan)
    with pytest.raises(VerifyError, match="not the bytes that its receipt is of; `pagemill verify` tells more"):
        publish(store, config())
