"""What each version makes of a document: its verdict, and where it stands. In: its id and pages. Out: Standings, oldest first.

A version's parts hold the kept documents in the order of its verdicts, so the row of a document follows from counting the kept
ones before it: no part is opened. Costs, of each version that holds the document's build, its manifest, the ids in its
verdicts and the reasons of those before the document.
"""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow.compute as pc
from pydantic import ValidationError

from pipeline.builds import layout
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
from pipeline.publishing.verdicts import VERDICTS_SCHEMA, Verdict, verdict_of
from pipeline.publishing.versions import VersionManifest, read_version
from pipeline.publishing.withdrawn import find_withdrawal
from pipeline.quality.broken_limits import broken_document_limits
from pipeline.records import PageRecord

PARALLEL_GETS = 16
NOWHERE = ("", 0)


def standings(shelves: Shelves, doc_id: str, build_ids: frozenset[str], pages: Sequence[PageRecord]) -> Iterator[Standing]:
    """`pages` are all pages of the document, () when none was read. Raises StoreError, VerifyError."""
    versions = _versions(shelves)
    line = set(_line(versions, shelves.latest))
    for version in sorted(versions.values(), key=lambda version: (version.generation, version.version_id)):
        info = shelves.verdicts(version.version_id)
        if info is None or build_ids.isdisjoint(version.inputs.builds):
            continue
        rows = list(rows_with(shelves.store, info, "id", Wanted(values=frozenset({doc_id})), VERDICTS_SCHEMA.names))
        verdicts = [(row.place, verdict_of(row.values)) for row in rows]
        own = [each for each in verdicts if each[1].reject != ("known",)] or verdicts[:1]
        for place, verdict in own[:1]:
            yield _standing(shelves, version, info, place, verdict, pages, is_in_line=version.version_id in line)


def _versions(shelves: Shelves) -> Mapping[str, VersionManifest]:
    ids = [match["version_id"] for key in shelves.objects if (match := layout.VERSION_KEY.fullmatch(key))]
    read = map_in_order(lambda version_id: read_version(shelves.store, version_id), ids, num_threads=PARALLEL_GETS)
    return dict(zip(ids, read, strict=True))


def _line(versions: Mapping[str, VersionManifest], version: VersionManifest | None) -> Iterator[str]:
    """The latest version and those that it was made on."""
    while version is not None:
        yield version.version_id
        version = versions.get(version.parent_id or "")


def _standing(
    shelves: Shelves,
    version: VersionManifest,
    info: ObjectInfo,
    place: int,
    verdict: Verdict,
    pages: Sequence[PageRecord],
    *,
    is_in_line: bool,
) -> Standing:
    rules = _rules_of(version)
    key = layout.version_manifest_key(version.version_id)
    state, why = _state(shelves, version, is_in_line=is_in_line)
    part_key, row = NOWHERE if verdict.reject else _row(shelves, version, info, place)
    return Standing(
        at=shelves.objects[key].modified_at,
        version_id=version.version_id,
        state=state,
        why=why,
        verdict=verdict,
        reject=tuple(_broken(reason, pages, rules) for reason in verdict.reject),
        pages_judged_otherwise=judged_otherwise(pages, rules.pages),
        part_key=part_key,
        row=row,
        key=info.key,
    )


def _rules_of(version: VersionManifest) -> RulesConfig:
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


def _state(shelves: Shelves, version: VersionManifest, *, is_in_line: bool) -> tuple[VersionState, str]:
    if gone := find_withdrawal(shelves.store, version.version_id):
        return "withdrawn", gone.reason
    if shelves.latest is not None and version.version_id == shelves.latest.version_id:
        return "latest", ""
    if is_in_line:
        return "earlier", ""
    key = layout.refusal_key(version.version_id)
    if key not in shelves.objects:
        return "unpublished", "another version was published on the same parent"
    gates = decode_refusal(shelves.store.get(key), key).gates
    return "unpublished", "; ".join(gate.told for gate in gates if gate.is_broken and not gate.is_accepted)


def _row(shelves: Shelves, version: VersionManifest, info: ObjectInfo, place: int) -> tuple[str, int]:
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
