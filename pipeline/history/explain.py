"""explain(): everything that a dataset has stored of one document, page or shard, in order of time; start here.

In: the store and a word (`find`). Out: a History. Reads tables, footers and the journal, never the corpus, and writes nothing.

    word -> find -> names -> plans -> places -> pages, quarantine, known
                      |-> changes of names        |-> journal of those shards
                      `-> forgotten               `-> ids -> verdicts of versions

Costs, in a dataset of 1,000 shards, some twenty objects beside the journal's chunks; of them the column of ids in the verdicts
and the column of names in the plans grow with the dataset (infra/decisions/0016).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from pydantic import ValidationError

from pipeline.builds import layout
from pipeline.builds.audit import read_entries
from pipeline.builds.journal import read_journal
from pipeline.builds.journal_lines import JournalLine
from pipeline.builds.ledger import decode_receipt
from pipeline.config import RulesConfig
from pipeline.errors import VerifyError
from pipeline.history.entries import (
    Entry,
    Forgotten,
    History,
    KnownAlready,
    NameChanged,
    NotReadYet,
    Opened,
    OtherBytes,
    Planned,
    Quarantined,
    ShardCommitted,
    ShardPlanned,
    Split,
    Standing,
)
from pipeline.history.find import DocumentSubject, ShardSubject, find
from pipeline.history.matching_rows import Wanted, rows_with
from pipeline.history.outcome import outcome_of, page_outcome
from pipeline.history.pages_told import opened_entry, read_pages
from pipeline.history.places import PLAN_COLUMNS, Place, changes_under, place_of, planned_under
from pipeline.history.shelves import Shelves, open_shelves
from pipeline.history.standings import standings
from pipeline.interfaces import ObjectStore
from pipeline.records import DocumentFailure, KnownDocument, OpenedDocument, PageRecord
from pipeline.tables.footer import PagesHead


def explain(store: ObjectStore, word: str) -> History:
    """Raises ConfigError when nothing, or more than one thing, is called so; StoreError, VerifyError."""
    shelves = open_shelves(store)
    subject = find(shelves, word)
    if isinstance(subject, ShardSubject):
        return _of_shard(shelves, subject)
    return _of_document(shelves, subject)


def _of_document(shelves: Shelves, subject: DocumentSubject) -> History:
    planned = planned_under(shelves, Wanted(values=subject.names)) if subject.names else []
    places = [(each, place_of(shelves, each.build_id, each.shard_id, each.uri)) for each in planned]
    told: list[Entry] = [*planned]
    pages: dict[str, list[PageRecord]] = {}
    num_failed: Counter[tuple[str, str]] = Counter()
    for each, place in places:
        told += _of_place(shelves, each, place, subject, pages, num_failed)
    names = subject.names | {name for each in planned for name in (each.uri, *each.aliases)}
    told += changes_under(shelves, names)
    doc_ids = _ids(subject, places)
    told += _forgotten(shelves, doc_ids, names)
    build_ids = frozenset(each.build_id for each in planned)
    for doc_id in doc_ids:
        told += standings(shelves, doc_id, build_ids, pages.get(doc_id, ()))
    if subject.page_index is None:
        return History(thing=_thing(subject), outcome=outcome_of(told), entries=_in_order(told))
    outcome = page_outcome(told, subject.page_index) + outcome_of(told)
    of_page = [_with_page(each, subject.page_index) for each in told]
    return History(thing=_thing(subject), outcome=outcome, entries=_in_order(of_page))


def _ids(subject: DocumentSubject, places: Sequence[tuple[Planned, Place]]) -> list[str]:
    if subject.doc_id:
        return [subject.doc_id]
    found = [place.found.doc_id for _, place in places if place.found is not None]
    return list(dict.fromkeys(doc_id for doc_id in found if doc_id is not None))


def _thing(subject: DocumentSubject) -> str:
    page = "" if subject.page_index is None else f", page {subject.page_index}"
    return f"document {subject.doc_id}{page}" if subject.doc_id else f"name {', '.join(sorted(subject.names))}{page}"


def _of_place(
    shelves: Shelves,
    planned: Planned,
    place: Place,
    subject: DocumentSubject,
    pages: dict[str, list[PageRecord]],
    num_failed: Counter[tuple[str, str]],
) -> Iterator[Entry]:
    """What became of the document there; its pages are added to `pages`."""
    for shard_id in place.shard_ids:
        yield from _lines_about(shelves.store, place.build_id, shard_id)
    head, found = place.head, place.found
    if head is None or found is None:
        yield NotReadYet(at=planned.at, build_id=place.build_id, shard_id=place.shard_ids[-1], uri=planned.uri)
        return
    if len(place.shard_ids) > 1:
        yield Split(
            at=planned.at, build_id=place.build_id, shard_id=place.shard_ids[0], split_into=place.shard_ids[1:], key=place.key
        )
    if subject.doc_id and found.doc_id is not None and found.doc_id != subject.doc_id:
        yield OtherBytes(at=head.shard.finished_at, build_id=place.build_id, uri=planned.uri, doc_id=found.doc_id)
        return
    match found:
        case OpenedDocument():
            read = read_pages(shelves.store, place, head, found)
            pages[found.doc_id] = read
            yield opened_entry(place, head, found, read, _rules_of(head).pages)
        case KnownDocument():
            yield _known(place, head, found)
        case DocumentFailure():
            num_failed[planned.uri, planned.version] += 1
            yield _quarantined(place, head, found, num_failed[planned.uri, planned.version])


def _rules_of(head: PagesHead) -> RulesConfig:
    try:
        return RulesConfig.model_validate(head.stamp.rules)
    except ValidationError as error:
        raise VerifyError(
            f"build {head.stamp.build_id!r} was judged with rules that this version does not know; ask one of "
            f"{head.stamp.code_version}"
        ) from error


def _known(place: Place, head: PagesHead, found: KnownDocument) -> KnownAlready:
    return KnownAlready(
        at=head.shard.finished_at,
        build_id=place.build_id,
        shard_id=place.shard_ids[-1],
        uri=found.document.uri,
        doc_id=found.doc_id,
        key=place.key,
    )


def _quarantined(place: Place, head: PagesHead, found: DocumentFailure, num_builds: int) -> Quarantined:
    return Quarantined(
        at=head.shard.finished_at,
        build_id=place.build_id,
        shard_id=place.shard_ids[-1],
        uri=found.document.uri,
        doc_id=found.doc_id,
        reason=found.reason,
        error=found.error,
        attempts=found.attempts,
        num_builds=num_builds,
        key=place.key,
    )


def _forgotten(shelves: Shelves, doc_ids: Collection[str], names: frozenset[str]) -> Iterator[Forgotten]:
    for entry in read_entries(shelves.store, "forget"):
        for each in sorted({*doc_ids, *names} & {*entry.ids, *entry.uris})[:1]:
            yield Forgotten(at=entry.at, who=entry.who, reason=entry.reason, by=each, key=layout.AUDIT_PREFIX)


def _lines_about(store: ObjectStore, build_id: str, shard_id: str) -> Iterator[JournalLine]:
    return read_journal(store, build_id, about=shard_id)


def _of_shard(shelves: Shelves, subject: ShardSubject) -> History:
    build, shard_id = shelves.build(subject.build_id), subject.shard_id
    info = shelves.plan(build.build_id)
    rows = list(rows_with(shelves.store, info, "shard_id", Wanted(values=frozenset({shard_id})), PLAN_COLUMNS))
    told: list[Entry] = [*_lines_about(shelves.store, build.build_id, shard_id)]
    if rows:  # else it is a half of one
        size_bytes = sum(row.values["size_bytes"] for row in rows)
        told.append(
            ShardPlanned(
                at=build.planned_at,
                build_id=build.build_id,
                shard_id=shard_id,
                num_documents=len(rows),
                size_bytes=size_bytes,
                key=info.key,
            )
        )
    if shard_id in shelves.receipted:
        key = layout.receipt_key(build.build_id, shard_id)
        receipt = decode_receipt(shelves.store.get(key), key)
        told.append(ShardCommitted(at=receipt.finished_at, build_id=build.build_id, receipt=receipt))
    thing = f"shard {shard_id} of build {build.build_id}"
    return History(thing=thing, outcome=outcome_of(told), entries=_in_order(told))


ORDER: tuple[type, ...] = (
    Planned,
    ShardPlanned,
    NameChanged,
    NotReadYet,
    JournalLine,
    Split,
    Opened,
    KnownAlready,
    Quarantined,
)


def _in_order(told: Sequence[Entry]) -> list[Entry]:
    """By time; at one time in the order in which they follow from each other."""
    return sorted(told, key=lambda each: (each.at, ORDER.index(type(each)) if type(each) in ORDER else len(ORDER)))


def _with_page(entry: Entry, page_index: int) -> Entry:
    """With this page alone."""
    match entry:
        case Opened():
            return replace(entry, pages=tuple(page for page in entry.pages if page.page_index == page_index))
        case Standing():
            kept = tuple(each for each in entry.pages_judged_otherwise if each[0] == page_index)
            return replace(entry, pages_judged_otherwise=kept)
        case _:
            return entry
