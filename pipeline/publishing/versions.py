"""Published versions: what one is made of, where it lies, and which is the latest.

In: the store. Out: VersionManifests, and the pointer `_versions/_latest.json`. A version is claimed before anything of it is
put: the claim says what goes into it and on which version it is made, so that two publishers of the same end with one version,
and two of different things never write under one name. Its manifest is put last but one; then the pointer moves from the
version that it was made on, or not at all. A version, once published, never changes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from uuid import uuid4

from pydantic import TypeAdapter

from pipeline.builds import layout
from pipeline.builds.ledger import decode_record, encode_record, refuse_another_schema
from pipeline.errors import BuildError, ObjectMissing, Overtaken, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import BenchmarkFigures, BuildFigures, GateReading
from pipeline.publishing.parts import VersionPart
from pipeline.publishing.withdrawn import find_withdrawal
from pipeline.tables.parquet import to_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Everything that the documents of a version turn on."""

    builds: tuple[str, ...]
    """In dataset order."""
    judge_id: str
    rules: Mapping[str, object]
    dedup: Mapping[str, object]
    """Which documents count as alike."""
    tokenizer: str | None
    """Name of the one that counted tokens."""
    publish: Mapping[str, object]
    """Sizes of parts and row groups."""
    takedown_id: str
    """Of the list of documents that it may not hold, "" for none."""
    benchmarks_id: str
    """Of the texts that it was searched for, "" for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Who may write under a version's name: whoever makes this of that."""

    version_id: str
    parent_id: str | None
    """The version it is made on: the latest when it was begun."""
    inputs: Inputs


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionManifest:
    """A version, whole."""

    version_id: str
    parent_id: str | None
    generation: int
    """How many versions came before it, parents of parents included."""
    schema_version: str
    code_version: str
    inputs: Inputs
    recipes: Mapping[str, Mapping[str, object]]
    """By recipe id: how the pages of its builds were read."""
    builds: tuple[BuildFigures, ...]
    """In dataset order."""
    contamination: tuple[BenchmarkFigures, ...]
    """By name of the benchmark."""
    pages_by_reject: Mapping[str, int]
    """Under its rules; a page with two reasons counts under both."""
    parts: tuple[VersionPart, ...]
    verdicts_sha256: str
    gates: tuple[GateReading, ...]

    @property
    def num_documents_kept(self) -> int:
        return sum(build.num_documents_kept for build in self.builds)

    @property
    def num_chars(self) -> int:
        return sum(build.num_chars for build in self.builds)

    @property
    def num_tokens(self) -> int | None:
        """Of published documents, by the tokenizer that `inputs` names; None when it names none."""
        return None if self.inputs.tokenizer is None else sum(build.num_tokens for build in self.builds)

    @property
    def documents_by_reject(self) -> Mapping[str, int]:
        names = {name for build in self.builds for name in build.documents_by_reject}
        return {name: sum(build.documents_by_reject.get(name, 0) for build in self.builds) for name in sorted(names)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Latest:
    """Which version readers are told to take."""

    version_id: str
    manifest_key: str
    documents: str
    """The folder of its parts."""


CLAIM: TypeAdapter[Claim] = TypeAdapter(Claim)
VERSION: TypeAdapter[VersionManifest] = TypeAdapter(VersionManifest)
LATEST: TypeAdapter[Latest] = TypeAdapter(Latest)


def inputs_id(inputs: Inputs) -> str:
    """16 hex digits; the same for the same inputs."""
    return hashlib.sha256(to_json(asdict(inputs)).encode()).hexdigest()[:16]


def encode_version(manifest: VersionManifest) -> bytes:
    return encode_record(VERSION, manifest)


def decode_version(data: bytes, key: str) -> VersionManifest:
    """Raises VerifyError when it is damaged, or of another schema version."""
    refuse_another_schema(data, key)
    return decode_record(VERSION, data, key)


def read_version(store: ObjectStore, version_id: str) -> VersionManifest:
    """Raises ObjectMissing when there is none, VerifyError when it is damaged."""
    key = layout.version_manifest_key(version_id)
    return decode_version(store.get(key), key)


def find_version(store: ObjectStore, version_id: str) -> VersionManifest | None:
    """The version, when it is whole."""
    try:
        return read_version(store, version_id)
    except ObjectMissing:
        return None


def list_versions(store: ObjectStore) -> list[VersionManifest]:
    """Every version that is whole, oldest first; one that lost against another stands beside it."""
    matches = (layout.VERSION_KEY.fullmatch(info.key) for info in store.list(layout.VERSIONS_PREFIX))
    versions = [read_version(store, match["version_id"]) for match in matches if match]
    return sorted(versions, key=lambda version: (version.generation, version.version_id))


def read_latest(store: ObjectStore) -> Latest | None:
    """The pointer to the latest version; None before the first. Raises VerifyError when it is damaged."""
    try:
        data = store.get(layout.LATEST_KEY)
    except ObjectMissing:
        return None
    return decode_record(LATEST, data, layout.LATEST_KEY)


def latest_version(store: ObjectStore) -> VersionManifest | None:
    """The version that the pointer leads to. Raises VerifyError when it is not there."""
    latest = read_latest(store)
    if latest is None:
        return None
    try:
        return read_version(store, latest.version_id)
    except ObjectMissing as error:
        raise VerifyError(f"{layout.LATEST_KEY} leads to version {latest.version_id!r}, which is not there") from error


def claim_version(
    store: ObjectStore, inputs: Inputs, parent: VersionManifest | None, *, base: str, name: str | None
) -> Claim | VersionManifest:
    """The claim under which a version of these inputs is to be made, or the version when it has been published. Its name is
    `name`, else `base`, `base.1`, ...: the first that is free. Raises BuildError when `name` is another version's."""
    if name is None and parent is not None and parent.inputs == inputs:
        return parent
    for version_id in [name] if name else _names(base):
        claim = Claim(version_id=version_id, parent_id=parent.version_id if parent else None, inputs=inputs)
        found = _claimed(store, claim)
        if find_withdrawal(store, version_id) is not None:
            continue
        if found == claim:
            return claim
        if found.inputs == inputs:
            for published in _ancestors(store, parent):
                if published.version_id == version_id:
                    return published
    raise BuildError(
        f"version {name!r} of {store.uri} was made of other builds, rules or sizes, or is withdrawn; give another name"
    )


def seal_version(store: ObjectStore, manifest: VersionManifest) -> VersionManifest:
    """Puts the manifest, or finds that of another publisher of the same claim. Raises BuildError when his has other parts."""
    key = layout.version_manifest_key(manifest.version_id)
    if store.put_once(key, encode_version(manifest), attempt_id=uuid4().hex):
        return manifest
    found = read_version(store, manifest.version_id)
    if [part.content_id for part in found.parts] != [part.content_id for part in manifest.parts]:
        raise BuildError(f"{key} in {store.uri} is there with other parts; give the version another name")
    return found


def advance_latest(store: ObjectStore, manifest: VersionManifest) -> None:
    """Moves the pointer from the version's parent to it, or finds it there. Raises Overtaken when another version has been
    published on the same parent."""
    version_id, attempt_id = manifest.version_id, uuid4().hex
    pointer = Latest(
        version_id=version_id,
        manifest_key=layout.version_manifest_key(version_id),
        documents=layout.documents_prefix(version_id),
    )
    data = encode_record(LATEST, pointer)
    if manifest.parent_id is None and store.put_once(layout.LATEST_KEY, data, attempt_id=attempt_id):
        return
    seen = store.head(layout.LATEST_KEY)
    latest = read_latest(store)
    if latest is not None and latest.version_id == manifest.parent_id:
        store.replace(layout.LATEST_KEY, data, version=seen.version, attempt_id=attempt_id)
        latest = read_latest(store)
    if latest is None or latest.version_id != version_id:
        other = latest.version_id if latest else None
        raise Overtaken(
            f"version {version_id!r} was made on {manifest.parent_id!r}, and {other!r} has been published meanwhile; it is "
            "whole and stays unpublished, the same command publishes on top of the other"
        )


def _names(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}.{number}" for number in count(1))


def _claimed(store: ObjectStore, claim: Claim) -> Claim:
    """The claim that stands: this one, or who came first."""
    key = layout.claim_key(claim.version_id)
    if store.put_once(key, encode_record(CLAIM, claim), attempt_id=uuid4().hex):
        return claim
    return decode_record(CLAIM, store.get(key), key)


def _ancestors(store: ObjectStore, version: VersionManifest | None) -> Iterator[VersionManifest]:
    """The version, its parent, and so on. One that has been removed ends the line."""
    while version is not None:
        yield version
        try:
            version = read_version(store, version.parent_id) if version.parent_id else None
        except ObjectMissing:
            return
