"""One pages file against its plan. In: the bytes, the shard as planned, the receipt. Out: findings, and the pages of each
document that could be told apart.

What must hold: the receipt is that of these bytes; the stamp is the plan's; each planned document stands in the file once,
opened, failed or known; an opened one has the rows 0..n-1 once each; there is no other row.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from pipeline.builds.listing import document_key
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipt import is_of, receipt_of
from pipeline.errors import VerifyError
from pipeline.receipts import Shard, ShardReceipt
from pipeline.records import DocumentFailure, KnownDocument, OpenedDocument, PageId
from pipeline.tables.footer import PagesHead, head_of
from pipeline.tables.parquet import decode

READ_AGAIN = "delete it and its receipt, and `pagemill build` reads it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One broken promise."""

    kind: str
    """`missing`, `damaged`, `unplanned`, `receipt`, `stamp`, `lost`, `doubled`, `rows`, `images`, `manifest` or `documents`."""
    key: str
    """The object at fault, relative to the dataset."""
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.key}: {self.message}"


def check_pages_file(data: bytes, key: str, shard: Shard, receipt: ShardReceipt | None, plan: BuildPlan) -> Iterator[Finding]:
    """Findings about one pages file; none when all is well. A file that cannot be read is one finding."""
    if receipt is not None and not is_of(receipt, data):
        yield Finding(kind="damaged", key=key, message=f"not the bytes that its receipt is of; {READ_AGAIN}")
        return
    try:
        head, made = head_of(data), receipt_of(data, key)
        columns = decode(data, ["id", "doc_id", "page", "n_pages", "uri"])
    except VerifyError as error:
        yield Finding(kind="damaged", key=key, message=f"{error}; {READ_AGAIN}")
        return
    yield from _check_receipt(receipt, made)
    yield from _check_stamp(head, key, shard, plan)
    yield from _check_documents(head, key, shard)
    yield from _check_rows(columns.to_pylist(), key, head.documents.opened)


def _check_receipt(receipt: ShardReceipt | None, made: ShardReceipt) -> Iterator[Finding]:
    if receipt is None:
        yield Finding(kind="receipt", key=made.key, message="no receipt lies beside it; `pagemill build` puts it back")
        return
    names = [field.name for field in fields(ShardReceipt) if getattr(receipt, field.name) != getattr(made, field.name)]
    if names:
        told = ", ".join(f"{name} is {getattr(made, name)!r} and not {getattr(receipt, name)!r}" for name in names)
        yield Finding(kind="receipt", key=made.key, message=f"not the file that its receipt is of: {told}")


def _check_stamp(head: PagesHead, key: str, shard: Shard, plan: BuildPlan) -> Iterator[Finding]:
    for name, found, expected in (
        ("build", head.stamp.build_id, plan.build_id),
        ("shard", head.shard.shard_id, shard.shard_id),
        ("recipe", head.stamp.recipe, plan.stamp.recipe),
        ("rules", head.stamp.rules, plan.stamp.rules),
    ):
        if found != expected:
            yield Finding(kind="stamp", key=key, message=f"made with another {name}: {found!r}, planned was {expected!r}")


def _check_documents(head: PagesHead, key: str, shard: Shard) -> Iterator[Finding]:
    documents = head.documents
    accounted: Sequence[OpenedDocument | DocumentFailure | KnownDocument] = (
        *documents.opened,
        *documents.failed,
        *documents.known,
    )
    refs = [each.document for each in accounted]
    found = Counter(document_key(ref) for ref in refs)
    planned = {document_key(ref): ref for ref in (() if head.shard.split_into else shard.documents)}
    for document, ref in planned.items():
        if found[document] == 0:
            yield Finding(
                kind="lost", key=key, message=f"{ref.uri} was planned and is none of the read, the failed and the known"
            )
        if found[document] > 1:
            yield Finding(kind="doubled", key=key, message=f"{ref.uri} stands {found[document]} times among its documents")
    for ref in refs:
        if document_key(ref) not in planned:
            yield Finding(kind="unplanned", key=key, message=f"{ref.uri} is not a document of this shard")


def _check_rows(rows: Sequence[dict[str, object]], key: str, opened: Sequence[OpenedDocument]) -> Iterator[Finding]:
    pages: dict[tuple[object, object], list[dict[str, object]]] = {}
    for row in rows:
        pages.setdefault((row["doc_id"], row["uri"]), []).append(row)
    for each in opened:
        found = pages.pop((each.doc_id, each.document.uri), [])
        counts = Counter(row["page"] for row in found)
        doubled = sorted(str(page) for page, times in counts.items() if times > 1)
        absent = [str(index) for index in range(each.num_pages) if index not in counts]
        beyond = sorted(str(page) for page in counts if page not in range(each.num_pages))
        for name, indices in (("twice or more", doubled), ("missing", absent), ("beyond its last page", beyond)):
            if indices:
                shown = ", ".join(indices[:5]) + (", ..." if len(indices) > 5 else "")
                message = f"{each.document.uri} has {each.num_pages} pages, and {len(indices)} are {name}: {shown}"
                yield Finding(kind="rows", key=key, message=message)
        misnamed = [row for row in found if not _is_named_after_its_page(row, each)]
        if misnamed:
            yield Finding(
                kind="rows", key=key, message=f"{len(misnamed)} rows of {each.document.uri} have a wrong id or n_pages"
            )
    for (_, uri), stray in pages.items():
        yield Finding(kind="rows", key=key, message=f"{len(stray)} rows of {uri}, which is no document of the file")


def _is_named_after_its_page(row: dict[str, object], document: OpenedDocument) -> bool:
    page_index = row["page"]
    assert isinstance(page_index, int)
    return row["id"] == str(PageId(document.doc_id, page_index)) and row["n_pages"] == document.num_pages
