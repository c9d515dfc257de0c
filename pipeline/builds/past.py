"""What earlier builds of a dataset have planned, found and failed at: all that planning another one needs to know.

In: the store and an input. Out: a Past. Reads the plan of every build once, the tables of changes of those with the same input,
and the manifests of finished builds for what they left in quarantine. Holds 48 bytes a document, and its quarantine as records.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.builds import layout
from pipeline.builds.changes import COUNTS, ListingCounts, NameChange, decode_changes
from pipeline.builds.footers import get_footer
from pipeline.builds.hash_set import HashSet
from pipeline.builds.ledger import read_manifest
from pipeline.builds.listing import document_key, key_of, name_key
from pipeline.builds.names import HeldNames, NameLog
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.records import DocumentFailure
from pipeline.tables.parquet import decode_groups, footer_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PastBuild:
    """One build that was planned."""

    build_id: str
    input_uri: str
    planned_at: datetime
    changes_key: str
    """"" when there are none."""
    counts: ListingCounts
    is_finished: bool
    """All of it is read, and its manifest says what was found."""

    @property
    def has_work(self) -> bool:
        """There was something to read, or names had come and gone."""
        counts = self.counts
        return self.changes_key != "" or counts.num_new + counts.num_changed + counts.num_retried > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """A document that never gave a page in the last build that planned it."""

    build_id: str
    failure: DocumentFailure
    num_builds: int
    """In which it was tried, this one included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    builds: Sequence[PastBuild]
    """In the order in which they were planned."""
    planned: HashSet
    """`document_key` of every document of every build."""
    held: HeldNames
    """What the names of the input hold."""
    troubles: Mapping[str, Trouble]
    """By `document_key`; a document that a build in work tries again is none of them."""
    num_recovered: int
    """Documents that were in quarantine once and were read by a later build."""


def read_past(store: ObjectStore, *, input_uri: str, but: str) -> Past:
    """All builds but one. Raises StoreError, VerifyError."""
    builds = [build for build in past_builds(store) if build.build_id != but]
    log = NameLog()
    history = _History()

    def keys() -> Iterator[str]:
        for build in builds:
            history.begin(build, _failures_of(store, build))
            for uri, aliases, size_bytes, version in _planned_documents(store, build):
                key = key_of(uri, size_bytes, version)
                history.planned(key)
                if build.input_uri == input_uri:
                    for name in (uri, *aliases):
                        log.holds(name, bytes.fromhex(key))
                yield key
            if build.input_uri == input_uri:
                _note_changes(log, changes_of(store, build.changes_key))

    planned = HashSet(keys())
    return Past(
        builds=builds,
        planned=planned,
        held=log.held(),
        troubles=history.troubles,
        num_recovered=history.num_recovered,
    )


def past_builds(store: ObjectStore) -> list[PastBuild]:
    """Every build that was planned, in the order in which they were."""
    infos = list(store.list(layout.BUILDS_PREFIX))
    finished = {match["build_id"] for info in infos if (match := layout.MANIFEST_KEY.fullmatch(info.key))}
    found = []
    for info in infos:
        match = layout.PLAN_KEY.fullmatch(info.key)
        if match:
            texts = _texts_of(get_footer(store, info.key, info.size_bytes), info.key)
            build = PastBuild(
                build_id=match["build_id"],
                input_uri=texts["pagemill.input"],
                planned_at=datetime.fromisoformat(texts["pagemill.planned_at"]),
                changes_key=texts["pagemill.changes"],
                counts=COUNTS.validate_json(texts["pagemill.counts"]),
                is_finished=match["build_id"] in finished,
            )
            found.append(build)
    return sorted(found, key=lambda build: (build.planned_at, build.build_id))


def changes_of(store: ObjectStore, changes_key: str) -> Iterator[NameChange]:
    """The changes under a plan's `changes_key`; none for "". Raises VerifyError, ObjectMissing."""
    return decode_changes(store.get(changes_key), changes_key) if changes_key else iter(())


def removals(store: ObjectStore, past: Past, removed: HeldNames, *, input_uri: str) -> Iterator[NameChange]:
    """The names behind the hashes, from the plans and tables that spoke of them last. Reads those again, when there are any."""
    wanted = dict(zip(removed.names.to_pylist(), removed.keys.to_pylist(), strict=True))
    for build in past.builds:
        if wanted and build.input_uri == input_uri:
            yield from _removals_in(store, build, wanted)


def _removals_in(store: ObjectStore, build: PastBuild, wanted: dict[bytes, bytes]) -> Iterator[NameChange]:
    for uri, aliases, size_bytes, version in _planned_documents(store, build):
        key = bytes.fromhex(key_of(uri, size_bytes, version))
        for name in (uri, *aliases):
            if wanted.get(name_key(name)) == key:
                del wanted[name_key(name)]
                yield NameChange(uri=name, change="removed", size_bytes=size_bytes, version=version, of_uri=uri)
    for change in changes_of(store, build.changes_key):
        if change.change != "removed" and wanted.get(name_key(change.uri)) == _key_of_change(change):
            del wanted[name_key(change.uri)]
            yield replace(change, change="removed")


def _note_changes(log: NameLog, changes: Iterator[NameChange]) -> None:
    for change in changes:
        if change.change == "removed":
            log.removed(change.uri)
        else:
            log.holds(change.uri, _key_of_change(change))


def _key_of_change(change: NameChange) -> bytes:
    return bytes.fromhex(key_of(change.of_uri, change.size_bytes, change.version))


class _History:
    """What became of documents that were once in quarantine, build after build."""

    def __init__(self) -> None:
        self.troubles: dict[str, Trouble] = {}
        self.num_recovered = 0
        self._build_id = ""
        self._is_finished = False
        self._failures: Mapping[str, DocumentFailure] = {}

    def begin(self, build: PastBuild, failures: Mapping[str, DocumentFailure]) -> None:
        self._build_id, self._is_finished, self._failures = build.build_id, build.is_finished, failures

    def planned(self, key: str) -> None:
        """A document of the build; not in its quarantine means that it was read, or is going to be."""
        before = self.troubles.pop(key, None)
        if failure := self._failures.get(key):
            num_builds = before.num_builds + 1 if before else 1
            self.troubles[key] = Trouble(build_id=self._build_id, failure=failure, num_builds=num_builds)
        elif before and self._is_finished:
            self.num_recovered += 1


def _failures_of(store: ObjectStore, build: PastBuild) -> dict[str, DocumentFailure]:
    if not build.is_finished:
        return {}
    receipts = read_manifest(store, build.build_id).receipts
    return {document_key(failure.document): failure for receipt in receipts for failure in receipt.quarantined}


def _planned_documents(store: ObjectStore, build: PastBuild) -> Iterator[tuple[str, Collection[str], int, str]]:
    """Name, aliases, size and version of each document of a plan."""
    columns = ["uri", "aliases", "size_bytes", "version"]
    for group in decode_groups(store.get(layout.plan_key(build.build_id)), columns):
        yield from zip(*(column.to_pylist() for column in group.columns), strict=True)


def _texts_of(footer: bytes, key: str) -> Mapping[str, str]:
    try:
        texts = footer_of(footer)
    except VerifyError as error:
        raise VerifyError(f"{key} is no plan: {error}") from error
    if "pagemill.changes" not in texts:
        raise VerifyError(f"{key} was planned by an older version; give another output, or use the version that planned it")
    return texts
