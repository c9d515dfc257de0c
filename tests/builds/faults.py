"""Faults to plant in a published build, each a function of the store and the plan: lost, doubled, changed, forged."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from pipeline.builds import layout
from pipeline.builds.ledger import decode_receipt, encode_manifest, encode_receipt, read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.quarantine import encode_quarantine
from pipeline.builds.receipt import receipt_of
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verdicts import VERDICTS_SCHEMA
from pipeline.publishing.versions import encode_version, read_version
from pipeline.records import PageId
from pipeline.tables.footer import head_texts
from pipeline.tables.pages import encode_pages, pages_table
from pipeline.tables.parquet import decode, encode, footer_of
from pipeline.tables.schemas import DOCUMENTS_SCHEMA, PAGES_SCHEMA
from tests.tables.samples import head, opened, pages_file, pages_of


def pages_key(plan: BuildPlan, ordinal: int = 0) -> str:
    return layout.pages_key("main", plan.shards[ordinal].shard_id)


def replace_pages(store: ObjectStore, plan: BuildPlan, data: bytes, ordinal: int = 0) -> None:
    """Puts a wrong pages file and a receipt that fits it: only the contents can give it away."""
    key = pages_key(plan, ordinal)
    store.put(key, data)
    store.put(layout.receipt_key("main", plan.shards[ordinal].shard_id), encode_receipt(receipt_of(data, key)))


def replace_part(store: ObjectStore, change: Callable[[pa.Table], pa.Table]) -> None:
    """Puts a wrong documents part and a manifest of the version that fits it."""
    version = read_version(store, "main")
    (part,) = version.parts
    table, footer = decode(store.get(part.key), DOCUMENTS_SCHEMA.names), footer_of(store.get(part.key))
    changed = change(table)
    data = encode(changed, footer)
    store.put(part.key, data)
    named = replace(part, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), num_rows=changed.num_rows)
    store.put(layout.version_manifest_key("main"), encode_version(replace(version, parts=(named,))))


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
    store.put(layout.documents_key("main", 0), encode(table, {"pagemill.schema": "documents/3"}))


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


def change_the_count_of_the_version(store: ObjectStore, plan: BuildPlan) -> None:
    version = read_version(store, "main")
    (build,) = version.builds
    miscounted = replace(version, builds=(replace(build, num_documents_kept=7),))
    store.put(layout.version_manifest_key("main"), encode_version(miscounted))


def break_the_version(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.version_manifest_key("main"), b"[]")


def lose_the_version(store: ObjectStore, plan: BuildPlan) -> None:
    store.delete(layout.version_manifest_key("main"))


def replace_verdicts(store: ObjectStore, change: Callable[[dict[str, object]], dict[str, object] | None]) -> None:
    """Puts a wrong table of verdicts and a manifest of the version that fits it."""
    version, key = read_version(store, "main"), layout.verdicts_key("main")
    rows = [change(row) for row in decode(store.get(key), VERDICTS_SCHEMA.names).to_pylist()]
    kept = [row for row in rows if row is not None]
    data = encode(pa.Table.from_pylist(kept, schema=VERDICTS_SCHEMA), footer_of(store.get(key)))
    store.put(key, data)
    (build,) = version.builds
    reasons = Counter(reason for row in kept for reason in row["reject"])
    counted = replace(build, num_documents_kept=sum(not row["reject"] for row in kept), documents_by_reject=dict(reasons))
    named = replace(version, verdicts_sha256=hashlib.sha256(data).hexdigest(), builds=(counted,))
    store.put(layout.version_manifest_key("main"), encode_version(named))


def reject_a_good_document(store: ObjectStore, plan: BuildPlan) -> None:
    uri = plan.shards[0].documents[0].uri
    replace_verdicts(store, lambda row: {**row, "reject": ["language"]} if row["file_path"] == uri else row)


def call_a_document_a_duplicate_of_nothing(store: ObjectStore, plan: BuildPlan) -> None:
    uri, changes = plan.shards[0].documents[0].uri, {"reject": ["duplicate_near"], "kind": "near", "canonical": "f" * 64}
    replace_verdicts(store, lambda row: {**row, **changes} if row["file_path"] == uri else row)


def lose_a_verdict(store: ObjectStore, plan: BuildPlan) -> None:
    uri = plan.shards[0].documents[0].uri
    replace_verdicts(store, lambda row: None if row["file_path"] == uri else row)


def turn_the_published_documents_round(store: ObjectStore, plan: BuildPlan) -> None:
    replace_part(store, lambda table: table.take(list(reversed(range(table.num_rows)))))


def change_a_published_language(store: ObjectStore, plan: BuildPlan) -> None:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("language")
        return table.set_column(place, table.schema.field(place), pa.array(["xx"] * table.num_rows))

    replace_part(store, change)


def break_the_manifest(store: ObjectStore, plan: BuildPlan) -> None:
    store.put(layout.manifest_key("main"), b"[]")
