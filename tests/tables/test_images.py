"""The images file: every reader gets the pictures, row group by row group, and they join to their pages."""

import io
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.builds import layout
from pipeline.builds.commit import commit_shard
from pipeline.records import PageId
from pipeline.store import FolderStore
from pipeline.tables.images import FEATURES, GROUP_BYTES, GROUP_ROWS, IMAGES_SCHEMA, StoredImage, encode_images
from tests.builds.factory import CORPUS, planned_build
from tests.tables.samples import opened, pages_file, pages_of

SHOWN = tuple(page.page_id for ref in CORPUS[:8] for page in pages_of(opened(ref)))


def grey_of(page_id: PageId) -> int:
    """A shade for each page."""
    return 7 * page_id.page_index + int(page_id.doc_id[:2], 16) % 200


def stored(page_id: PageId) -> StoredImage:
    sink = io.BytesIO()
    Image.new("L", (30, 40), grey_of(page_id)).save(sink, "PNG")
    return StoredImage(page_id=page_id, data=sink.getvalue(), width_px=30, height_px=40, format="png")


@pytest.fixture(scope="module")
def dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages and images of one build in a folder."""
    folder = tmp_path_factory.mktemp("dataset")
    store = FolderStore(root=folder)
    plan = planned_build(store)
    for shard in plan.shards:
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
        doc_ids = {opened(ref).doc_id for ref in shard.documents}
        images = [stored(page_id) for page_id in sorted(SHOWN) if page_id.doc_id in doc_ids]
        store.put_once(layout.images_key("main", shard.shard_id), encode_images(images, {}), attempt_id="a")
    return folder


def test_hugging_face_datasets_decodes_every_image_and_streams_them(
    dataset_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets

    datasets.disable_progress_bars()
    files, cache_dir = str(dataset_dir / "images" / "*" / "*.parquet"), str(tmp_path / "cache")
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache_dir)
    streamed = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache_dir, streaming=True)
    shades = {str(page_id): grey_of(page_id) for page_id in SHOWN}
    for rows in (loaded, streamed):
        found = {row["id"]: row["image"] for row in rows}
        assert found.keys() == shades.keys()
        for page_id, image in found.items():
            assert image.size == (30, 40)
            assert np.asarray(image).min() == np.asarray(image).max() == shades[page_id]


def test_duckdb_joins_images_to_the_texts_of_their_pages(dataset_dir: Path) -> None:
    read = duckdb.sql(
        f"""SELECT p.doc_id, p.page, p.text, i.image.bytes AS png FROM '{dataset_dir}/images/*/*.parquet' i
        JOIN '{dataset_dir}/pages/*/*.parquet' p USING (id) WHERE p.status = 'ok'"""
    ).fetchall()
    texts = {(page.page_id, page.text) for ref in CORPUS[:8] for page in pages_of(opened(ref)) if page.status == "ok"}
    assert {(PageId(doc_id, page), text) for doc_id, page, text, _ in read} == texts
    for doc_id, page, _, png in read:
        assert np.asarray(Image.open(io.BytesIO(png)))[0, 0] == grey_of(PageId(doc_id, page))


def test_the_footer_names_every_column_to_hugging_face() -> None:
    assert list(FEATURES) == IMAGES_SCHEMA.names


@pytest.mark.parametrize(
    ("num_images", "image_bytes", "group_rows"),
    [(250, 10, [100, 100, 50]), (9, GROUP_BYTES // 3, [4, 4, 1]), (2, 2 * GROUP_BYTES, [1, 1]), (0, 1, [])],
    ids=["small", "large", "huge", "none"],
)
def test_a_row_group_is_small_enough_to_stream(num_images: int, image_bytes: int, group_rows: list[int]) -> None:
    image = StoredImage(page_id=PageId("d" * 64, 0), data=b"x" * image_bytes, width_px=1, height_px=1, format="png")
    opened_file = pq.ParquetFile(io.BytesIO(encode_images([image] * num_images, {})))
    rows = [opened_file.metadata.row_group(group).num_rows for group in range(opened_file.num_row_groups)]
    assert rows == group_rows
    assert max(rows, default=0) <= GROUP_ROWS


def test_the_same_images_make_the_same_bytes_and_are_not_compressed_again() -> None:
    noise = np.random.default_rng(0).bytes(1_000_000)
    image = StoredImage(page_id=PageId("d" * 64, 0), data=noise, width_px=1, height_px=1, format="webp")
    data = encode_images([image], {"pagemill.build": "main"})
    assert data == encode_images([image], {"pagemill.build": "main"})
    columns = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    compressions = {columns.column(place).path_in_schema: columns.column(place).compression for place in range(6)}
    assert compressions["image.bytes"] == "UNCOMPRESSED"
    assert compressions["id"] == "ZSTD"
