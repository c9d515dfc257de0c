"""Page images in a build: put before the pages they show, and the same settings from the first shard to the last.

In: the store, a shard's images file and pages file. Out: the receipt. A committed shard always has its images, because they are
put first. Both are put once. Of two attempts at a shard the images of the one and the pages of the other may be what stays:
both drew the same pages, so the pairs are right, but what an engine reads twice may differ, and then a page may have been read
in another mode than its image has the size of, lack its image, or be a failed one with an image. Readers join by id, which
leaves out what has no partner. A shard that is closed without rows (split, or in quarantine) loses the images of attempts that
were lost: its halves put their own.
"""

from uuid import uuid4

from pydantic import TypeAdapter

from pipeline.builds import layout
from pipeline.builds.commit import commit_shard
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.builds.recipe import difference
from pipeline.config import ImagesConfig
from pipeline.errors import BuildError, ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.receipts import ShardReceipt

SETTINGS: TypeAdapter[ImagesConfig] = TypeAdapter(ImagesConfig)


def agree_on_images(store: ObjectStore, build_id: str, images: ImagesConfig | None) -> None:
    """Records with which settings a build keeps images, before its first shard. Raises BuildError for a build that was begun
    with others, or has shards without images."""
    key = layout.image_settings_key(build_id)
    agreed = find_image_settings(store, build_id)
    if agreed is None and images is not None:
        if next(iter(store.list(layout.pages_prefix(build_id))), None) is not None:
            raise BuildError(
                f"build {build_id!r} has shards without images already, and would have them for the rest alone; set images to "
                "null to finish it, or give another output to read everything with images"
            )
        if store.put_once(key, encode_record(SETTINGS, images), attempt_id=uuid4().hex):
            return
        agreed = find_image_settings(store, build_id)
    if agreed is not None and images is None:
        raise BuildError(
            f"build {build_id!r} was begun with images, and would have none for the rest; put the section images back as it "
            f"stands in {key}, or give another output to read everything without"
        )
    if agreed is not None and images is not None and agreed != images:
        changed = difference({"images": agreed.model_dump(mode="json")}, {"images": images.model_dump(mode="json")})
        raise BuildError(
            f"build {build_id!r} was begun with other images ({changed}); put the old values back to go on with it, or give "
            "another output to read everything anew"
        )


def find_image_settings(store: ObjectStore, build_id: str) -> ImagesConfig | None:
    """With which settings a build keeps images; None when it keeps none. Raises VerifyError."""
    key = layout.image_settings_key(build_id)
    try:
        return decode_record(SETTINGS, store.get(key), key)
    except ObjectMissing:
        return None


def commit_with_images(
    store: ObjectStore, build_id: str, shard_id: str, pages_file: bytes, images_file: bytes, *, attempt_id: str
) -> ShardReceipt:
    """Puts the images and commits the shard. Raises StoreError, VerifyError."""
    key = layout.images_key(build_id, shard_id)
    store.put_once(key, images_file, attempt_id=attempt_id)
    receipt = commit_shard(store, build_id, shard_id, pages_file, attempt_id=attempt_id)
    if receipt.num_rows == 0:  # closed meanwhile
        store.delete(key)
    return receipt
