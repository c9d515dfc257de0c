"""What each version makes of a document: its verdict, and where it stands. In: its id and pages. Out: Standings, oldest first.

A version's parts hold the kept documents in the order of its verdicts, so the row of a document follows from counting the kept
ones before it: no part is opened. Costs, of each version that holds the document's build, its manifest, the ids in its
verdicts and the reasons of those before the document.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow.compute as pc
from pydantic import ValidationError

from pipeline.builds import layout
from pipeline.builds.ledger import decode_record
from pipeline.config import RulesConfig
from pipeline.errors import VerifyError
from pipeline.history.entries import BrokenRule, Standing, VersionState
from pipeline.history.matching_rows import Wanted, read_column, rows_with
from pipeline.history.pages_told import judged_otherwise
from pipeline.history.shelves import Shelves
from pipeline.interfaces import ObjectInfo
from pipeline.parallel import map_in_order
from pipeline.publishing.assemble import judge_pages, rejudge
from pipeline.publishing.candidate import decode_refusal
from pipeline.publishing.parts import VersionPart
from pipeline.publishing.verdicts import VERDICTS_SCHEMA, Verdict, verdict_of
from pipeline.publishing.versions import CLAIM, Inputs, VersionManifest, read_version
from pipeline.publishing.withdrawn import find_withdrawal
from pipeline.quality.broken_limits import broken_document_limits
from pipeline.records import PageRecord

PARALLEL_GETS = 16
NOWHERE = ("", 0)
AFTER_ALL = 1 << 62
"""Generation of a version that has none, because a gate has kept it from being sealed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Version:
    version_id: str
    generation: int
    at: datetime
    inputs: Inputs
    code_version: str
    parts: tuple[VersionPart, ...]
    """() of one that was never sealed."""
    state: VersionState
    why: str


def standings(shelves: Shelves, doc_id: str, build_ids: frozenset[str], pages: Sequence[PageRecord]) -> Iterator[Standing]:
    """`pages` are all pages of the document, () when none was read. Raises StoreError, VerifyError."""
    versions = [*_sealed(shelves), *_refused(shelves)]
    for version in sorted(versions, key=lambda version: (version.at, version.generation, version.version_id)):
        info = shelves.verdicts(version.version_id)
        if info is None or build_ids.isdisjoint(version.inputs.builds):
            continue
        rows = list(rows_with(shelves.store, info, "id", Wanted(values=frozenset({doc_id})), VERDICTS_SCHEMA.names))
        verdicts = [(row.place, verdict_of(row.values)) for row in rows]
        own = [each for each in verdicts if each[1].reject != ("known",)] or verdicts
        for place, verdict in own[:1]:
            yield _standing(shelves, version, info, place, verdict, pages)


def _sealed(shelves: Shelves) -> Iterator[_Version]:
    """Versions that have a manifest."""
    ids = [match["version_id"] for key in shelves.objects if (match := layout.VERSION_KEY.fullmatch(key))]
    read = map_in_order(lambda version_id: read_version(shelves.store, version_id), ids, num_threads=PARALLEL_GETS)
    versions = {version.version_id: version for version in read}
    line = set(_line(versions, shelves.latest))
    for version_id, version in versions.items():
        state, why = _state(shelves, version_id, is_in_line=version_id in line)
        yield _Version(
            version_id=version_id,
            generation=version.generation,
            at=shelves.objects[layout.version_manifest_key(version_id)].modified_at,
            inputs=version.inputs,
            code_version=version.code_version,
            parts=version.parts,
            state=state,
            why=why,
        )


def _refused(shelves: Shelves) -> Iterator[_Version]:
    """Those that a gate keeps from their readers, and which so have a claim and no manifest."""
    for key, info in shelves.objects.items():
        match = layout.REFUSAL_KEY.fullmatch(key)
        if match is None or layout.version_manifest_key(match["version_id"]) in shelves.objects:
            continue
        claim_key = layout.claim_key(match["version_id"])
        gates = decode_refusal(shelves.store.get(key), key).gates
        yield _Version(
            version_id=match["version_id"],
            generation=AFTER_ALL,
            at=info.modified_at,
            inputs=decode_record(CLAIM, shelves.store.get(claim_key), claim_key).inputs,
            code_version="the one that was asked to publish it",
            parts=(),
            state="unpublished",
            why="; ".join(gate.told for gate in gates if gate.is_broken and not gate.is_accepted),
        )


def _line(versions: Mapping[str, VersionManifest], version: VersionManifest | None) -> Iterator[str]:
    """The latest version and those that it was made on."""
    while version is not None:
        yield version.version_id
        version = versions.get(version.parent_id or "")


def _standing(
    shelves: Shelves, version: _Version, info: ObjectInfo, place: int, verdict: Verdict, pages: Sequence[PageRecord]
) -> Standing:
    rules = _rules_of(version)
    part_key, row = NOWHERE if verdict.reject or not version.parts else _row(shelves, version, info, place)
    return Standing(
        at=version.at,
        version_id=version.version_id,
        state=version.state,
        why=version.why,
        verdict=verdict,
        reject=tuple(_broken(reason, pages, rules) for reason in verdict.reject),
        pages_judged_otherwise=judged_otherwise(pages, rules.pages),
        part_key=part_key,
        row=row,
        key=info.key,
    )


def _rules_of(version: _Version) -> RulesConfig:
    try:
        return RulesConfig.model_validate(version.inputs.rules)
    except ValidationError as error:
        raise VerifyError(
            f"version {version.version_id!r} was made under rules that this version of Pagemill does not know; ask one of "
            f"{version.code_version}"
        ) from error


def _broken(reason: str, pages: Sequence[PageRecord], rules: RulesConfig) -> BrokenRule:
    if not pages:
        return BrokenRule(reason=reason, limits=())
    judgement = judge_pages(pages[0].document, [rejudge(page, rules.pages) for page in pages], rules.documents)
    return BrokenRule(reason=reason, limits=broken_document_limits(reason, judgement, rules.documents))


def _state(shelves: Shelves, version_id: str, *, is_in_line: bool) -> tuple[VersionState, str]:
    if gone := find_withdrawal(shelves.store, version_id):
        return "withdrawn", gone.reason
    if shelves.latest is not None and version_id == shelves.latest.version_id:
        return "latest", ""
    return ("earlier", "") if is_in_line else ("unpublished", "another version was published on the same parent")


def _row(shelves: Shelves, version: _Version, info: ObjectInfo, place: int) -> tuple[str, int]:
    row = 0
    start = 0
    for rejects in read_column(shelves.store, info, "reject", num_rows=place):
        is_kept = pc.equal(pc.list_value_length(rejects), 0).slice(0, place - start)
        row += int(pc.sum(is_kept).as_py() or 0)
        start += len(rejects)
    for part in version.parts:
        if row < part.num_rows:
            return part.key, row
        row -= part.num_rows
    raise VerifyError(f"the parts of version {version.version_id!r} have fewer rows than its verdicts keep; `pagemill verify`")
