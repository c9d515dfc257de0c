"""What no kept version needs: found, named, and deleted only when asked to.

In: the store, which versions to keep, and a time before which things count as settled. Out: a GarbagePlan.

Kept are the latest version, the newest ones of the line that led to it, and those that are named. Evidence is never garbage:
plans, changes, receipts, quarantine, manifests, pages, audit. Nor is what a build or a publish at work has put: whoever deletes
holds the dataset's lease; what is younger than the given time is left alone; and so is a version that was begun on the latest
one, whole or not, for the same command still publishes it. A deleted version leaves `withdrawn.json` and its claim, which
nobody can repeat: the version that it was to be made on is not the latest any more. So its name is never used again.

Deleting first puts an audit entry, then each version's withdrawal, by which what is left of it is known: it may be interrupted
anywhere and run again. Costs one listing of the store, and a get for each version.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.audit import AuditEntry, Change, put_entry
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.errors import BuildError, ObjectMissing
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.publishing.versions import CLAIM, Claim, VersionManifest, latest_version, list_versions
from pipeline.publishing.withdrawn import list_withdrawals
from pipeline.readers.withdrawn import WITHDRAWAL, Withdrawal, withdrawal_key


@dataclass(frozen=True, kw_only=True, slots=True)
class Garbage:
    """One object that may go."""

    kind: str
    """`old version`, `unpublished version`, `judged rows`, `index`, `golden run` or `leftover`."""
    info: ObjectInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class GarbagePlan:
    kept: tuple[str, ...]
    """Versions, oldest first."""
    dropped: tuple[str, ...]
    garbage: tuple[Garbage, ...]
    """In the order in which it is deleted."""


def plan_garbage(
    store: ObjectStore,
    *,
    num_kept: int,
    also_kept: Collection[str],
    settled_before: datetime,
    leftovers: Iterable[ObjectInfo] = (),
) -> GarbagePlan:
    """Writes nothing. `leftovers` are what a store itself has left. Raises BuildError when one of `also_kept` is not there."""
    versions = {version.version_id: version for version in list_versions(store)}
    gone = {each.version_id for each in list_withdrawals(store)}
    if missing := sorted(set(also_kept) - (versions.keys() - gone)):
        raise BuildError(f"there is no version {', '.join(missing)} in {store.uri} to keep; `pagemill log` lists them")
    latest = latest_version(store)
    latest_id = latest.version_id if latest else None
    unfinished = {each.version_id for each in versions.values() if each.parent_id == latest_id} - gone
    kept = {*also_kept, *unfinished, *_line(versions, latest, num_kept, gone)}
    claims = dict(_claims(store))
    at_work = {
        each.version_id
        for each in claims.values()
        if each.version_id not in versions.keys() | gone and each.parent_id == latest_id
    }
    judge_ids = {versions[each].inputs.judge_id for each in kept} | {claims[each].inputs.judge_id for each in at_work}
    found = [
        Garbage(kind=kind, info=info)
        for info in store.list()
        if (kind := _kind(info, kept | at_work, versions.keys() | gone, judge_ids)) and info.modified_at < settled_before
    ]
    found += _golden(store, settled_before)
    found += [Garbage(kind="leftover", info=info) for info in leftovers if info.modified_at < settled_before]
    return GarbagePlan(
        kept=tuple(each for each in versions if each in kept),
        dropped=tuple(each for each in versions if each not in kept),
        garbage=tuple(sorted(found, key=lambda each: each.info.key)),
    )


def delete_garbage(store: ObjectStore, plan: GarbagePlan, *, who: str, reason: str, at: datetime, code_version: str) -> None:
    """Raises StoreError; the same plan, or a new one, goes on from there."""
    if not plan.garbage:
        return
    changes = tuple(
        Change(key=each.info.key, change="deleted", size_bytes=each.info.size_bytes, version=each.info.version)
        for each in plan.garbage
    )
    entry = AuditEntry(action="gc", who=who, at=at, reason=reason, code_version=code_version, ids=(), uris=(), changes=changes)
    audit_key = put_entry(store, entry)
    for version_id in plan.dropped:
        withdrawal = Withdrawal(version_id=version_id, at=at, reason="old, deleted by `pagemill gc`", audit_key=audit_key)
        store.put_once(withdrawal_key(version_id), encode_record(WITHDRAWAL, withdrawal), attempt_id=uuid4().hex)
    for each in plan.garbage:
        store.delete(each.info.key)


def _line(
    versions: dict[str, VersionManifest], latest: VersionManifest | None, num_kept: int, gone: Collection[str]
) -> Iterator[str]:
    """The latest and those it was made on, as many as are to be kept; the latest always."""
    version, num = latest, 0
    while version is not None and num < max(num_kept, 1):
        if version.version_id not in gone:
            yield version.version_id
            num += 1
        version = versions.get(version.parent_id or "")


def _claims(store: ObjectStore) -> Iterator[tuple[str, Claim]]:
    for info in store.list(layout.VERSIONS_PREFIX):
        if layout.CLAIM_KEY.fullmatch(info.key):
            claim = decode_record(CLAIM, store.get(info.key), info.key)
            yield claim.version_id, claim


def _kind(info: ObjectInfo, needed: Collection[str], whole: Collection[str], judge_ids: Collection[str]) -> str:
    """What kind of garbage an object is, "" for none."""
    key = info.key
    if key.startswith((layout.CLOCK_PREFIX, layout.PROBE_PREFIX)):
        return "leftover"
    of_judge = layout.OF_JUDGE_KEY.fullmatch(key)
    if of_judge:
        is_index = key.startswith(layout.DEDUP_PREFIX)
        return "" if of_judge["judge_id"] in judge_ids else "index" if is_index else "judged rows"
    of_version = layout.OF_VERSION_KEY.fullmatch(key) or layout.DOCUMENTS_KEY.fullmatch(key)
    if of_version is None or of_version["version_id"] in needed:
        return ""
    if of_version["version_id"] in whole:
        return "" if key.endswith(("/withdrawn.json", "/claim.json")) else "old version"
    return "unpublished version"


def _golden(store: ObjectStore, settled_before: datetime) -> Iterator[Garbage]:
    """Runs of nights of which there is no plan."""
    for info in list(store.list(layout.GOLDEN_PREFIX)):
        build_id = info.key.removeprefix(layout.GOLDEN_PREFIX).partition("/")[0]
        try:
            store.head(layout.plan_key(build_id))
        except ObjectMissing:
            if info.modified_at < settled_before:
                yield Garbage(kind="golden run", info=info)
