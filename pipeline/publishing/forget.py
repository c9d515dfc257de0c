"""Documents out of everything that a dataset stores: pages files, judged rows, indexes and published versions.

In: a Takedown. Out: a Forgetting, and a store in which no object holds a text, a title or an author of these documents, nor of
those that say the same. Nothing else replaces evidence (infra/decisions/0009). In this order, each step such that a crash
before the next leaves a dataset that the same command finishes:

    1. an audit entry: from here on no build reads these bytes or names, and no version is made with them
    2. images of their pages go; reports of their builds, judged rows and indexes of their shards are deleted, and may be made
       again from what is left
    3. pages files: rows become tombstones; then the receipt, then the build's manifest, which are of its bytes
    4. the version without them is published on top of the latest
    5. every version that holds one of them is withdrawn, and so are parts that were never published

Between 3 and 5 readers still find them in the version that they have. Whoever calls this holds the dataset's lease: a driver at
work would commit what it has read. Costs the footer of every pages file, and reading and writing those that change.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds import layout
from pipeline.builds.audit import AuditEntry, Change, Forgotten, put_entry, read_forgotten
from pipeline.builds.close import finished_builds
from pipeline.builds.footers import get_footer
from pipeline.builds.ledger import encode_manifest, encode_receipt, read_manifest
from pipeline.builds.past import past_builds
from pipeline.builds.receipt import receipt_of
from pipeline.config import BuildConfig
from pipeline.errors import BuildError, ObjectMissing
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.parallel import Spread, map_in_order, one_by_one
from pipeline.publishing.derived import derived_objects
from pipeline.publishing.forget_images import bury_images, images_with
from pipeline.publishing.lists import read_lists
from pipeline.publishing.live import read_planned_names
from pipeline.publishing.publish import decide_documents, inputs_of, judge_shards, publish_builds
from pipeline.publishing.survey import survey
from pipeline.publishing.takedown import Takedown, documents_under, takedown_id
from pipeline.publishing.tokens import keep_tokenizer
from pipeline.publishing.tombstones import is_forgotten, without_documents
from pipeline.publishing.verdicts import VERDICTS_SCHEMA
from pipeline.publishing.versions import VersionManifest, latest_version, list_versions
from pipeline.publishing.withdrawn import list_withdrawals, withdraw
from pipeline.readers.withdrawn import Withdrawal
from pipeline.receipts import ShardReceipt
from pipeline.records import KnownDocument, OpenedDocument
from pipeline.tables.footer import head_of
from pipeline.tables.parquet import decode

PARALLEL_GETS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Who asks for what, and why."""

    takedown: Takedown
    who: str
    reason: str
    at: datetime
    """UTC."""
    code_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgetting:
    """What is to be forgotten, or was."""

    ids: frozenset[str]
    """Documents that were named and are in the dataset."""
    copies: frozenset[str]
    """Those that say the same."""
    uris: frozenset[str]
    changes: tuple[Change, ...]
    version_id: str | None = None
    """Published without them; None when none was needed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    """A pages file with documents to forget."""

    info: ObjectInfo
    build_id: str
    shard_id: str
    ids: frozenset[str]


def plan_forgetting(store: ObjectStore, config: BuildConfig, takedown: Takedown, *, spread: Spread = one_by_one) -> Forgetting:
    """What `forget` would do. Changes no evidence and no version; rows that are judged to find what says the same are put, as
    every publish does."""
    named = frozenset(_named(store, takedown))
    forgotten = read_forgotten(store)
    copies = _copies(store, config, takedown, spread) - named - forgotten.ids
    uris = takedown.uris | takedown.only_uris
    return Forgetting(ids=named, copies=copies, uris=uris, changes=tuple(_changes(store, named | copies | forgotten.ids)))


def forget(store: ObjectStore, config: BuildConfig, order: Order, *, spread: Spread = one_by_one) -> Forgetting:
    """Raises BuildError, VerifyError, StoreError, Overtaken; the same command finishes what was begun."""
    _finish(store)
    plan = plan_forgetting(store, config, order.takedown, spread=spread)
    before = read_forgotten(store)
    told = Forgotten(ids=plan.ids | plan.copies | order.takedown.ids | order.takedown.only_ids, uris=plan.uris)
    is_new = not (told.ids <= before.ids and told.uris <= before.uris)
    if not is_new and not plan.changes and not _is_behind(store, config):
        return plan
    audit_key = put_entry(
        store,
        AuditEntry(
            action="forget",
            who=order.who,
            at=order.at,
            reason=order.reason,
            code_version=order.code_version,
            ids=tuple(sorted(told.ids)),
            uris=tuple(sorted(told.uris)),
            changes=plan.changes,
        ),
    )
    ids = told.ids | before.ids
    _bury(store, ids)
    version = _publish(store, config, order.code_version, spread)
    _withdraw(store, ids, Withdrawal(version_id="", at=order.at, reason=order.reason or "forgotten", audit_key=audit_key))
    return replace(plan, version_id=version.version_id if version else None)


def _finish(store: ObjectStore) -> None:
    """What an earlier attempt has left half done: tombstones, receipts of them, parts of withdrawn versions."""
    _bury(store, read_forgotten(store).ids)
    for gone in list(list_withdrawals(store)):
        withdraw(store, gone)


def _is_behind(store: ObjectStore, config: BuildConfig) -> bool:
    """The latest version was made before something was forgotten."""
    latest = latest_version(store)
    return latest is not None and latest.inputs.takedown_id != takedown_id(read_lists(store, config).takedown)


def _named(store: ObjectStore, takedown: Takedown) -> Iterator[str]:
    """Ids of the documents, in any build, that were opened under these ids or names."""
    ids, uris = takedown.ids | takedown.only_ids, takedown.uris | takedown.only_uris
    plans = [(build.build_id, read_planned_names(store, build.build_id)) for build in past_builds(store)] if uris else []
    under = documents_under(plans, uris)
    for build_id, _, footer in _footers(store):
        documents = head_of(footer).documents
        found: Sequence[OpenedDocument | KnownDocument] = (*documents.opened, *documents.known)
        for each in found:
            if each.doc_id in ids or (build_id, each.document.uri) in under:
                yield each.doc_id


def _copies(store: ObjectStore, config: BuildConfig, takedown: Takedown, spread: Spread) -> frozenset[str]:
    """Ids of the documents that a publish would leave out on account of this list."""
    builds = survey(store, at_least=())
    if not builds:
        return frozenset()
    lists = replace(read_lists(store, config), takedown=takedown)
    tokenizer = keep_tokenizer(store, config)
    judge_id = inputs_of(builds, config, lists, tokenizer).judge_id
    judge_shards(store, builds, config.rules, lists.benchmarks, tokenizer, spread)
    decision = decide_documents(store, builds, judge_id, takedown, config.dedup, spread)
    is_out = [place for place, names in enumerate(decision.reject.combinations) if "taken_down" in names]
    rows = pc.is_in(pa.array(decision.reject.code), value_set=pa.array(is_out, pa.int32()))
    return frozenset(doc_id.hex() for doc_id in decision.evidence.doc_id.filter(rows).to_pylist())


def _footers(store: ObjectStore) -> Iterator[tuple[str, ObjectInfo, bytes]]:
    """Build, object and footer of every pages file."""
    found = [(match["build_id"], info) for info in store.list("pages/") if (match := layout.PAGES_KEY.fullmatch(info.key))]
    footers = map_in_order(lambda each: get_footer(store, each[1].key, each[1].size_bytes), found, num_threads=PARALLEL_GETS)
    yield from ((build_id, info, footer) for (build_id, info), footer in zip(found, footers, strict=True))


def _evidence(store: ObjectStore, ids: Collection[str]) -> Iterator[_Evidence]:
    """Pages files in which these documents are more than tombstones."""
    if not ids:
        return
    for build_id, info, footer in _footers(store):
        held = frozenset(each.doc_id for each in head_of(footer).documents.opened if each.doc_id in ids)
        if held and not is_forgotten(store.get(info.key), held):
            yield _Evidence(info=info, build_id=build_id, shard_id=layout.shard_id_of(info.key), ids=held)


def _changes(store: ObjectStore, ids: Collection[str]) -> Iterator[Change]:
    """Every object that is going to change, but the new version's."""
    found = list(_evidence(store, ids))
    for each in found:
        yield _change(each.info, "replaced")
        yield from (_change(info, "replaced") for info in store.list(layout.receipt_key(each.build_id, each.shard_id)))
    yield from (_change(info, "replaced") for info in images_with(store, ids))
    for build_id in sorted({each.build_id for each in found}):
        yield from (_change(info, "replaced") for info in store.list(layout.manifest_key(build_id)))
    yield from (_change(info, "deleted") for info in derived_objects(store, {(each.build_id, each.shard_id) for each in found}))
    for version_id in _versions_with(store, ids):
        yield from (_change(info, "withdrawn") for info in store.list(layout.documents_prefix(version_id)))


def _change(info: ObjectInfo, change: Literal["replaced", "deleted", "withdrawn"]) -> Change:
    return Change(key=info.key, change=change, size_bytes=info.size_bytes, version=info.version)


def _bury(store: ObjectStore, ids: Collection[str]) -> None:
    """Steps 2 and 3. Receipts and manifests are compared as well: a crash may have come between them and their pages."""
    bury_images(store, ids)
    found = list(_evidence(store, ids))
    for info in list(derived_objects(store, {(each.build_id, each.shard_id) for each in found})):
        store.delete(info.key)
    for each in found:
        data = without_documents(store.get(each.info.key), each.ids)
        if not store.replace(each.info.key, data, version=each.info.version, attempt_id=uuid4().hex):
            raise BuildError(f"{each.info.key} in {store.uri} has changed meanwhile; run the same command again")
    if ids:
        _renew_receipts(store, ids)


def _renew_receipts(store: ObjectStore, ids: Collection[str]) -> None:
    """Receipts of files with tombstones of these documents, and the manifests that repeat them."""
    renewed: dict[str, dict[str, ShardReceipt]] = {}
    for build_id, info, footer in _footers(store):
        if any(each.doc_id in ids for each in head_of(footer).documents.opened):
            receipt = receipt_of(store.get(info.key), info.key)
            _replace(store, layout.receipt_key(build_id, receipt.shard_id), encode_receipt(receipt))
            renewed.setdefault(build_id, {})[receipt.shard_id] = receipt
    for build_id in sorted(renewed.keys() & set(finished_builds(store))):
        manifest = read_manifest(store, build_id)
        receipts = tuple(renewed[build_id].get(receipt.shard_id, receipt) for receipt in manifest.receipts)
        _replace(store, layout.manifest_key(build_id), encode_manifest(replace(manifest, receipts=receipts)))


def _replace(store: ObjectStore, key: str, data: bytes) -> None:
    """An object that is there gets these bytes, if it has others."""
    try:
        version, found = store.head(key).version, store.get(key)
    except ObjectMissing:
        store.put_once(key, data, attempt_id=uuid4().hex)
        return
    if found != data and not store.replace(key, data, version=version, attempt_id=uuid4().hex):
        raise BuildError(f"{key} in {store.uri} has changed meanwhile; run the same command again")


def _publish(store: ObjectStore, config: BuildConfig, code_version: str, spread: Spread) -> VersionManifest | None:
    """The builds of the latest version again, without what is forgotten. No gate stops it; what one keeps back stays back."""
    parent = latest_version(store)
    if parent is None:
        return None
    builds = [build for build in survey(store, at_least=parent.inputs.builds) if build.build_id in parent.inputs.builds]
    return publish_builds(
        store,
        config.model_copy(update={"build_id": parent.inputs.builds[-1]}),
        builds,
        read_lists(store, config),
        parent=parent,
        code_version=code_version,
        spread=spread,
    )


def _withdraw(store: ObjectStore, ids: Collection[str], withdrawal: Withdrawal) -> None:
    for version_id in list(_versions_with(store, ids)):
        withdraw(store, replace(withdrawal, version_id=version_id))


def _versions_with(store: ObjectStore, ids: Collection[str]) -> Iterator[str]:
    """Versions that were published with one of them, and those that were begun and hold one."""
    gone = {each.version_id for each in list_withdrawals(store)}
    wanted = pa.array(sorted(ids), pa.string())
    published = {version.version_id for version in list_versions(store)}
    for version_id in sorted(published - gone):
        verdicts = decode(store.get(layout.verdicts_key(version_id)), VERDICTS_SCHEMA.names)
        is_kept = pc.equal(pc.list_value_length(verdicts.column("reject")), 0)
        if pc.any(pc.and_(is_kept, pc.is_in(verdicts.column("id"), value_set=wanted))).as_py():
            yield version_id
    begun = (layout.DOCUMENTS_KEY.fullmatch(info.key) for info in store.list(layout.DOCUMENTS_PREFIX))
    for version_id in sorted({match["version_id"] for match in begun if match} - published - gone):
        if any(_holds(store.get(info.key), wanted) for info in store.list(layout.documents_prefix(version_id))):
            yield version_id


def _holds(part: bytes, wanted: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(decode(part, ["id"]).column("id"), value_set=wanted)).as_py())
