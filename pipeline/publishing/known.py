"""Which bytes earlier builds have read. In: the store of a dataset. Out: the ids of those documents, 16 bytes each.

An id counts once the build that read it is finished: then its pages are there for good. The verdicts of the latest version
name the documents of all its builds in one object, of which two columns are read. Finished builds that no version holds yet
are asked themselves: the footers of their pages files, 16 at a time, about 100 kB each.
"""

from collections.abc import Iterator

from pipeline.builds import layout
from pipeline.builds.audit import read_forgotten
from pipeline.builds.close import finished_builds
from pipeline.builds.footers import get_footer
from pipeline.builds.hash_set import HashSet
from pipeline.builds.ledger import read_manifest
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.publishing.versions import VersionManifest, latest_version
from pipeline.tables.footer import head_of
from pipeline.tables.parquet import decode_groups

PARALLEL_GETS = 16


def known_ids(store: ObjectStore, *, but: str) -> HashSet:
    """The ids of all documents that finished builds other than `but` have opened, and of those that are forgotten. Raises
    StoreError, VerifyError."""
    latest = latest_version(store)
    published = latest.inputs.builds if latest else ()
    others = [build_id for build_id in finished_builds(store) if build_id not in (*published, but)]

    def ids() -> Iterator[str]:
        yield from read_forgotten(store).ids
        if latest is not None:
            yield from _judged_ids(store, latest, but=but)
        for build_id in others:
            yield from opened_ids(store, build_id)

    return HashSet(ids())


def opened_ids(store: ObjectStore, build_id: str) -> Iterator[str]:
    """The ids of the documents that a finished build has opened."""
    receipts = [receipt for receipt in read_manifest(store, build_id).receipts if receipt.num_documents]
    for footer in map_in_order(
        lambda receipt: get_footer(store, receipt.key, receipt.size_bytes), receipts, num_threads=PARALLEL_GETS
    ):
        yield from (each.doc_id for each in head_of(footer).documents.opened)


def _judged_ids(store: ObjectStore, version: VersionManifest, *, but: str) -> Iterator[str]:
    for group in decode_groups(store.get(layout.verdicts_key(version.version_id)), ["id", "build_id"]):
        for doc_id, build_id in zip(*(column.to_pylist() for column in group.columns), strict=True):
            if build_id != but:
                yield doc_id
