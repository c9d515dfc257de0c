"""Which documents the corpus still holds, and under which names. In: plans and changes of all finished builds, and the
documents that were read. Out: a Living over those documents.

A name (uri) holds the document that the newest build has found under it, and is live until a build finds it gone. A document is
live while one of its names is. One that is not is superseded when a name of it holds other bytes now, also if those could not
be read, else removed. Its smallest live name is the canonical one, as in a corpus that is listed anew. Knows names, and no
pages. Holds each name once and 60 bytes for it beside.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds import layout
from pipeline.builds.changes import NameChange
from pipeline.builds.past import changes_of
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.tables.parquet import decode, footer_of

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
NOBODY, ELSEWHERE = -1, -2
SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, kw_only=True, slots=True)
class Living:
    """Over the documents that were read, in the order given; those of the same bytes share their names."""

    is_live: Flags
    is_superseded: Flags
    """Not live, and a name of it holds other bytes."""
    names: pa.Array
    """Every name there ever was, large_string."""
    first_name: Places
    """Of each document: the place in `names` of its smallest live name, NOBODY without one."""
    other_names: pa.Array
    """Of each document: list of the places of its other live names, by name."""

    def file_paths(self, documents: Places) -> pa.Array:
        """The canonical names of live documents."""
        return self.names.take(pa.array(self.first_name[documents])).cast(pa.string())

    def aliases(self, documents: Places) -> pa.Array:
        """Their other names: list of strings."""
        lists = self.other_names.take(pa.array(documents))
        names = self.names.take(lists.flatten()).cast(pa.string())
        return pa.ListArray.from_arrays(_offsets(lists), names)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadDocuments:
    """Documents that builds have opened, or known by their bytes."""

    doc_id: pa.Array
    """Bytes, or hex."""
    uri: pa.Array
    """large_string, as planned."""
    build_id: pa.Array
    """dictionary of strings"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedNames:
    """The documents of one plan: their names alone, in the plan's order."""

    uris: pa.Array
    aliases: pa.Array
    """list of strings"""
    sizes: npt.NDArray[np.int64]
    """Bytes; with the version, what tells two documents of one name apart."""
    versions: pa.Array
    changes: tuple[NameChange, ...]
    """What the build's listing found of names without a document to read."""


@dataclass(kw_only=True, slots=True)
class _Holders:
    """Names and planned documents, both numbered through all builds, and who holds what after the builds so far."""

    holder: Places
    """Of each name: the planned document that it holds, NOBODY when it is gone."""
    name: list[Places]
    planned: list[Places]
    """Each pair of a name and what it has ever held."""

    def hold(self, names: Places, planned: Places) -> None:
        self.holder[names] = planned
        self.name.append(names)
        self.planned.append(planned)


def read_planned_names(store: ObjectStore, build_id: str) -> PlannedNames:
    """Raises StoreError, VerifyError."""
    data = store.get(layout.plan_key(build_id))
    table = decode(data, ["uri", "aliases", "size_bytes", "version"])
    return PlannedNames(
        uris=_whole(table.column("uri")).cast(pa.large_string()),
        aliases=_whole(table.column("aliases")).cast(pa.list_(pa.large_string())),
        sizes=table.column("size_bytes").to_numpy(),
        versions=_whole(table.column("version")),
        changes=tuple(changes_of(store, footer_of(data)["pagemill.changes"])),
    )


def living(plans: Iterable[tuple[str, PlannedNames]], read: ReadDocuments) -> Living:
    """`plans` are the names of each finished build by its id, in dataset order. Raises VerifyError for a document that its
    build has not planned."""
    builds = list(plans)
    names, ids = _numbered([part for _, plan in builds for part in _names_of(plan)])
    holders = _Holders(holder=np.full(len(names), NOBODY, dtype=np.int64), name=[], planned=[])
    document_of_row = _whole(read.doc_id.dictionary_encode()).indices.to_numpy().astype(np.int64)
    document_of_planned: list[Places] = []
    num_planned = 0
    plans_so_far: list[tuple[Places, PlannedNames]] = []
    for build_id, plan in builds:
        planned = np.arange(num_planned, num_planned + len(plan.uris))
        num_planned += len(plan.uris)
        uri_names, alias_names, changed_names, owner_names = next(ids), next(ids), next(ids), next(ids)
        plans_so_far.append((uri_names, plan))
        owners = np.repeat(planned, np.diff(_offsets(plan.aliases).to_numpy()))
        holders.hold(uri_names, planned)
        holders.hold(alias_names, owners)
        changed = _changed_to(plan.changes, owner_names, plans_so_far)
        holders.hold(changed_names, changed)
        document_of_planned.append(_documents_of(build_id, plan, read, document_of_row))
    return _told_by(holders, names, np.concatenate([*document_of_planned, [NOBODY, NOBODY]]), document_of_row)


def _names_of(plan: PlannedNames) -> Iterator[pa.Array]:
    """Every name that a plan and its changes speak of, in four columns."""
    yield plan.uris
    yield plan.aliases.flatten()
    yield pa.array([change.uri for change in plan.changes], pa.large_string())
    yield pa.array([change.of_uri for change in plan.changes], pa.large_string())


def _changed_to(changes: Sequence[NameChange], owner_names: Places, plans: Sequence[tuple[Places, PlannedNames]]) -> Places:
    """The planned document that each changed name holds now, NOBODY when it is gone: the newest of that name, size and version,
    ELSEWHERE when a build has planned it that is not finished."""
    held = np.full(len(changes), NOBODY, dtype=np.int64)
    sought = {place for place, change in enumerate(changes) if change.change != "removed"}
    first = sum(len(uri_names) for uri_names, _ in plans)
    for uri_names, plan in reversed(plans):
        first -= len(uri_names)
        order = np.argsort(uri_names, kind="stable") if sought else np.empty(0, dtype=np.int64)
        starts, stops = (np.searchsorted(uri_names[order], owner_names, side=side) for side in SIDES)
        for place in sorted(sought):
            change = changes[place]
            for row in order[starts[place] : stops[place]]:
                if plan.sizes[row] == change.size_bytes and plan.versions[int(row)].as_py() == change.version:
                    held[place] = first + row
                    sought.discard(place)
    held[sorted(sought)] = ELSEWHERE
    return held


def _numbered(parts: list[pa.Array]) -> tuple[pa.Array, Iterator[Places]]:
    """All names once, and for each part the places of its own among them."""
    encoded = _whole(pa.chunked_array(parts, pa.large_string())).dictionary_encode()
    indices = encoded.indices.to_numpy().astype(np.int64)
    ends = np.cumsum([len(part) for part in parts])
    return encoded.dictionary, iter(np.split(indices, ends[:-1]))


def _documents_of(build_id: str, plan: PlannedNames, read: ReadDocuments, document_of_row: Places) -> Places:
    """Of each planned document of a build: the number of its bytes, NOBODY when it could not be read."""
    rows = np.flatnonzero(pc.equal(read.build_id, build_id).to_numpy(zero_copy_only=False))
    places = pc.index_in(read.uri.take(pa.array(rows)), value_set=plan.uris)
    if places.null_count:
        raise VerifyError(f"build {build_id!r} has read documents that it has not planned; `pagemill verify` tells more")
    documents = np.full(len(plan.uris), NOBODY, dtype=np.int64)
    documents[places.to_numpy()] = document_of_row[rows]
    return documents


def _told_by(holders: _Holders, names: pa.Array, document_of_planned: Places, document_of_row: Places) -> Living:
    """`document_of_planned` ends with two that are NOBODY, for the holders ELSEWHERE and NOBODY."""
    num_documents = int(document_of_row.max(initial=NOBODY)) + 1
    held = document_of_planned[holders.holder]
    live_names = np.flatnonzero(held != NOBODY)
    is_live = np.zeros(num_documents, dtype=np.bool_)
    is_live[held[live_names]] = True
    rank = np.empty(len(names), dtype=np.int64)
    rank[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    live_names = live_names[np.lexsort((rank[live_names], held[live_names]))]
    first_name = np.full(num_documents, NOBODY, dtype=np.int64)
    documents, firsts, counts = np.unique(held[live_names], return_index=True, return_counts=True)
    first_name[documents] = live_names[firsts]
    num_others = np.zeros(num_documents, dtype=np.int64)
    num_others[documents] = counts - 1
    other_names = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(num_others)]), pa.int32()), pa.array(np.delete(live_names, firsts))
    )
    return Living(
        is_live=is_live[document_of_row],
        is_superseded=(~is_live & _lost_to_others(holders, document_of_planned, num_documents))[document_of_row],
        names=names,
        first_name=first_name[document_of_row],
        other_names=other_names.take(pa.array(document_of_row)),
    )


def _lost_to_others(holders: _Holders, document_of_planned: Places, num_documents: int) -> Flags:
    """Of each document: a name that it had is live with other bytes."""
    lost = np.zeros(num_documents, dtype=np.bool_)
    for names, planned in zip(holders.name, holders.planned, strict=True):
        now, then = holders.holder[names], document_of_planned[planned]
        is_lost = (then != NOBODY) & (now != NOBODY) & (document_of_planned[now] != then)
        lost[then[is_lost]] = True
    return lost


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array of one or more chunks."""
    if isinstance(column, pa.Array):
        return column
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _offsets(lists: pa.Array) -> pa.Array:
    """Where each list begins and ends among its values, from 0."""
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
