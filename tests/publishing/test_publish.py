"""A finished build to a training set: whole, the same each time, and resumable after a crash at every step."""

from dataclasses import replace

import pytest
import yaml

from pipeline.builds import layout
from pipeline.builds.close import close_build
from pipeline.builds.commit import bisect, commit_shard, split_shard
from pipeline.builds.ledger import MANIFEST, decode_manifest, encode_manifest, read_manifest
from pipeline.builds.status import status
from pipeline.errors import BuildError, BuildIncomplete
from pipeline.publishing.verdicts import decode_verdicts
from pipeline.publishing.versions import decode_version, encode_version, read_version
from pipeline.tables.documents import DocumentRow, document_rows
from pipeline.tables.footer import ShardDocuments
from pipeline.tables.pages import encode_pages
from pipeline.tables.parquet import decode, footer_of, to_json
from pipeline.tables.schemas import DOCUMENTS_SCHEMA
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import Crash, MemoryStore
from tests.tables.samples import document, head, opened, pages_file, pages_of, signals

STRICT_AND_GERMAN = {"rules": {"documents": {"min_words": 1000, "languages": ["de"]}}}
NO_RULES = {
    "rules": {"documents": {"min_letters": 0, "min_words": 0, "alpha_word_fraction_below": 0.0, "mean_word_chars_below": 1e-9}}
}
SMALL_PARTS = {"publish": {"part_bytes": 2000, "row_group_bytes": 900}}


def rows_of(store: MemoryStore, version_id: str = "main") -> list[DocumentRow]:
    keys = [info.key for info in store.list(layout.documents_prefix(version_id))]
    return [row for key in keys for row in document_rows(decode(store.get(key), DOCUMENTS_SCHEMA.names))]


def test_every_document_with_enough_text_is_published_once_with_its_kept_pages(store: MemoryStore) -> None:
    finished_build(store)
    manifest = publish(store, config())
    rows = rows_of(store)
    assert sorted(row.file_path for row in rows) == [f"/corpus/{name}.pdf" for name in "abcdefgh"]
    for row in rows:
        of = opened(document(row.file_path.removeprefix("/corpus/")))
        kept = [page for page in pages_of(of) if not page.reject]
        spans = [row.text[start:end] for start, end in zip((0, *row.page_ends), row.page_ends, strict=False)]
        assert [span.strip() for span in spans] == [page.text for page in kept]
        assert row.page_indices == tuple(page.page_id.page_index for page in kept)
    (build,) = manifest.builds
    assert (manifest.num_documents_kept, build.evidence.num_documents_planned) == (8, 9)
    assert sum(part.num_rows for part in manifest.parts) == 8


def test_the_manifest_of_a_version_comes_back_from_its_json_as_it_was(store: MemoryStore) -> None:
    finished_build(store)
    manifest = publish(store, config())
    assert read_version(store, "main") == manifest
    assert decode_version(encode_version(manifest), "key") == manifest


def test_a_document_that_breaks_rules_is_counted_under_each_and_named_in_the_verdicts(store: MemoryStore) -> None:
    finished_build(store, rules={"documents": {"min_words": 100}})
    manifest = publish(store, config(rules={"documents": {"min_words": 100}}))
    short = {ref.uri for ref in CORPUS[:8] if sum(not page.reject for page in pages_of(opened(ref))) == 1}
    assert 0 < len(short) < 8
    assert dict(manifest.documents_by_reject) == {"too_short": len(short)}
    verdicts = list(decode_verdicts(store.get(layout.verdicts_key("main"))))
    assert {verdict.file_path for verdict in verdicts if verdict.reject} == short
    assert sorted(row.file_path for row in rows_of(store)) == sorted({ref.uri for ref in CORPUS[:8]} - short)


def test_a_document_with_two_reasons_counts_under_both(store: MemoryStore) -> None:
    finished_build(store, [document("a.pdf")], **STRICT_AND_GERMAN)
    manifest = publish(store, config(**STRICT_AND_GERMAN))
    assert dict(manifest.documents_by_reject) == {"language": 1, "too_short": 1}


def test_a_document_without_a_kept_page_is_never_published_as_an_empty_text(store: MemoryStore) -> None:
    plan = planned_build(store, [document("a.pdf")], **NO_RULES)
    records = [replace(page, text="", signals=signals("")) for page in pages_of(opened(document("a.pdf")))]
    data = encode_pages(records, head(plan.shards[0], stamp=plan.stamp))
    commit_shard(store, "main", plan.shards[0].shard_id, data, attempt_id="a")
    manifest = publish(store, config(**NO_RULES))
    assert manifest.documents_by_reject
    assert manifest.num_documents_kept == 0
    assert rows_of(store) == []
    assert len(manifest.parts) == 1, "one part of no rows, so that readers find a table"


def test_equal_bytes_under_two_names_are_published_once(store: MemoryStore) -> None:
    """Planning gives both names to one document; should it miss one, the first is kept."""
    plan = planned_build(store)
    for shard in plan.shards:
        refs = tuple(replace(ref, aliases=()) for ref in shard.documents)
        data = pages_file(replace(shard, documents=refs), stamp=plan.stamp)
        commit_shard(store, "main", shard.shard_id, data, attempt_id="a")
    first, last = plan.shards[0], plan.shards[-1]
    copied = replace(opened(first.documents[0]), document=last.documents[-1])
    with_copy = replace(head(last, stamp=plan.stamp), documents=ShardDocuments(opened=(copied,), failed=(), known=()))
    store.put(layout.pages_key("main", last.shard_id), encode_pages(pages_of(copied), with_copy))
    store.delete(layout.receipt_key("main", last.shard_id))
    manifest = publish(store, config())
    assert dict(manifest.documents_by_reject) == {"duplicate_exact": 1}
    assert [row.file_path for row in rows_of(store)].count(first.documents[0].uri) == 1


def test_publishing_waits_for_every_shard(store: MemoryStore) -> None:
    plan = planned_build(store)
    commit_shard(store, "main", plan.shards[0].shard_id, pages_file(plan.shards[0], stamp=plan.stamp), attempt_id="a")
    with pytest.raises(BuildIncomplete, match="lacks 2 of 3 shards; run `pagemill build` again"):
        publish(store, config())
    assert not [key for key in store.objects if key.startswith("documents/")]


def test_a_build_with_a_split_shard_is_published_whole(store: MemoryStore) -> None:
    plan = planned_build(store)
    split_shard(store, plan.stamp, plan.shards[0], worker="driver")
    for shard in (*bisect(plan.shards[0]), *plan.shards[1:]):
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    publish(store, config())
    assert sorted(row.file_path for row in rows_of(store)) == [f"/corpus/{name}.pdf" for name in "abcdefgh"]


def test_a_split_shard_gives_the_documents_and_their_order_that_the_whole_shard_would() -> None:
    whole, halved = MemoryStore(), MemoryStore()
    finished_build(whole)
    plan = planned_build(halved)
    for shard in plan.shards:
        split_shard(halved, plan.stamp, shard, worker="driver") if len(shard.documents) > 1 else None
        for part in bisect(shard) if len(shard.documents) > 1 else (shard,):
            commit_shard(halved, "main", part.shard_id, pages_file(part, stamp=plan.stamp), attempt_id="a")
    for store in (whole, halved):
        publish(store, config())
    assert [row.id for row in rows_of(halved)] == [row.id for row in rows_of(whole)]
    assert rows_of(whole)


def test_parts_are_rolled_by_size_and_row_groups_hold_whole_documents(store: MemoryStore) -> None:
    finished_build(store)
    manifest = publish(store, config(**SMALL_PARTS))
    assert len(manifest.parts) > 2
    assert [part.key for part in manifest.parts] == [
        f"documents/version=main/part-{i:05d}.parquet" for i in range(len(manifest.parts))
    ]
    assert len(rows_of(store)) == 8
    assert footer_of(store.get(manifest.parts[0].key))["pagemill.schema"] == "documents/3"


def test_the_same_build_gives_the_same_bytes_whoever_published_it() -> None:
    first, second = MemoryStore(), MemoryStore()
    plan = finished_build(first)
    second.objects = {key: data for key, data in first.objects.items() if "receipts" not in key}
    second.attempts = dict(first.attempts)
    for store in (first, second):
        publish(store, config(**SMALL_PARTS))
    assert first.objects == second.objects
    assert plan.stamp.build_id == "main"


def test_a_publish_that_crashed_at_any_write_is_finished_by_the_next() -> None:
    whole = MemoryStore()
    finished_build(whole)
    unpublished, attempts, num_before = dict(whole.objects), dict(whole.attempts), whole.num_writes
    publish(whole, config(**SMALL_PARTS))
    num_writes = whole.num_writes - num_before
    assert num_writes >= 8
    for moment in ("crash_before_write", "crash_after_write"):
        for step in range(1, num_writes + 1):
            store = MemoryStore()
            store.objects, store.attempts = dict(unpublished), dict(attempts)
            setattr(store, moment, step)
            with pytest.raises(Crash):
                publish(store, config(**SMALL_PARTS))
            publish(store, config(**SMALL_PARTS))
            assert store.objects == whole.objects


def test_publishing_again_changes_nothing_and_reads_no_pages(store: MemoryStore) -> None:
    finished_build(store)
    manifest = publish(store, config())
    before = dict(store.objects)
    for key in [key for key in store.objects if key.startswith("pages/")]:
        store.delete(key)
    assert publish(store, config()) == manifest
    assert store.objects == {key: data for key, data in before.items() if not key.startswith("pages/")}


def test_other_rules_are_another_version_of_the_same_pages(store: MemoryStore) -> None:
    finished_build(store)
    first = publish(store, config())
    strict = publish(store, config(rules={"documents": {"min_words": 100}}))
    assert (strict.version_id, strict.parent_id, strict.generation) == ("main.1", "main", 1)
    assert 0 < strict.num_documents_kept < first.num_documents_kept
    assert len(rows_of(store, "main")) == first.num_documents_kept, "an earlier version stays as it was"
    assert len(rows_of(store, "main.1")) == strict.num_documents_kept


def test_parts_of_another_size_are_another_version(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    small = publish(store, config(**SMALL_PARTS))
    assert small.version_id == "main.1"
    assert rows_of(store, "main.1") == rows_of(store, "main")


def test_the_card_counts_what_the_latest_version_holds_and_leads_to_its_folder(store: MemoryStore) -> None:
    finished_build(store, CORPUS[:4], "monday")
    publish(store, config("monday"))
    finished_build(store, CORPUS, "tuesday")
    version = publish(store, config("tuesday"))
    card = store.get(layout.CARD_KEY).decode()
    front = yaml.safe_load(card.split("---")[1])
    assert [each["config_name"] for each in front["configs"]] == ["documents", "pages"]
    assert front["configs"][0]["data_files"][0]["path"] == "documents/version=tuesday/*.parquet"
    num_ok = sum(build.evidence.pages_by_status["ok"] for build in version.builds)
    assert f"| `ok` | {num_ok} |" in card
    assert "| `damaged` | 1 |" in card
    assert "| monday |" in card
    assert "`page_ends`" in card


def test_the_status_counts_shards_and_pages_as_they_come(store: MemoryStore) -> None:
    plan = planned_build(store)
    assert (status(store, "main").num_shards_open, status(store, "main").num_pages) == (3, 0)
    split_shard(store, plan.stamp, plan.shards[0], worker="driver")
    assert status(store, "main").num_shards == 4
    for shard in (*bisect(plan.shards[0]), *plan.shards[1:]):
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    done = status(store, "main")
    assert (done.num_shards_open, done.is_finished) == (0, False)
    assert done.num_pages == sum(opened(ref).num_pages for ref in CORPUS[:8])
    assert (done.num_documents_opened, dict(done.quarantined_by_reason)) == (8, {"damaged": 1})
    publish(store, config())
    assert status(store, "main").is_finished


def test_a_build_that_was_never_planned_is_named(store: MemoryStore) -> None:
    for ask in (lambda: status(store, "nightly"), lambda: publish(store, config("nightly"))):
        with pytest.raises(BuildError, match="there is no build 'nightly' in memory:"):
            ask()


def test_a_manifest_has_one_spelling_however_it_is_written(store: MemoryStore) -> None:
    """Receipt by receipt, or as one value."""
    manifest = close_build(store, finished_build(store))
    data = encode_manifest(manifest)
    assert data.decode() == to_json(MANIFEST.dump_python(manifest, mode="json")) + "\n"
    assert decode_manifest(data, "key") == manifest == read_manifest(store, "main")
