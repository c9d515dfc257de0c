"""A build of two documents with other bytes and one text."""

from dataclasses import replace

from pipeline.builds.commit import commit_shard
from pipeline.interfaces import ObjectStore
from pipeline.tables.pages import encode_pages
from tests.builds.factory import planned_build
from tests.tables.samples import document, head, opened, pages_of

FIRST, SECOND = (opened(document(name), num_pages=3) for name in ("first.pdf", "second.pdf"))


def build_with_a_copy(store: ObjectStore) -> None:
    """Finished, nothing published: FIRST, and SECOND with the text of FIRST."""
    plan = planned_build(store, [FIRST.document, SECOND.document])
    (shard,) = plan.shards
    pages = pages_of(FIRST)
    copies = [replace(page, page_id=page.page_id._replace(doc_id=SECOND.doc_id), document=SECOND) for page in pages]
    shard_head = head(shard, stamp=plan.stamp)
    both = replace(shard_head, documents=replace(shard_head.documents, opened=(FIRST, SECOND)))
    commit_shard(store, "main", shard.shard_id, encode_pages([*pages, *copies], both), attempt_id="a")
