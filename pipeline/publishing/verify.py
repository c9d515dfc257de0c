"""A proof from the store alone that nothing is lost and nothing doubled. In: the store and a build. Out: a VerifyReport.

Trusts the plans and recounts everything else: every planned document is accounted for once, every page of an opened one has
its row, ids are unique in a build, receipts and manifests are those of the files, and the latest version is what its rules make
of the pages. Reads every pages file and part once; holds one pages file, one row group and about 400 bytes a document. Writes
nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.close import finished_builds
from pipeline.builds.commit import is_split, shard_tree
from pipeline.builds.ledger import decode_receipt
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipt import receipt_of
from pipeline.builds.verify_images import check_images, stray_images
from pipeline.builds.verify_shard import Finding, check_pages_file
from pipeline.errors import BuildError, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verify_manifest import check_manifest
from pipeline.publishing.verify_version import Published
from pipeline.publishing.versions import VersionManifest, latest_version
from pipeline.receipts import Shard, ShardReceipt
from pipeline.tables.footer import ShardDocuments, head_of


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildReport:
    """What was counted in one build."""

    build_id: str
    num_documents_planned: int
    num_documents_opened: int
    num_documents_quarantined: int
    num_documents_known: int
    """Whose bytes had been read before."""
    num_shards_open: int
    """Not done yet: no fault, but the build is not finished."""
    num_pages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyReport:
    """What was counted, and every promise found broken; `findings` empty means that the dataset holds."""

    builds: tuple[BuildReport, ...]
    """In dataset order; the one that was asked for among them, finished or not."""
    version_id: str | None
    """The latest version, which was recounted."""
    num_documents_published: int
    is_published: bool
    """The build that was asked for is in that version."""
    findings: tuple[Finding, ...]

    @property
    def num_shards_open(self) -> int:
        return sum(build.num_shards_open for build in self.builds)

    @property
    def num_pages(self) -> int:
        return sum(build.num_pages for build in self.builds)


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
    """Every build that is finished, this one even when it is not, and the latest version. Raises BuildError when the build was
    never planned, VerifyError when a plan cannot be read."""
    read_plan(store, build_id)
    findings: list[Finding] = []
    version = _latest(store, findings)
    published = None if version is None else Published(store, version)
    plans = [read_plan(store, each) for each in {*finished_builds(store), build_id}]
    reports = []
    for plan in sorted(plans, key=lambda plan: (plan.planned_at, plan.build_id)):
        tally = Tally(seen={})
        reports.append(_check_build(store, plan, tally, published, findings))
        if published is not None and tally.num_unread:
            published.forget_build(plan.build_id)
    if published is not None:
        findings += [*published.findings, *published.findings_left()]
    return VerifyReport(
        builds=tuple(reports),
        version_id=None if version is None else version.version_id,
        num_documents_published=0 if version is None else version.num_documents_kept,
        is_published=version is not None and build_id in version.inputs.builds,
        findings=tuple(findings),
    )


def _check_build(
    store: ObjectStore, plan: BuildPlan, tally: Tally, published: Published | None, findings: list[Finding]
) -> BuildReport:
    books = _open_books(store, plan, findings)
    shards = list(_shards(books, findings))
    findings += _strays(books, shards)
    with_rows = {shard.shard_id for shard in shards if not is_split(shard, books.receipts)}
    findings += stray_images(store, plan.build_id, with_rows)
    for shard in shards:
        findings += _check_shard(store, shard, books, tally, published)
    findings += check_manifest(store, plan, books.receipts)
    return BuildReport(
        build_id=plan.build_id,
        num_documents_planned=plan.num_documents,
        num_documents_opened=len(tally.seen),
        num_documents_quarantined=tally.num_quarantined,
        num_documents_known=tally.num_known,
        num_shards_open=tally.num_open,
        num_pages=tally.num_pages,
    )


def _latest(store: ObjectStore, findings: list[Finding]) -> VersionManifest | None:
    try:
        return latest_version(store)
    except VerifyError as error:
        findings.append(Finding(kind="damaged", key=layout.VERSIONS_PREFIX, message=str(error)))
        return None


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
    yield from check_images(store, books.plan.build_id, shard.shard_id, data)
    yield from _count(head_of(data).documents, key, tally)
    if published is not None:
        yield from published.findings_of(data, books.plan.build_id, shard.shard_id)


def _count(documents: ShardDocuments, key: str, tally: Tally) -> Iterator[Finding]:
    """The documents of a file of which every page was found."""
    tally.num_quarantined += len(documents.failed)
    tally.num_known += len(documents.known)
    for each in documents.opened:
        uri = each.document.uri
        tally.num_pages += each.num_pages
        first = tally.seen.setdefault(each.doc_id, (key, uri))
        if first != (key, uri):
            message = f"{uri} has the bytes of {first[1]} in {first[0]}, so the ids of its pages stand in the build twice"
            yield Finding(kind="doubled", key=key, message=message)


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
