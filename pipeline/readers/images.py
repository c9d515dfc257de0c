"""Pages with their images: pairs for vision-language models.

In: blocks of `pages/build=<id>/<shard>.parquet`, and `images/build=<id>/<shard>.parquet` with the columns `id` and `image` (a
struct of `bytes` and `path`). Out: the same blocks with the column `image`, null where a page has none, so counts and order are
those of the pages; `with_pixels` decodes them, in the loader's workers when it is its `collate_fn`. Both files ascend by id, so
the images are read along with the pages, a few at a time. A reader holds the images of two blocks for each of its lanes: set
`buffer_rows` to about 16 (pages of 300 kB: 10 MB a lane).
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.readers.footers import RangeStore, open_row_group, read_footer
from pipeline.readers.groups import list_files

ID, IMAGE, PIXELS = "id", "image", "pixels_HWC"
IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
BATCH_IMAGES = 16


def images_key(pages_key: str) -> str:
    """`pages/build=b/s.parquet` has its images in `images/build=b/s.parquet`."""
    return f"images/{pages_key.partition('/')[2]}"


def find_images(store: ObjectStore, build_id: str) -> Mapping[str, int]:
    """Sizes in bytes of the image files of a build, by key. Raises ConfigError when it stored none."""
    return {file.key: file.size_bytes for file in list_files(store, f"images/build={build_id}/")}


def image_batches(store: RangeStore, key: str, size_bytes: int, from_id: str) -> Iterator[pa.Table]:
    """`id` and `image` of the row groups that do not end before `from_id`, one row group held at a time."""
    footer = read_footer(store, key, size_bytes)
    number = footer.schema.to_arrow_schema().get_field_index(ID)
    for ordinal in range(footer.num_row_groups):
        if footer.row_group(ordinal).column(number).statistics.max >= from_id:
            opened = open_row_group(store, key, footer, ordinal, [ID, IMAGE])
            for batch in opened.iter_batches(
                batch_size=BATCH_IMAGES, row_groups=[ordinal], columns=[ID, IMAGE], use_threads=False
            ):
                yield pa.Table.from_batches([batch])


def with_images(blocks: Iterator[pa.Table], images_from: Callable[[str], Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """`images_from` gives images from an id on. Raises VerifyError when their ids do not ascend: some would not be found."""
    held = pa.table({ID: pa.array([], pa.string()), IMAGE: pa.array([], IMAGE_TYPE)})
    images: Iterator[pa.Table] | None = None
    newest = ""
    for block in blocks:
        images = images or images_from(block.column(ID)[0].as_py())
        last_id = block.column(ID)[-1].as_py()
        while newest < last_id and (batch := next(images, None)) is not None:
            first = batch.column(ID)[0].as_py()
            if first <= newest:
                raise VerifyError(
                    f"images are out of order: {first} comes after {newest}; write their file again, ascending by id"
                )
            newest = batch.column(ID)[-1].as_py()
            held = pa.concat_tables([held, batch.cast(held.schema)])
        found = pc.index_in(block.column(ID), value_set=held.column(ID).combine_chunks())
        yield block.append_column(IMAGE, held.column(IMAGE).combine_chunks().take(found.combine_chunks()))
        held = held.filter(pc.greater(held.column(ID), last_id))


def with_pixels(pages: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """The pages of a batch with `pixels_HWC` in place of `image`: see `pixels_of`, None where a page has no image."""
    return [{name: value for name, value in page.items() if name != IMAGE} | {PIXELS: _pixels(page)} for page in pages]


def _pixels(page: Mapping[str, object]) -> npt.NDArray[np.uint8] | None:
    image = page[IMAGE]
    return None if image is None else pixels_of(cast("Mapping[str, object]", image))


def pixels_of(image: Mapping[str, object]) -> npt.NDArray[np.uint8]:
    """pixels_HWC, RGB, of the value of the column `image`. Raises VerifyError when it is not an image."""
    try:
        with Image.open(io.BytesIO(cast("bytes", image["bytes"]))) as opened:
            return np.asarray(opened.convert("RGB"))
    except (OSError, Image.DecompressionBombError) as error:
        raise VerifyError(f"the image {image.get('path')} cannot be decoded ({error}); was its file written whole?") from error
