"""Which bytes earlier builds have read. In: the store of a dataset. Out: the ids of those documents, 16 bytes each.

An id counts once the build that read it is finished: then its pages are there for good. They come from the footers of the
pages files, the last 100 kB or so of each, 16 at a time: 1,000,000 documents in shards of 500 are 2,000 of them.
"""

from collections.abc import Iterator

from pipeline.builds import layout
from pipeline.builds.footers import get_footer
from pipeline.builds.hash_set import HashSet
from pipeline.builds.ledger import read_manifest
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.tables.footer import head_of

PARALLEL_GETS = 16


def known_ids(store: ObjectStore, *, but: str) -> HashSet:
    """The ids of all documents that finished builds other than `but` have opened. Raises StoreError, VerifyError."""
    found = (layout.MANIFEST_KEY.fullmatch(info.key) for info in store.list(layout.BUILDS_PREFIX))
    build_ids = [match["build_id"] for match in found if match and match["build_id"] != but]
    return HashSet(doc_id for build_id in build_ids for doc_id in opened_ids(store, build_id))


def opened_ids(store: ObjectStore, build_id: str) -> Iterator[str]:
    """The ids of the documents that a finished build has opened."""
    receipts = [receipt for receipt in read_manifest(store, build_id).receipts if receipt.num_documents]
    for footer in map_in_order(
        lambda receipt: get_footer(store, receipt.key, receipt.size_bytes), receipts, num_threads=PARALLEL_GETS
    ):
        yield from (each.doc_id for each in head_of(footer).documents.opened)
