"""Images of pages out of a dataset that keeps them: a picture of a page is its text.

In: the store and document ids. Out: images files without those pages, each replaced from what was seen. Finds them in the
images files alone, so images that a dead worker has put before its pages go as well, and a crash anywhere is made good by
running again. Costs the column of ids of every images file, and reading and writing those that change.
"""

from collections.abc import Collection, Iterator
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.builds import layout
from pipeline.errors import BuildError
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.sources.range_file import RangeFile
from pipeline.tables.images import without_images

DOCUMENT_ID_CHARS = 64


def images_with(store: ObjectStore, ids: Collection[str]) -> Iterator[ObjectInfo]:
    """Images files that show a page of these documents."""
    wanted = pa.array(sorted(ids), pa.string())
    for info in store.list(layout.IMAGES_PREFIX) if ids else ():
        pages = pq.ParquetFile(RangeFile(store, info.key, info.size_bytes)).read(columns=["id"]).column("id")
        if pc.any(pc.is_in(pc.utf8_slice_codeunits(pages, 0, DOCUMENT_ID_CHARS), value_set=wanted)).as_py():
            yield info


def bury_images(store: ObjectStore, ids: Collection[str]) -> None:
    """Raises BuildError when one of the files has changed meanwhile."""
    for info in list(images_with(store, ids)):
        data = without_images(store.get(info.key), ids)
        if not store.replace(info.key, data, version=info.version, attempt_id=uuid4().hex):
            raise BuildError(f"{info.key} in {store.uri} has changed meanwhile; run the same command again")
