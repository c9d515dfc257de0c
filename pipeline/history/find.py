"""What somebody means by a word: a document's id or the beginning of it, a page's id, a name, a file's name, or a shard's id.

In: the word. Out: a DocumentSubject or a ShardSubject. Looks, in this order, at the shards of all plans, the ids in the latest
version's verdicts, in the pages files of builds that it does not hold and in quarantine, at the names in all plans, and at the
changes of names. Raises ConfigError that says where it has looked and what is called alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.builds import layout
from pipeline.builds.audit import read_entries
from pipeline.builds.footers import get_footer
from pipeline.builds.past import changes_of
from pipeline.errors import ConfigError
from pipeline.history.matching_rows import Wanted, rows_with
from pipeline.history.places import everyone_of, planned_under
from pipeline.history.shelves import Shelves
from pipeline.interfaces import ObjectInfo
from pipeline.parallel import map_in_order
from pipeline.tables.footer import ShardDocuments, head_of

PAGE = re.compile(r"(?P<doc_id>[0-9a-f]{4,64})/(?P<page>\d{1,6})")
HEX = re.compile(r"[0-9a-f]{4,64}")
SHARD_ID_CHARS = 32
PARALLEL_GETS = 16
MAX_TOLD = 5
Named = Iterator[tuple[str, str]]
"""Pairs of a document's id and a name that it was planned under."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentSubject:
    """A document by its id, a name by what it has held, or a page of either."""

    doc_id: str
    """"" when a name was asked for."""
    names: frozenset[str]
    """That it was planned under; or the name that was asked for, with those of documents that it has become a name of."""
    page_index: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardSubject:
    build_id: str
    shard_id: str


def find(shelves: Shelves, word: str) -> DocumentSubject | ShardSubject:
    """Raises ConfigError when it is nothing, or more than one thing."""
    if page := PAGE.fullmatch(word.lower()):
        document = _find_document(shelves, page["doc_id"])
        if document is None:
            raise ConfigError(_nothing(shelves, word))
        return replace(document, page_index=int(page["page"]))
    if HEX.fullmatch(word.lower()):
        by_id = _find_shard(shelves, word.lower()) or _find_document(shelves, word.lower())
        if by_id is not None:
            return by_id
    names = _names_like(shelves, word)
    if not names:
        raise ConfigError(_nothing(shelves, word))
    return DocumentSubject(doc_id="", names=names)


def _find_shard(shelves: Shelves, word: str) -> ShardSubject | None:
    """None for a word of another length, and for no shard's id."""
    if len(word) != SHARD_ID_CHARS:
        return None
    if build_id := shelves.receipted.get(word):
        return ShardSubject(build_id=build_id, shard_id=word)
    for build in shelves.builds:
        info = shelves.plan(build.build_id)
        if next(rows_with(shelves.store, info, "shard_id", Wanted(values=frozenset({word})), ("shard_id",)), None):
            return ShardSubject(build_id=build.build_id, shard_id=word)
    return None


def _find_document(shelves: Shelves, prefix: str) -> DocumentSubject | None:
    """The document whose id begins so; None when there is none. Raises ConfigError when there are several."""
    found = _documents_under(shelves, prefix)
    if len(found) > 1:
        some = ", ".join(doc_id[: len(prefix) + 8] for doc_id in sorted(found)[:MAX_TOLD])
        raise ConfigError(f"{len(found)} documents of {shelves.store.uri} begin with {prefix}: {some}, ...; give more digits")
    return next((DocumentSubject(doc_id=doc_id, names=frozenset(names)) for doc_id, names in found.items()), None)


def _documents_under(shelves: Shelves, prefix: str) -> dict[str, set[str]]:
    """Names by id, of documents whose id begins so. What is published is looked up in one table."""
    found: dict[str, set[str]] = {}
    for pairs in (
        _judged(shelves, prefix),
        _opened(shelves, prefix),
        _quarantined(shelves, prefix),
        _forgotten(shelves, prefix),
    ):
        for doc_id, name in pairs:
            found.setdefault(doc_id, set()).update({name} if name else ())
    return found


def _judged(shelves: Shelves, prefix: str) -> Named:
    info = shelves.verdicts(shelves.latest.version_id) if shelves.latest else None
    if info is not None:
        for row in rows_with(shelves.store, info, "id", Wanted(prefix=prefix), ("id", "file_path")):
            yield row.values["id"], row.values["file_path"]


def _opened(shelves: Shelves, prefix: str) -> Named:
    """Of builds that are in no version yet, by the footers of their pages files."""
    for build in shelves.unpublished():
        infos = list(shelves.store.list(layout.pages_prefix(build.build_id)))
        for documents in map_in_order(lambda info: _documents_of(shelves, info), infos, num_threads=PARALLEL_GETS):
            for each in everyone_of(documents):
                if each.doc_id is not None and each.doc_id.startswith(prefix):
                    yield each.doc_id, each.document.uri


def _documents_of(shelves: Shelves, info: ObjectInfo) -> ShardDocuments:
    return head_of(get_footer(shelves.store, info.key, info.size_bytes)).documents


def _quarantined(shelves: Shelves, prefix: str) -> Named:
    for build in shelves.builds:
        info = shelves.objects.get(layout.quarantine_key(build.build_id))
        if info is not None:
            for row in rows_with(shelves.store, info, "id", Wanted(prefix=prefix), ("id", "file_path")):
                yield row.values["id"], row.values["file_path"]


def _forgotten(shelves: Shelves, prefix: str) -> Named:
    for entry in read_entries(shelves.store, "forget"):
        yield from ((doc_id, "") for doc_id in entry.ids if doc_id.startswith(prefix))


def _names_like(shelves: Shelves, word: str) -> frozenset[str]:
    """The name itself, else the one name that ends so after a slash; with the names of what it was said to be as well."""
    for wanted in (Wanted(values=frozenset({word})), Wanted(ending="/" + word), Wanted(ending="#" + word)):
        planned = (name for each in planned_under(shelves, wanted) for name in (each.uri, *each.aliases))
        changes = [change for build in shelves.builds for change in changes_of(shelves.store, build.changes_key)]
        hits = {name for name in (*planned, *(change.uri for change in changes)) if wanted.meets(name)}
        if len(hits) > 1:
            some = ", ".join(sorted(hits)[:MAX_TOLD])
            raise ConfigError(
                f"{len(hits)} names in {shelves.store.uri} end with {word!r}: {some}, ...; give one of them whole"
            )
        if hits:
            return frozenset(hits | {change.of_uri for change in changes if change.uri in hits})
    return frozenset()


def _nothing(shelves: Shelves, word: str) -> str:
    builds = ", ".join(build.build_id for build in shelves.builds[-3:]) or "none"
    version = f"the verdicts of version {shelves.latest.version_id}" if shelves.latest else "no version, for there is none"
    part = word.rpartition("/")[2].rpartition(".")[0] or word
    near = sorted({each.uri for each in planned_under(shelves, Wanted(part=part))})[:MAX_TOLD]
    alike = f"; names like it: {', '.join(near)}" if near else "; no name holds that text"
    return (
        f"nothing in {shelves.store.uri} is called {word!r}, so it was never listed, or is called otherwise: looked at ids in "
        f"{version}, in pages files beyond it and in quarantine, at shards and names in {len(shelves.builds)} plans ({builds})"
        f"{alike}"
    )
