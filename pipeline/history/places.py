"""Where a document was planned, under its names, and what became of it there.

In: names. Out: a Place for each build that has planned one of them, and what its shard's pages file says of it. A split
shard is followed to the half that holds the document. Costs, of each plan, the row groups that may hold a name and the
column of aliases; of each place a footer.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.builds import layout
from pipeline.builds.footers import get_footer
from pipeline.builds.past import PastBuild, changes_of
from pipeline.errors import ObjectMissing
from pipeline.history.entries import NameChanged, Planned
from pipeline.history.matching_rows import FoundRow, Wanted, rows_with
from pipeline.history.shelves import Shelves
from pipeline.parallel import map_in_order
from pipeline.records import DocumentFailure, KnownDocument, OpenedDocument
from pipeline.tables.footer import PagesHead, ShardDocuments, head_of

PLAN_COLUMNS = ("shard_id", "uri", "aliases", "size_bytes", "version")
PARALLEL_GETS = 16
ReadDocument = OpenedDocument | KnownDocument | DocumentFailure


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A shard that has a document, and the head of its pages file."""

    build_id: str
    shard_ids: tuple[str, ...]
    """As planned, then the halves that hold it; the last one is where its rows are."""
    key: str
    """Of the pages file."""
    head: PagesHead | None
    """None while it is not read."""
    found: ReadDocument | None
    """What the file says of it; None while it is not read."""


def planned_under(shelves: Shelves, wanted: Wanted) -> list[Planned]:
    """Documents with such a name, as their own or as another one, in the order in which the builds were planned."""
    found = map_in_order(lambda build: _planned_in(shelves, build, wanted), shelves.builds, num_threads=PARALLEL_GETS)
    return [planned for of_build in found for planned in of_build]


def _planned_in(shelves: Shelves, build: PastBuild, wanted: Wanted) -> list[Planned]:
    info = shelves.plan(build.build_id)
    rows: dict[int, FoundRow] = {}
    for column in ("uri", "aliases"):
        rows |= {row.place: row for row in rows_with(shelves.store, info, column, wanted, PLAN_COLUMNS)}
    return [_planned(build, row.values, info.key) for _, row in sorted(rows.items())]


def _planned(build: PastBuild, values: Mapping[str, Any], key: str) -> Planned:
    names = {**values, "aliases": tuple(values["aliases"])}
    return Planned(at=build.planned_at, build_id=build.build_id, key=key, **names)


def changes_under(shelves: Shelves, names: Collection[str]) -> Iterator[NameChanged]:
    """What listings have found of the names, or of a document that is called so. Reads every table of changes."""
    for build in shelves.builds:
        for change in changes_of(shelves.store, build.changes_key):
            if change.uri in names or change.of_uri in names:
                yield NameChanged(
                    at=build.planned_at,
                    build_id=build.build_id,
                    uri=change.uri,
                    change=change.change,
                    of_uri=change.of_uri,
                    key=build.changes_key,
                )


def everyone_of(documents: ShardDocuments) -> Iterator[ReadDocument]:
    """Every document of a shard that was read."""
    yield from documents.opened
    yield from documents.known
    yield from documents.failed


def place_of(shelves: Shelves, build_id: str, shard_id: str, uri: str) -> Place:
    """Raises StoreError, VerifyError."""
    return _follow(shelves, build_id, (shard_id,), uri)


def _follow(shelves: Shelves, build_id: str, shard_ids: tuple[str, ...], uri: str) -> Place:
    key = layout.pages_key(build_id, shard_ids[-1])
    head = head_at(shelves, build_id, shard_ids[-1])
    if head is None:
        return Place(build_id=build_id, shard_ids=shard_ids, key=key, head=None, found=None)
    halves = [_follow(shelves, build_id, (*shard_ids, half), uri) for half in head.shard.split_into]
    if halves:
        return next((half for half in halves if half.found), halves[0])
    found = next((each for each in everyone_of(head.documents) if each.document.uri == uri), None)
    return Place(build_id=build_id, shard_ids=shard_ids, key=key, head=head, found=found)


def head_at(shelves: Shelves, build_id: str, shard_id: str) -> PagesHead | None:
    """The head of a shard's pages file; None when it is not committed."""
    key = layout.pages_key(build_id, shard_id)
    try:
        return head_of(get_footer(shelves.store, key, shelves.store.head(key).size_bytes))
    except ObjectMissing:
        return None
