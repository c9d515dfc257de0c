"""What one version has that another has not. In: the store and two versions. Out: a Comparison.

Every document of both is in one cell of a matrix: published, or left out for which reasons, in the one and in the other; absent
when its build is none of the version's. Verdict tables are joined as columns, some 250 bytes a document of both, and no row of
them becomes a Python value but those of the examples. Of the parts the row groups are read that hold an example.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.builds import layout
from pipeline.builds.recipe import difference
from pipeline.builds.status import summed
from pipeline.errors import ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.publishing.versions import VersionManifest, read_version
from pipeline.sources.range_file import RangeFile
from pipeline.tables.parquet import decode

PUBLISHED, ABSENT = "published", "absent"
IDENTITY = ("build_id", "id", "file_path")
EXCERPT_CHARS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A count in both versions."""

    before: int
    after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """Documents that had one verdict and have another."""

    before: str
    """`published`, `absent`, or reasons joined by +."""
    after: str
    num_documents: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A document that came or went."""

    before: str
    after: str
    id: str
    file_path: str
    build_id: str
    excerpt: str
    """The start of its text in the version that publishes it; "" when that version's parts are gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    before: str
    """Of the two versions the first."""
    after: str
    builds_gone: tuple[str, ...]
    builds_new: tuple[str, ...]
    differences: Mapping[str, str]
    """Of rules, duplicates, sizes, recipes, lists and code: what differs, spelled out. Equal ones are left out."""
    documents: Mapping[str, Figure]
    """By reason; one with two counts under both. `published` is among them."""
    pages: Mapping[str, Figure]
    """By reject reason."""
    languages: Mapping[str, Figure]
    """Of published documents."""
    num_chars: Figure
    transitions: tuple[Transition, ...]
    """That change something, the largest first."""
    num_unchanged: int
    examples: tuple[Example, ...]


def compare(store: ObjectStore, before: str, after: str, *, num_examples: int) -> Comparison:
    """`num_examples` for each transition to or from `published`. Raises ObjectMissing for a version that is not there."""
    one, other = read_version(store, before), read_version(store, after)
    both = _joined(_verdicts(store, one), _verdicts(store, other))
    transitions = list(_transitions(both))
    changed = tuple(each for each in transitions if each.before != each.after)
    return Comparison(
        before=before,
        after=after,
        builds_gone=tuple(sorted({*one.inputs.builds} - {*other.inputs.builds})),
        builds_new=tuple(sorted({*other.inputs.builds} - {*one.inputs.builds})),
        differences=_differences(one, other),
        documents=_figures(
            {PUBLISHED: one.num_documents_kept, **one.documents_by_reject},
            {PUBLISHED: other.num_documents_kept, **other.documents_by_reject},
        ),
        pages=_figures(one.pages_by_reject, other.pages_by_reject),
        languages=_figures(*(summed(build.documents_by_language for build in each.builds) for each in (one, other))),
        num_chars=Figure(before=one.num_chars, after=other.num_chars),
        transitions=changed,
        num_unchanged=sum(each.num_documents for each in transitions) - sum(each.num_documents for each in changed),
        examples=tuple(_examples(store, one, other, both, changed, num_examples)),
    )


def _verdicts(store: ObjectStore, version: VersionManifest) -> pa.Table:
    """Identity, verdict as one text, and the place among the published ones."""
    table = decode(store.get(layout.verdicts_key(version.version_id)), [*IDENTITY, "reject"]).combine_chunks()
    reasons = pc.binary_join(table.column("reject"), "+")
    is_published = pc.equal(reasons, "")
    return pa.table(
        {
            **{name: table.column(name) for name in IDENTITY},
            "verdict": pc.if_else(is_published, PUBLISHED, reasons),
            "place": np.cumsum(is_published.to_numpy()) - 1,
        }
    )


def _joined(before: pa.Table, after: pa.Table) -> pa.Table:
    both = before.join(after, list(IDENTITY), join_type="full outer", left_suffix="_before", right_suffix="_after")
    names = ("verdict_before", "verdict_after")
    filled = {name: pc.fill_null(both.column(name), ABSENT) for name in names}
    return both.drop_columns(list(names)).append_column(names[0], filled[names[0]]).append_column(names[1], filled[names[1]])


def _transitions(both: pa.Table) -> Iterator[Transition]:
    counts = both.group_by(["verdict_before", "verdict_after"]).aggregate([([], "count_all")])
    for row in sorted(counts.to_pylist(), key=lambda row: (-row["count_all"], row["verdict_before"], row["verdict_after"])):
        yield Transition(before=row["verdict_before"], after=row["verdict_after"], num_documents=row["count_all"])


def _figures(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, Figure]:
    return {name: Figure(before=before.get(name, 0), after=after.get(name, 0)) for name in sorted({*before, *after})}


def _differences(one: VersionManifest, other: VersionManifest) -> dict[str, str]:
    pairs = {
        "rules": (one.inputs.rules, other.inputs.rules),
        "duplicates": (one.inputs.dedup, other.inputs.dedup),
        "sizes": (one.inputs.publish, other.inputs.publish),
        "recipes": (_recipes(one), _recipes(other)),
        "lists": (_lists(one), _lists(other)),
        "code": ({"version": one.code_version}, {"version": other.code_version}),
    }
    return {name: told for name, (old, new) in pairs.items() if (told := difference(old, new))}


def _recipes(version: VersionManifest) -> Mapping[str, object]:
    """The recipe of its only one by key, those of several by id."""
    recipes = dict(version.recipes)
    return next(iter(recipes.values())) if len(recipes) == 1 else recipes


def _lists(version: VersionManifest) -> Mapping[str, object]:
    return {"takedown": version.inputs.takedown_id, "benchmarks": version.inputs.benchmarks_id}


def _examples(
    store: ObjectStore,
    one: VersionManifest,
    other: VersionManifest,
    both: pa.Table,
    changed: Sequence[Transition],
    num_examples: int,
) -> Iterator[Example]:
    for each in changed:
        if PUBLISHED not in (each.before, each.after):
            continue
        version, place = (one, "place_before") if each.before == PUBLISHED else (other, "place_after")
        is_it = (pc.field("verdict_before") == each.before) & (pc.field("verdict_after") == each.after)
        rows = both.filter(is_it).select([*IDENTITY, place]).sort_by(place).slice(0, num_examples)
        for row in rows.to_pylist():
            yield Example(
                before=each.before,
                after=each.after,
                id=row["id"],
                file_path=row["file_path"],
                build_id=row["build_id"],
                excerpt=_excerpt(store, version, row[place]),
            )


def _excerpt(store: ObjectStore, version: VersionManifest, place: int) -> str:
    """Of the document at this place among the published ones: parts hold them in the order of the verdicts."""
    for part in version.parts:
        if place < part.num_rows:
            try:
                return _text_at(pq.ParquetFile(RangeFile(store, part.key, part.size_bytes)), place)[:EXCERPT_CHARS]
            except ObjectMissing:
                return ""
        place -= part.num_rows
    return ""


def _text_at(part: pq.ParquetFile, row: int) -> str:
    for group in range(part.num_row_groups):
        num_rows = part.metadata.row_group(group).num_rows
        if row < num_rows:
            text: str = part.read_row_group(group, columns=["text"]).column("text")[row].as_py()
            return text
        row -= num_rows
    return ""
