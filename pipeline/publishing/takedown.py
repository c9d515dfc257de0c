"""Documents that may not be published: a list of ids and names, and what a dataset has forgotten.

In: the text of a list, the names of all builds, the documents that were read. Out: which documents are taken down, and which go
with them. A list holds one document a line: the sha256 of its bytes in hex, or its uri. `#` begins a comment line. A uri means
every document that was ever read under that name, as its own or as an alias: whoever asks for a name to go has seen what stood
there, and need not know when.

What says the same goes as well. A taken-down document stands before all others when duplicates are looked for, so a document
of the same text, near it, or contained in it is a duplicate of it and is left out, under whatever name and bytes. A line that
begins with `only ` names a document whose look-alikes stay: one filled-in form among thousands.

What is not found: a larger work that holds the document among much else, and a look-alike that first comes after the
document was forgotten, when there is nothing left to compare it with.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from pipeline.builds.audit import Forgotten
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.config import OutputConfig
from pipeline.dedup.find import Duplicates
from pipeline.dedup.resolve import KEPT
from pipeline.errors import ConfigError, PagemillError
from pipeline.publishing.evidence import Reasons
from pipeline.publishing.live import PlannedNames, ReadDocuments
from pipeline.store import open_store

Flags = npt.NDArray[np.bool_]
DOCUMENT_ID = re.compile(r"[0-9a-f]{64}")
LOOKS_LIKE_AN_ID = re.compile(r"[0-9a-fA-F]{32,}")
ALONE = "only "


@dataclass(frozen=True, kw_only=True, slots=True)
class Takedown:
    """What may not be published. The `only_` ones do not take what is like them along."""

    ids: frozenset[str] = frozenset()
    uris: frozenset[str] = frozenset()
    only_ids: frozenset[str] = frozenset()
    only_uris: frozenset[str] = frozenset()

    def joined(self, other: "Takedown") -> "Takedown":
        return Takedown(
            ids=self.ids | other.ids,
            uris=self.uris | other.uris,
            only_ids=self.only_ids | other.only_ids,
            only_uris=self.only_uris | other.only_uris,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenDown:
    """Over the documents that were read."""

    is_named: Flags
    takes_along: Flags
    """Those named ones whose look-alikes go too."""

    def admitted(self, is_kept: Flags) -> Flags:
        """Who takes part in the search for duplicates."""
        return (is_kept & ~self.is_named) | self.takes_along


TAKEDOWN: TypeAdapter[Takedown] = TypeAdapter(Takedown)
NOTHING = Takedown()


def takedown_id(takedown: Takedown) -> str:
    """16 hex digits that change with the list, "" for an empty one."""
    return "" if takedown == NOTHING else hashlib.sha256(encode_takedown(takedown)).hexdigest()[:16]


def encode_takedown(takedown: Takedown) -> bytes:
    """One spelling per list."""
    values = {name: sorted(value) for name, value in asdict(takedown).items()}
    return encode_record(TypeAdapter(dict[str, list[str]]), values)


def decode_takedown(data: bytes, key: str) -> Takedown:
    """Raises VerifyError."""
    return decode_record(TAKEDOWN, data, key)


def read_takedown(uri: str | None, access: OutputConfig) -> Takedown:
    """The list under an address, read with the credentials and endpoint of the output; none for None. Raises ConfigError."""
    if uri is None:
        return NOTHING
    path = PurePosixPath(uri)
    folder = uri[: -len(path.name)].rstrip("/") or "."
    try:
        text = open_store(access.model_copy(update={"uri": folder})).get(path.name).decode("utf-8-sig")
    except (PagemillError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the takedown list {uri}: {error}") from error
    return parse_takedown(text.splitlines(), uri)


def parse_takedown(lines: Iterable[str], name: str) -> Takedown:
    """Raises ConfigError with the number of the line that is neither an id nor a uri."""
    found: dict[tuple[bool, bool], set[str]] = {(alone, is_id): set() for alone in (False, True) for is_id in (False, True)}
    for number, line in enumerate(lines, start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        alone = entry.startswith(ALONE)
        entry = entry.removeprefix(ALONE).strip()
        if not _is_entry(entry):
            raise ConfigError(
                f"{name}, line {number}: {entry[:80]!r} is neither a document id (64 hex digits) nor a uri (a path with /, or "
                "scheme://...); give one a line, comments behind # in lines of their own"
            )
        found[alone, _is_id(entry)].add(entry.lower() if _is_id(entry) else entry)
    return Takedown(
        ids=frozenset(found[False, True]),
        uris=frozenset(found[False, False]),
        only_ids=frozenset(found[True, True]),
        only_uris=frozenset(found[True, False]),
    )


def with_forgotten(takedown: Takedown, forgotten: Forgotten) -> Takedown:
    """What is forgotten is taken down for good; its look-alikes were looked for when it was forgotten."""
    return takedown.joined(Takedown(only_ids=forgotten.ids, only_uris=forgotten.uris))


def taken_down(
    plans: Sequence[tuple[str, PlannedNames]], read: ReadDocuments, takedown: Takedown, *, is_known: Flags
) -> TakenDown:
    """`plans` are the names of all builds that `read` is of; a known document of them stands for no rows of its own."""
    takes_along = _named(plans, read, takedown.ids, takedown.uris) & ~is_known
    is_named = takes_along | _named(plans, read, takedown.only_ids, takedown.only_uris) & ~is_known
    return TakenDown(is_named=is_named, takes_along=takes_along)


def with_takedown(reject: Reasons, duplicates: Duplicates, taken: TakenDown) -> tuple[Reasons, Duplicates]:
    """A document is taken down when it is named, or a duplicate of a named one that takes it along; it is then not called a
    duplicate besides."""
    is_out = taken.is_named | taken.takes_along[duplicates.canonical]
    own = np.arange(len(is_out))
    apart = replace(
        duplicates,
        canonical=np.where(is_out, own, duplicates.canonical),
        kind=np.where(is_out, np.int8(KEPT), duplicates.kind),
        similarity=np.where(is_out, np.float32(1), duplicates.similarity),
        cluster_size=np.where(is_out, np.int32(1), duplicates.cluster_size),
    )
    is_forgotten = np.array(["forgotten" in names for names in reject.combinations], dtype=np.bool_)[reject.code]
    return reject.adding("taken_down", is_out & ~is_forgotten), apart


def documents_under(plans: Iterable[tuple[str, PlannedNames]], uris: Collection[str]) -> set[tuple[str, str]]:
    """Build and planned name of every document that was planned under one of these names, or was given one later."""
    wanted = pa.array(sorted(uris), pa.large_string())
    builds = list(plans)
    found: set[tuple[str, str]] = set()
    renamed: set[tuple[str, int, str]] = set()
    for build_id, plan in builds:
        owners = pc.list_parent_indices(plan.aliases).filter(pc.is_in(plan.aliases.flatten(), value_set=wanted))
        own = np.flatnonzero(pc.is_in(plan.uris, value_set=wanted).to_numpy(zero_copy_only=False))
        places = np.union1d(own, owners.to_numpy())
        found.update((build_id, uri) for uri in plan.uris.take(pa.array(places, pa.int64())).to_pylist())
        renamed.update((each.of_uri, each.size_bytes, each.version) for each in plan.changes if each.uri in uris)
    for build_id, plan in builds if renamed else ():
        of = pa.array(sorted({uri for uri, _, _ in renamed}), pa.large_string())
        for place in np.flatnonzero(pc.is_in(plan.uris, value_set=of).to_numpy(zero_copy_only=False)).tolist():
            uri = plan.uris[place].as_py()
            if (uri, int(plan.sizes[place]), plan.versions[place].as_py()) in renamed:
                found.add((build_id, uri))
    return found


def _named(
    plans: Sequence[tuple[str, PlannedNames]], read: ReadDocuments, ids: Collection[str], uris: Collection[str]
) -> Flags:
    """Documents of these ids, and all that hold the same bytes as one that stood under these names."""
    is_hex = pa.types.is_string(read.doc_id.type)
    named: set[str | bytes] = {each if is_hex else bytes.fromhex(each) for each in ids}
    rows = np.zeros(len(read.doc_id), dtype=np.bool_)
    under = documents_under(plans, uris) if uris else set()
    for build_id in {build_id for build_id, _ in under}:
        planned = pa.array(sorted(uri for of, uri in under if of == build_id), pa.large_string())
        is_of = pc.and_(pc.equal(read.build_id, build_id), pc.is_in(read.uri, value_set=planned))
        rows |= is_of.to_numpy(zero_copy_only=False)
    named.update(read.doc_id.filter(pa.array(rows)).to_pylist())
    flags: Flags = pc.is_in(read.doc_id, value_set=pa.array(list(named), read.doc_id.type)).to_numpy(zero_copy_only=False)
    return flags


def _is_id(entry: str) -> bool:
    return DOCUMENT_ID.fullmatch(entry.lower()) is not None


def _is_entry(entry: str) -> bool:
    return _is_id(entry) or ("/" in entry and not LOOKS_LIKE_AN_ID.fullmatch(entry))
