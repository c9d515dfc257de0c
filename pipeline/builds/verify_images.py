"""The images of a build against its pages. In: the store, a build, its pages files as they go by. Out: findings.

What must hold: an image shows a page that has a row, each page at most once; a shard that has pages to show has a file; there
is no file of another shard than those of the plan with rows. Reads each images file once, and no image of it.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from pipeline.builds import layout
from pipeline.builds.images import find_image_settings
from pipeline.builds.verify_shard import Finding
from pipeline.errors import ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.tables.parquet import decode

SHOWN_FIVE = 5
LEAVE_OUT = "readers that join by id leave them out; delete the file to be rid of them, which leaves the shard without images"


def check_images(store: ObjectStore, build_id: str, shard_id: str, pages_file: bytes) -> Iterator[Finding]:
    """Findings about one images file; `pages_file` is that of its shard, and of no finding."""
    key = layout.images_key(build_id, shard_id)
    pages = decode(pages_file, ["id", "status"]).to_pylist()
    try:
        ids = decode(store.get(key), ["id"]).column("id").to_pylist()
    except ObjectMissing:
        if any(page["status"] != "failed" for page in pages) and find_image_settings(store, build_id) is not None:
            yield Finding(kind="missing", key=key, message="the build keeps images, and those of these pages are not there")
        return
    except VerifyError as error:
        yield Finding(kind="damaged", key=key, message=f"{error}; delete it, the pages stay whole")
        return
    for told, found in (
        ("stand in it twice or more", sorted(page_id for page_id, times in Counter(ids).items() if times > 1)),
        ("are of pages that have no row", sorted(set(ids) - {page["id"] for page in pages})),
    ):
        if found:
            shown = ", ".join(found[:SHOWN_FIVE]) + (", ..." if len(found) > SHOWN_FIVE else "")
            yield Finding(kind="images", key=key, message=f"{len(found)} images {told} ({shown}); {LEAVE_OUT}")


def stray_images(store: ObjectStore, build_id: str, shards: Collection[str]) -> Iterator[Finding]:
    """Files of shards that are none of `shards`: those that may have rows."""
    for info in store.list(layout.images_prefix(build_id)):
        if layout.shard_id_of(info.key) not in shards:
            yield Finding(kind="images", key=info.key, message="of a shard that has no rows; delete it")
