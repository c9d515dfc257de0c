"""What was made of pages files and shows what stands in them: it goes with them, and may be made again from what is left.

In: the store and shards. Out: the objects. Costs three listings.
"""

from collections.abc import Collection, Iterator

from pipeline.builds import layout
from pipeline.interfaces import ObjectInfo, ObjectStore


def derived_objects(store: ObjectStore, shards: Collection[tuple[str, str]]) -> Iterator[ObjectInfo]:
    """Judged rows of these shards (build, shard), the indexes of their builds under whatever rules, and the reports of their
    builds, which show texts and pictures of pages."""
    builds = {build_id for build_id, _ in shards}
    for info in store.list(layout.JUDGED_PREFIX):
        match = layout.JUDGED_KEY.fullmatch(info.key)
        if match and (match["build_id"], match["shard_id"]) in shards:
            yield info
    for info in store.list(layout.DEDUP_PREFIX):
        match = layout.DEDUP_KEY.fullmatch(info.key)
        if match and match["build_id"] in builds:
            yield info
    for build_id in sorted(builds):
        key = layout.report_key(build_id)
        yield from (info for info in store.list(key) if info.key == key)
