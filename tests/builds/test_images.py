"""Images lie there before the pages they show, once, and never for a part of a build alone."""

from collections.abc import Callable

import pytest

from pipeline.builds import layout
from pipeline.builds.commit import bisect, commit_shard, quarantine_document, split_shard
from pipeline.builds.images import agree_on_images, commit_with_images, find_image_settings
from pipeline.builds.plan import BuildPlan
from pipeline.builds.recipe import recipe_of
from pipeline.config import ImagesConfig
from pipeline.errors import BuildError
from pipeline.publishing.verify import verify
from pipeline.receipts import Shard
from pipeline.records import PageId
from pipeline.tables.images import StoredImage, encode_images
from tests.builds.factory import config, planned_build
from tests.builds.memory_store import Crash, MemoryStore
from tests.tables.samples import opened, pages_file, pages_of

IMAGES = ImagesConfig()


def images_file(shard: Shard, data: bytes = b"pixels") -> bytes:
    refs = sorted((opened(ref) for ref in shard.documents if not ref.uri.endswith(".bad")), key=lambda of: of.doc_id)
    pages = [page for of in refs for page in pages_of(of)]
    return encode_images([stored(page.page_id, data) for page in pages], {})


def stored(page_id: PageId, data: bytes = b"pixels") -> StoredImage:
    return StoredImage(page_id=page_id, data=data, width_px=3, height_px=4, format="webp")


def commit(store: MemoryStore, plan: BuildPlan, shard: Shard, *, attempt_id: str = "a", data: bytes = b"pixels") -> None:
    pages = pages_file(shard, stamp=plan.stamp)
    commit_with_images(store, "main", shard.shard_id, pages, images_file(shard, data), attempt_id=attempt_id)


@pytest.fixture
def plan(store: MemoryStore) -> BuildPlan:
    """A build with images in `store`, of which nothing is read."""
    plan = planned_build(store)
    agree_on_images(store, "main", IMAGES)
    return plan


def test_images_change_no_text_and_are_no_part_of_the_recipe() -> None:
    assert recipe_of(config(images={"format": "png"})) == recipe_of(config())


def test_images_lie_there_before_their_pages_whenever_the_worker_dies(store: MemoryStore, plan: BuildPlan) -> None:
    shard = plan.shards[0]
    start = store.num_writes
    images, pages = layout.images_key("main", shard.shard_id), layout.pages_key("main", shard.shard_id)
    for number in range(1, 4):
        for when in ("crash_before_write", "crash_after_write"):
            store.num_writes = start
            setattr(store, when, start + number)
            with pytest.raises(Crash):
                commit(store, plan, shard, attempt_id=f"{when}-{number}")
            setattr(store, when, None)
            assert images in store.objects or pages not in store.objects
            store.delete(images)
            store.delete(pages)
            store.delete(layout.receipt_key("main", shard.shard_id))


def test_of_two_attempts_the_first_images_and_the_first_pages_stay(store: MemoryStore, plan: BuildPlan) -> None:
    shard = plan.shards[0]
    commit(store, plan, shard, attempt_id="a", data=b"of the first")
    before = dict(store.objects)
    commit(store, plan, shard, attempt_id="b", data=b"of the second")
    assert store.objects == before


def test_images_of_a_lost_attempt_are_those_of_the_next_one(store: MemoryStore, plan: BuildPlan) -> None:
    shard = plan.shards[0]
    key = layout.images_key("main", shard.shard_id)
    store.put_once(key, images_file(shard, b"of a lost attempt"), attempt_id="lost")
    lost = store.get(key)
    commit(store, plan, shard)
    assert store.get(key) == lost
    assert verify(store, "main").findings == ()


def test_a_split_shard_keeps_no_images_of_the_attempts_that_were_lost(store: MemoryStore, plan: BuildPlan) -> None:
    shard = plan.shards[0]
    key = layout.images_key("main", shard.shard_id)
    store.put_once(key, images_file(shard), attempt_id="lost")
    split_shard(store, plan.stamp, shard, worker="driver")
    assert key not in store.objects
    for half in bisect(shard):
        commit(store, plan, half)
    commit(store, plan, shard, attempt_id="a zombie")
    assert key not in store.objects
    assert verify(store, "main").findings == ()


def test_a_document_in_quarantine_keeps_no_images(store: MemoryStore) -> None:
    plan = planned_build(store, plan={"shard_documents": 1})
    agree_on_images(store, "main", IMAGES)
    shard = plan.shards[0]
    store.put_once(layout.images_key("main", shard.shard_id), images_file(shard), attempt_id="lost")
    quarantine_document(store, plan.stamp, shard, error="killed its worker", attempts=3, worker="driver")
    assert not list(store.list("images/"))


def test_a_build_without_images_leaves_no_trace_of_them(store: MemoryStore) -> None:
    plan = planned_build(store)
    before = set(store.objects)
    agree_on_images(store, "main", None)
    assert set(store.objects) == before
    assert find_image_settings(store, plan.build_id) is None


def test_going_on_with_the_same_images_is_agreed(store: MemoryStore, plan: BuildPlan) -> None:
    commit(store, plan, plan.shards[0])
    agree_on_images(store, "main", ImagesConfig())
    assert find_image_settings(store, "main") == IMAGES


def test_images_that_are_switched_on_after_the_first_shard_are_refused(store: MemoryStore) -> None:
    plan = planned_build(store)
    agree_on_images(store, "main", None)
    commit_shard(store, "main", plan.shards[0].shard_id, pages_file(plan.shards[0], stamp=plan.stamp), attempt_id="a")
    with pytest.raises(BuildError, match=r"has shards without images already.*set images to null to finish it"):
        agree_on_images(store, "main", IMAGES)
    agree_on_images(store, "main", None)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (ImagesConfig(format="png"), r"images.format: 'webp' -> 'png'"),
        (ImagesConfig(side_px_by_mode={"tiny": 700}), r"images.side_px_by_mode.tiny: 512 -> 700"),
    ],
    ids=["format", "size"],
)
def test_other_images_than_those_of_the_first_shard_are_refused_with_the_difference(
    store: MemoryStore, plan: BuildPlan, images: ImagesConfig, told: str
) -> None:
    with pytest.raises(BuildError, match=f"was begun with other images .*{told}"):
        agree_on_images(store, "main", images)


def test_images_that_are_switched_off_after_the_first_shard_are_refused(store: MemoryStore, plan: BuildPlan) -> None:
    with pytest.raises(
        BuildError, match=r"was begun with images, .* put the section images back as it stands in _builds/main/"
    ):
        agree_on_images(store, "main", None)


def test_a_whole_build_with_images_has_no_findings(store: MemoryStore, plan: BuildPlan) -> None:
    for shard in plan.shards:
        commit(store, plan, shard)
    assert verify(store, "main").findings == ()


def delete_them(store: MemoryStore, key: str, shard: Shard) -> None:
    store.delete(key)


def cut_them(store: MemoryStore, key: str, shard: Shard) -> None:
    store.put(key, store.get(key)[:-9])


def show_a_page_of_nobody(store: MemoryStore, key: str, shard: Shard) -> None:
    store.put(key, encode_images([stored(PageId("f" * 64, 0))], {}))


def show_a_page_twice(store: MemoryStore, key: str, shard: Shard) -> None:
    page_id = PageId(opened(shard.documents[0]).doc_id, 0)
    store.put(key, encode_images([stored(page_id), stored(page_id)], {}))


def add_a_shard(store: MemoryStore, key: str, shard: Shard) -> None:
    store.put(layout.images_key("main", "0" * 16), images_file(shard))


@pytest.mark.parametrize(
    ("plant", "kind", "message"),
    [
        (delete_them, "missing", "the build keeps images, and those of these pages are not there"),
        (cut_them, "damaged", "not a whole Parquet file"),
        (show_a_page_of_nobody, "images", "1 images are of pages that have no row"),
        (show_a_page_twice, "images", "1 images stand in it twice or more"),
        (add_a_shard, "images", "of a shard that has no rows"),
    ],
)
def test_verify_finds_a_planted_fault_and_nothing_else(
    store: MemoryStore, plan: BuildPlan, plant: Callable[[MemoryStore, str, Shard], None], kind: str, message: str
) -> None:
    for shard in plan.shards:
        commit(store, plan, shard)
    plant(store, layout.images_key("main", plan.shards[0].shard_id), plan.shards[0])
    (finding,) = verify(store, "main").findings
    assert finding.kind == kind
    assert message in finding.message
