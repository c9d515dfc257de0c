"""Pages with their images: each page has its own, or none, in any order and from any point."""

import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.errors import ConfigError, VerifyError
from pipeline.readers.groups import open_pages
from pipeline.readers.images import IMAGE_TYPE, find_images, pixels_of, with_pixels
from pipeline.readers.order import OrderSettings
from pipeline.readers.row_groups import TableSource
from pipeline.readers.share import Course, World
from pipeline.readers.stream import open_stream, read
from pipeline.records import PageId
from pipeline.tables.images import StoredImage, encode_images
from pipeline.tables.parquet import decode, open_writer
from tests.builds.factory import finished_build
from tests.builds.memory_store import MemoryStore

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("image", IMAGE_TYPE)])


def colour_of(page_id: str) -> tuple[int, int, int]:
    red, green, blue = np.random.default_rng(int(page_id[:8], 16) + int(page_id[-6:])).integers(0, 256, 3).tolist()
    return red, green, blue


def png_of(page_id: str) -> bytes:
    """Two pixels whose colour is that of the page alone."""
    sink = io.BytesIO()
    Image.new("RGB", (2, 1), colour_of(page_id)).save(sink, "PNG")
    return sink.getvalue()


def store_images(store: MemoryStore, keys: list[str], *, reverse: bool = False) -> set[str]:
    """An image for two of three pages, in row groups of two; returns the ids that have one."""
    with_image: set[str] = set()
    for key in keys:
        ids = sorted(decode(store.get(key), ["id"]).column("id").to_pylist(), reverse=reverse)
        chosen = [page_id for number, page_id in enumerate(ids) if number % 3]
        rows = [{"id": page_id, "image": {"bytes": png_of(page_id), "path": f"{page_id}.png"}} for page_id in chosen]
        sink = io.BytesIO()
        with open_writer(sink, SCHEMA, {}) as writer:
            writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), row_group_size=2)
        store.put(key.replace("pages/", "images/"), sink.getvalue())
        with_image |= set(chosen)
    return with_image


def pages_of(store: MemoryStore, num_taken: int = 0) -> Iterator[dict[str, object]]:
    source = TableSource(
        store=store, groups=open_pages(store, "main"), columns=("id", "text"), image_sizes=find_images(store, "main")
    )
    stream = open_stream([source], settings=OrderSettings(seed=2, buffer_rows=3, groups_per_lane=1), num_epochs=1)
    return read(stream, Course(end=stream.end), world=World(), rank=0, worker=0, num_taken=num_taken)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    finished_build(store)
    return store


def test_each_page_has_its_own_image_or_none(store: MemoryStore) -> None:
    keys = [info.key for info in store.list("pages/")]
    with_image = store_images(store, keys[:-1])
    pages = list(pages_of(store))
    assert with_image
    for page in pages:
        image = page["image"]
        assert (image is not None) == (page["id"] in with_image)
        if image is not None:
            assert isinstance(image, dict)
            assert image["bytes"] == png_of(str(page["id"]))
            assert pixels_of(image).shape == (1, 2, 3)
    assert list(pages_of(store, 5)) == pages[5:]


def test_a_batch_is_decoded_beside_its_text(store: MemoryStore) -> None:
    """Files as a build writes them; each page's image is of its own size and colour, and lossless."""
    sizes: dict[str, tuple[int, int]] = {}
    for info in list(store.list("pages/")):
        ids = sorted(decode(store.get(info.key), ["id"]).column("id").to_pylist())
        sizes |= {page_id: (3 + number, 2) for number, page_id in enumerate(ids) if number != 1}
        stored = [stored_image(page_id, *sizes[page_id]) for page_id in ids if page_id in sizes]
        store.put(info.key.replace("pages/", "images/"), encode_images(stored, {}))
    pages = list(pages_of(store))
    for page, pair in zip(pages, with_pixels(pages), strict=True):
        assert pair["text"] == page["text"]
        assert set(pair) == {"id", "text", "pixels_HWC"}
        pixels = pair["pixels_HWC"]
        if pair["id"] not in sizes:
            assert pixels is None
            continue
        assert isinstance(pixels, np.ndarray)
        assert pixels.shape == (2, sizes[str(pair["id"])][0], 3)
        assert np.all(pixels == colour_of(str(pair["id"])))


def stored_image(page_id: str, width_px: int, height_px: int) -> StoredImage:
    sink = io.BytesIO()
    Image.new("RGB", (width_px, height_px), colour_of(page_id)).save(sink, "PNG")
    doc_id, _, page = page_id.partition("/")
    return StoredImage(
        page_id=PageId(doc_id, int(page)), data=sink.getvalue(), width_px=width_px, height_px=height_px, format="png"
    )


def test_images_out_of_order_are_noticed_and_not_passed_over(store: MemoryStore) -> None:
    store_images(store, [info.key for info in store.list("pages/")], reverse=True)
    with pytest.raises(VerifyError, match="out of order"):
        list(pages_of(store))


def test_what_cannot_be_paired_is_told(store: MemoryStore) -> None:
    with pytest.raises(ConfigError, match="images/build=main/"):
        find_images(store, "main")
    source = TableSource(store=store, groups=open_pages(store, "main"), columns=("text",), image_sizes={})
    with pytest.raises(ConfigError, match="column `id`"):
        open_stream([source])
    with pytest.raises(VerifyError, match="cannot be decoded"):
        pixels_of({"bytes": b"no image", "path": "a.png"})
