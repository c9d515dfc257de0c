"""Page images to the bytes of an images file. In: StoredImages, already compressed. Out: Parquet of IMAGES_SCHEMA.

Hugging Face `datasets` decodes the column `image` by the footer key `huggingface`; to every other reader it is a struct of
bytes and a file name. Images are not compressed again. Holds the file as far as it is written, and one row group.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.records import PageId
from pipeline.tables.parquet import to_json
from pipeline.tables.schemas import SCHEMA_VERSION

GROUP_BYTES = 8_000_000
GROUP_ROWS = 100
"""What `datasets` takes for images: a streaming reader holds one row group."""
IMAGES_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # that of the page
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),  # `datasets` decodes no required one
        pa.field("width_px", pa.int32(), nullable=False),
        pa.field("height_px", pa.int32(), nullable=False),
        pa.field("format", pa.string(), nullable=False),  # webp, jpeg, png
    ]
)
FEATURES = {
    "id": {"dtype": "string", "_type": "Value"},
    "image": {"_type": "Image"},
    "width_px": {"dtype": "int32", "_type": "Value"},
    "height_px": {"dtype": "int32", "_type": "Value"},
    "format": {"dtype": "string", "_type": "Value"},
}
FOOTER: Mapping[str, str] = {
    "pagemill.schema": f"images/{SCHEMA_VERSION}",
    "huggingface": to_json({"info": {"features": FEATURES}}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredImage:
    """The image of one page."""

    page_id: PageId
    data: bytes
    """Encoded."""
    width_px: int
    height_px: int
    format: str


def encode_images(images: Iterable[StoredImage], footer: Mapping[str, str]) -> bytes:
    """The images file of one shard, in the order given; `footer` says of which build it is."""
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink,
        IMAGES_SCHEMA.with_metadata({**FOOTER, **footer}),
        compression={"id": "zstd", "image.path": "zstd"},
        use_dictionary=["format"],
        write_statistics=["id", "width_px", "height_px", "format"],
        write_page_index=True,
    ) as writer:
        for group in _groups(images):
            writer.write_table(_table(group), row_group_size=GROUP_ROWS)
    return sink.getvalue()


def _groups(images: Iterable[StoredImage]) -> Iterator[list[StoredImage]]:
    group: list[StoredImage] = []
    size_bytes = 0
    for image in images:
        group.append(image)
        size_bytes += len(image.data)
        if len(group) == GROUP_ROWS or size_bytes >= GROUP_BYTES:
            yield group
            group, size_bytes = [], 0
    if group:
        yield group


def _table(images: Iterable[StoredImage]) -> pa.Table:
    rows = [
        {
            "id": str(image.page_id),
            "image": {"bytes": image.data, "path": f"{image.page_id}.{image.format}"},
            "width_px": image.width_px,
            "height_px": image.height_px,
            "format": image.format,
        }
        for image in images
    ]
    return pa.Table.from_pylist(rows, schema=IMAGES_SCHEMA)
