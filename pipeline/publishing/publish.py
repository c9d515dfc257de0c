"""A finished build to a training set: documents assembled, judged, freed of exact copies, written, and the manifest last.

In: the store and the config. Out: the BuildManifest. Deterministic for any number of workers, because it reads the
committed files in the plan's order; a publish that crashed is run again and finds its own bytes. Holds the pages files of
one planned shard, one row group and one compressed part at a time, and of each document its identity and its encoded verdict.
Knows no page rule: pages come judged. Costs reading every pages file once: 6 ms of one core for one of a page.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.commit import leaf_shards, leaves_of, open_shards, read_receipts
from pipeline.builds.ledger import advance_latest, encode_manifest, read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipt import is_of
from pipeline.builds.recipe import difference, recipe_id
from pipeline.config import BuildConfig, DocumentRules
from pipeline.errors import BuildError, BuildIncomplete, ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import assemble, judge_pages, training_pages
from pipeline.publishing.card import write_card
from pipeline.publishing.pages_files import DocumentPages, document_pages
from pipeline.publishing.parts import put_same, write_parts
from pipeline.publishing.verdicts import Verdict, VerdictsFile, encode_quarantine
from pipeline.receipts import BuildManifest, ShardReceipt
from pipeline.tables.documents import DocumentRow
from pipeline.tables.schemas import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedDocument:
    """A document, the shard that holds it, and its row when it is published."""

    verdict: Verdict
    row: DocumentRow | None


def publish(store: ObjectStore, config: BuildConfig) -> BuildManifest:
    """Publishes `config.build_id`, or finds it published. Raises BuildIncomplete while shards are missing, BuildError for
    rules other than those its pages were judged with."""
    plan = read_plan(store, config.build_id)
    changed = difference(plan.stamp.rules, config.rules.model_dump(mode="json"))
    if changed:
        raise BuildError(f"build {plan.build_id!r} was made with other rules ({changed}); publish it with those")
    try:
        manifest = read_manifest(store, plan.build_id)
    except ObjectMissing:
        manifest = _write_build(store, plan, config)
    write_card(store, manifest, plan.stamp)
    advance_latest(store, manifest)
    return manifest


def judged_documents(
    store: ObjectStore, plan: BuildPlan, receipts: Mapping[str, ShardReceipt], rules: DocumentRules
) -> Iterator[JudgedDocument]:
    """Every opened document of a finished build, in the plan's order and in a shard in that of doc_id, whether the shard was
    split or not. Of equal bytes the first is kept."""
    seen: set[bytes] = set()
    for shard in plan.shards:
        halves = [_documents_of(store, receipts[leaf.shard_id]) for leaf in leaves_of(shard, receipts)]
        for shard_id, each in heapq.merge(*halves, key=lambda found: found[1].document.doc_id):
            digest = bytes.fromhex(each.document.doc_id)
            is_copy = digest in seen
            seen.add(digest)
            judgement = judge_pages(each.document, each.pages, rules)
            reject = ("duplicate",) if is_copy else judgement.reject
            row = None if reject else assemble(each.document, each.pages, judgement, code_version=plan.stamp.code_version)
            yield JudgedDocument(verdict=_verdict(each, shard_id, reject), row=row)


def _documents_of(store: ObjectStore, receipt: ShardReceipt) -> Iterator[tuple[str, DocumentPages]]:
    return ((receipt.shard_id, each) for each in document_pages(_pages_file(store, receipt)))


def _pages_file(store: ObjectStore, receipt: ShardReceipt) -> bytes:
    data = store.get(receipt.key)
    if not is_of(receipt, data):
        raise VerifyError(f"{receipt.key} in {store.uri} is not the bytes that its receipt is of; `pagemill verify` tells more")
    return data


def _write_build(store: ObjectStore, plan: BuildPlan, config: BuildConfig) -> BuildManifest:
    receipts = read_receipts(store, plan.build_id)
    todo = open_shards(plan, receipts)
    if todo:
        num_shards = sum(1 for _ in leaf_shards(plan, receipts))
        raise BuildIncomplete(
            f"build {plan.build_id!r} lacks {len(todo)} of {num_shards} shards; run `pagemill build` again to finish them"
        )
    attempt_id = uuid4().hex
    verdicts = VerdictsFile(plan.stamp)

    def published_rows() -> Iterator[DocumentRow]:
        for judged in judged_documents(store, plan, receipts, config.rules.documents):
            verdicts.add(judged.verdict)
            if judged.row is not None:
                yield judged.row

    parts = write_parts(store, plan.stamp, published_rows(), config.publish, attempt_id=attempt_id)
    failures = [(receipt.shard_id, failure) for receipt in receipts.values() for failure in receipt.quarantined]
    put_same(store, layout.verdicts_key(plan.build_id), verdicts.encoded(), attempt_id=attempt_id)
    put_same(store, layout.quarantine_key(plan.build_id), encode_quarantine(failures, plan.stamp), attempt_id=attempt_id)
    manifest = BuildManifest(
        build_id=plan.build_id,
        schema_version=SCHEMA_VERSION,
        recipe_id=recipe_id(plan.stamp.recipe),
        recipe=plan.stamp.recipe,
        rules=plan.stamp.rules,
        code_version=plan.stamp.code_version,
        planned_at=plan.planned_at,
        receipts=tuple(receipts.values()),
        documents=tuple(parts),
        documents_by_reject=dict(sorted(verdicts.by_reject.items())),
        num_documents_kept=verdicts.num_kept,
        num_documents_planned=plan.num_documents,
    )
    put_same(store, layout.manifest_key(plan.build_id), encode_manifest(manifest), attempt_id=attempt_id)
    return manifest


def _verdict(each: DocumentPages, shard_id: str, reject: tuple[str, ...]) -> Verdict:
    return Verdict(
        id=each.document.doc_id,
        file_path=each.document.document.uri,
        shard_id=shard_id,
        n_pages=each.document.num_pages,
        kept_pages=len(training_pages(each.pages)),
        reject=reject,
    )
