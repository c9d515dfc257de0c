"""What pages look like, small enough to stand in a report by the hundred.

In: page records, the store of their build and the corpus. Out: a Picture or a NoPicture for each. The picture that the build
kept is made smaller; where it kept none the page is drawn from its document, in a process of its own (`rendering.apart`). A
document that is gone, has changed or cannot be opened gives a NoPicture that says so. Costs 30 ms a page that is drawn and
100 ms for one that was kept at 2,048 px; holds one document's bytes.
"""

import hashlib
import io
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from PIL import Image

from pipeline.builds import layout
from pipeline.errors import ObjectMissing, SourceError, StoreError
from pipeline.interfaces import ObjectStore, Source
from pipeline.readers.footers import open_row_group, read_footer
from pipeline.readers.images import ID, IMAGE
from pipeline.records import OpenedDocument, PageRecord
from pipeline.rendering.apart import Drawer, NoPicture, Picture, PictureSize

PageLook = Picture | NoPicture
WEBP_METHOD = 2
"""Of 0 to 6; as `album` encodes."""


def stored_pictures(
    store: ObjectStore, build_id: str, shard_id: str, ids: Sequence[str], size: PictureSize
) -> Iterator[tuple[str, Picture]]:
    """Of those pages of a shard whose image the build kept. Raises StoreError, VerifyError."""
    key = layout.images_key(build_id, shard_id)
    try:
        footer = read_footer(store, key, store.head(key).size_bytes)
    except ObjectMissing:
        return
    for ordinal in range(footer.num_row_groups):
        bounds = footer.row_group(ordinal).column(footer.schema.to_arrow_schema().get_field_index(ID)).statistics
        if not any(bounds.min <= page_id <= bounds.max for page_id in ids):
            continue
        opened = open_row_group(store, key, footer, ordinal, [ID, IMAGE])
        for batch in opened.iter_batches(batch_size=1, row_groups=[ordinal], columns=[ID, IMAGE], use_threads=False):
            page_id = batch.column(ID)[0].as_py()
            if page_id in ids:
                yield page_id, _smaller(batch.column(IMAGE)[0].as_py()["bytes"], size)


def drawn_pictures(
    records: Iterable[PageRecord], source: Source, drawer: Drawer, *, patience_s: float
) -> Iterator[tuple[str, PageLook]]:
    """Document by document, in the order of their names, as most archives are: a `.tar.gz` is unpacked up to the member
    that is wanted. What was not begun after `patience_s` seconds has no picture."""
    started_s = time.monotonic()
    named = sorted(records, key=lambda record: (record.document.document.uri, record.page_id))
    for document, pages in groupby(named, key=lambda record: record.document):
        of_document = list(pages)
        if time.monotonic() - started_s > patience_s:
            looks: Iterable[PageLook] = [NoPicture(error=f"drawing other pages took over {patience_s:g} s")] * len(of_document)
        else:
            looks = _drawn(document, [page.page_id.page_index for page in of_document], source, drawer)
        yield from zip([str(page.page_id) for page in of_document], looks, strict=True)


def _drawn(document: OpenedDocument, pages: Sequence[int], source: Source, drawer: Drawer) -> Iterator[PageLook]:
    try:
        data = source.read(document.document)
    except (SourceError, StoreError) as error:
        yield from [NoPicture(error=f"the document cannot be read any more: {error}")] * len(pages)
        return
    if hashlib.sha256(data).hexdigest() != document.doc_id:
        yield from [NoPicture(error=f"{document.document.uri} holds other bytes now than when it was read")] * len(pages)
        return
    yield from drawer.draw(data, pages)


def _smaller(data: bytes, size: PictureSize) -> Picture:
    """Grey, as pages are drawn. The image is one that a build of ours encoded."""
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("L")
    image.thumbnail((size.side_px, size.side_px), Image.Resampling.BOX)
    sink = io.BytesIO()
    image.save(sink, "WEBP", quality=size.quality, method=WEBP_METHOD)
    return Picture(data=sink.getvalue(), width_px=image.width, height_px=image.height)


def look_at(
    records: Sequence[PageRecord],
    shard_of_page: Mapping[str, str],
    *,
    store: ObjectStore,
    build_id: str,
    source: Source,
    drawer: Drawer,
    patience_s: float,
) -> dict[str, PageLook]:
    """By page id. `shard_of_page` has the shard of each."""
    looks: dict[str, PageLook] = {}
    for shard_id, ids in groupby(shard_of_page, key=lambda page_id: shard_of_page[page_id]):
        looks.update(stored_pictures(store, build_id, shard_id, list(ids), drawer.size))
    missing = [each for each in records if str(each.page_id) not in looks]
    looks.update(drawn_pictures(missing, source, drawer, patience_s=patience_s))
    return looks
