"""A proof from the bucket alone that nothing is lost and nothing doubled. In: the store and a build. Out: a VerifyReport.

Trusts the plan and recounts everything else: every planned document is accounted for once, every page of an opened one has
its row, ids are unique, receipts and manifest are those of the files, documents are what the kept pages say. Reads every
pages file and part once; holds one of them and about 300 bytes a document. Writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.commit import is_split, shard_tree
from pipeline.builds.ledger import decode_receipt, read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipt import receipt_of
from pipeline.builds.verify_shard import Finding, check_pages_file
from pipeline.errors import BuildError, ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.pages_files import document_pages
from pipeline.publishing.verify_documents import Published, check_manifest
from pipeline.receipts import Shard, ShardReceipt
from pipeline.tables.footer import head_of


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyReport:
    """What was counted, and every promise found broken; `findings` empty means that the build holds."""

    build_id: str
    num_documents_planned: int
    num_documents_opened: int
    num_documents_quarantined: int
    num_documents_known: int
    """Whose bytes had been read before."""
    num_shards_open: int
    """Not done yet: no fault, but the build is not finished."""
    num_pages: int
    is_published: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """What the build says of itself before any pages file is opened."""

    plan: BuildPlan
    present: frozenset[str]
    """Keys of the pages files that are there."""
    stored: Mapping[str, ShardReceipt]
    """The receipts that are there, by shard."""
    receipts: Mapping[str, ShardReceipt]
    """The same, and those made here for pages files that lack one."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What has been counted so far."""

    seen: dict[str, tuple[str, str]]
    """doc_id to the pages file and the URI that it was first met under."""
    num_pages: int = 0
    num_quarantined: int = 0
    num_known: int = 0
    num_open: int = 0
    num_unread: int = 0
    """Pages files that are missing or damaged, so that nothing can be said of their documents."""


def verify(store: ObjectStore, build_id: str) -> VerifyReport:
    """Raises BuildError when the build was never planned, VerifyError when its plan cannot be read."""
    plan = read_plan(store, build_id)
    findings: list[Finding] = []
    tally = Tally(seen={})
    books = _open_books(store, plan, findings)
    published = _published(store, build_id, findings)
    shards = list(_shards(books, findings))
    findings += _strays(books, shards)
    for shard in shards:
        findings += _check_shard(store, shard, books, tally, published)
    if published is not None:
        findings += published.findings
        findings += published.findings_left() if tally.num_unread + tally.num_open == 0 else ()
        findings += check_manifest(store, published.manifest, plan, books.receipts)
    return VerifyReport(
        build_id=build_id,
        num_documents_planned=plan.num_documents,
        num_documents_opened=len(tally.seen),
        num_documents_quarantined=tally.num_quarantined,
        num_documents_known=tally.num_known,
        num_shards_open=tally.num_open,
        num_pages=tally.num_pages,
        is_published=published is not None,
        findings=tuple(findings),
    )


def _check_shard(
    store: ObjectStore, shard: Shard, books: Books, tally: Tally, published: Published | None
) -> Iterator[Finding]:
    key, receipt = layout.pages_key(books.plan.build_id, shard.shard_id), books.stored.get(shard.shard_id)
    if key not in books.present:
        if receipt is None:
            tally.num_open += 1
            return
        tally.num_unread += 1
        message = f"its receipt counts {receipt.num_rows} rows, and the file is not there; delete the receipt too"
        yield Finding(kind="missing", key=key, message=f"{message}, and `pagemill build` reads them again")
        return
    data = store.get(key)
    findings = list(check_pages_file(data, key, shard, receipt, books.plan))
    yield from findings
    if is_split(shard, books.receipts):
        return
    if any(finding.kind in ("damaged", "rows") for finding in findings):
        tally.num_unread += 1
        return
    documents = head_of(data).documents
    tally.num_quarantined += len(documents.failed)
    tally.num_known += len(documents.known)
    yield from _check_pages(data, key, tally, published)


def _check_pages(data: bytes, key: str, tally: Tally, published: Published | None) -> Iterator[Finding]:
    for each in document_pages(data):
        uri = each.document.document.uri
        tally.num_pages += len(each.pages)
        first = tally.seen.setdefault(each.document.doc_id, (key, uri))
        if first != (key, uri):
            message = f"{uri} has the bytes of {first[1]} in {first[0]}, so the ids of its pages stand in the build twice"
            yield Finding(kind="doubled", key=key, message=message)
        if published is not None:
            yield from published.findings_of(each, key)


def _open_books(store: ObjectStore, plan: BuildPlan, findings: list[Finding]) -> Books:
    stored = dict(_stored_receipts(store, plan.build_id, findings))
    present = frozenset(info.key for info in store.list(layout.pages_prefix(plan.build_id)))
    unreceipted = present - {layout.pages_key(plan.build_id, shard_id) for shard_id in stored}
    return Books(plan=plan, present=present, stored=stored, receipts=stored | _receipts_of(store, unreceipted))


def _stored_receipts(store: ObjectStore, build_id: str, findings: list[Finding]) -> Iterator[tuple[str, ShardReceipt]]:
    for info in store.list(layout.receipts_prefix(build_id)):
        try:
            yield layout.shard_id_of(info.key), decode_receipt(store.get(info.key), info.key)
        except VerifyError as error:
            findings.append(
                Finding(kind="damaged", key=info.key, message=f"{error}; delete it, and `pagemill build` makes it again")
            )


def _receipts_of(store: ObjectStore, keys: Iterable[str]) -> dict[str, ShardReceipt]:
    """Made in memory, so that a split whose receipt is lost is still known as one; an unreadable file has none."""
    made: dict[str, ShardReceipt] = {}
    for key in sorted(keys):
        with suppress(VerifyError):  # `check_pages_file` tells of it
            made[layout.shard_id_of(key)] = receipt_of(store.get(key), key)
    return made


def _published(store: ObjectStore, build_id: str, findings: list[Finding]) -> Published | None:
    try:
        return Published(store, read_manifest(store, build_id))
    except ObjectMissing:
        return None
    except VerifyError as error:
        findings.append(Finding(kind="damaged", key=layout.manifest_key(build_id), message=str(error)))
        return None


def _shards(books: Books, findings: list[Finding]) -> Iterator[Shard]:
    try:
        yield from shard_tree(books.plan, books.receipts)
    except BuildError as error:
        findings.append(Finding(kind="receipt", key=layout.receipts_prefix(books.plan.build_id), message=str(error)))


def _strays(books: Books, shards: Sequence[Shard]) -> Iterator[Finding]:
    build_id, planned = books.plan.build_id, {shard.shard_id for shard in shards}
    for key in sorted(books.present - {layout.pages_key(build_id, shard_id) for shard_id in planned}):
        yield Finding(kind="unplanned", key=key, message="no shard of the plan; delete it, or every reader sees its rows")
    for shard_id in sorted(books.stored.keys() - planned):
        yield Finding(kind="unplanned", key=layout.receipt_key(build_id, shard_id), message="a receipt of no shard of the plan")
