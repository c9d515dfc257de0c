"""The pages of one document, as they were read and why each was kept or not. In: its place. Out: an Opened entry, and its pages
as records, from the row groups of one pages file that may hold it. Holds those, without blocks."""

from collections.abc import Sequence

from pipeline.config import PageRules
from pipeline.history.entries import BrokenRule, Opened, PageTold
from pipeline.history.matching_rows import Wanted, read_groups_with
from pipeline.history.places import Place
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import rejudge
from pipeline.quality.broken_limits import broken_page_limits
from pipeline.records import OpenedDocument, PageRecord
from pipeline.tables.footer import PagesHead
from pipeline.tables.pages import JUDGING_COLUMNS, page_records


def read_pages(store: ObjectStore, place: Place, head: PagesHead, opened: OpenedDocument) -> list[PageRecord]:
    """In order. Raises StoreError, VerifyError."""
    wanted = Wanted(values=frozenset({opened.doc_id}))
    tables = read_groups_with(store, store.head(place.key), "doc_id", wanted, JUDGING_COLUMNS)
    records = [record for table in tables for record in page_records(table, head.documents.opened)]
    return [record for record in records if record.document.document.uri == opened.document.uri]


def opened_entry(
    place: Place, head: PagesHead, opened: OpenedDocument, pages: Sequence[PageRecord], rules: PageRules
) -> Opened:
    """`rules` are those that the build was planned with."""
    return Opened(
        at=head.shard.finished_at,
        build_id=place.build_id,
        shard_id=place.shard_ids[-1],
        worker=head.shard.worker,
        engine=head.stamp.engine,
        uri=opened.document.uri,
        doc_id=opened.doc_id,
        num_pages=opened.num_pages,
        media=opened.media,
        pages=tuple(_told(page, rules) for page in pages),
        key=place.key,
    )


def broken_rules(page: PageRecord, rules: PageRules) -> tuple[BrokenRule, ...]:
    """The page's reject reasons, with the limits of these rules behind them."""
    read, facts = page.page, page.facts
    if read is None or facts is None:
        return tuple(BrokenRule(reason=reason, limits=()) for reason in page.reject)
    return tuple(
        BrokenRule(reason=reason, limits=broken_page_limits(reason, facts, read, page.signals, rules)) for reason in page.reject
    )


def judged_otherwise(pages: Sequence[PageRecord], rules: PageRules) -> tuple[tuple[int, tuple[BrokenRule, ...]], ...]:
    """Pages on which other rules than the build's say something else: their number, and the rules that they break now."""
    again = ((page, rejudge(page, rules)) for page in pages)
    return tuple((new.page_id.page_index, broken_rules(new, rules)) for old, new in again if new.reject != old.reject)


def _told(page: PageRecord, rules: PageRules) -> PageTold:
    read = page.page
    return PageTold(
        page_index=page.page_id.page_index,
        status=page.status,
        reject=broken_rules(page, rules),
        warnings=page.warnings,
        error=page.error,
        mode=read.mode if read else None,
        rung=read.rung if read else None,
        attempts=read.attempts if read else (),
        seconds=read.seconds if read else None,
        vision_tokens=read.vision_tokens if read else None,
        output_tokens=read.output_tokens if read else None,
        confidence=read.confidence if read else None,
        finish_reason=read.finish_reason if read else None,
        num_chars=page.signals.num_chars,
    )
