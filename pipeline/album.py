"""The images of a shard's pages, encoded while the pages are read: what vision-language models are trained on, beside the text.

In: the pages as they pass from the renderer, and the engine's answers. Out: one StoredImage for each page that was read, and
for each blank one, which teaches a model to say nothing; none for a page that failed, since there is no text to it. Rules play
no part: a page that they reject today may be kept tomorrow. The size is that of the mode that read the page, so it is made
when the answer is there. It knows no file and no store.

One thread encodes, so that neither the engine nor whoever takes its answers waits for Pillow, until WAITING_PAGES wait for it.
Memory: the pages that the engine holds, those that wait, and the encoded images of the shard, which take 2.7 times their size
while the file is written (600 pages, 174 MB of JPEG: 200 MB while reading, 470 MB at the end). A core encodes 14 grey pages of
2 Mpx a second to WebP of quality 80 (70 ms), 30 to PNG, 240 to JPEG; in tiny to base, of 640 to 1024 px, 30 to 53 to WebP.
"""

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from PIL import Image

from pipeline.config import ImagesConfig, PageRules
from pipeline.interfaces import Renderer, Source
from pipeline.quality.rules import is_blank
from pipeline.records import DocumentRef, PageId, PageImage, PageRecord, PageText, RenderEvent
from pipeline.tables.images import StoredImage

WAITING_PAGES = 8
WEBP_METHOD = 2
"""Of 0 to 6; 4, Pillow's own choice, makes files 2 % smaller in 70 % more time."""


class Album:
    """Open while one shard is read; closing it drops what waits."""

    def __init__(self, config: ImagesConfig, rules: PageRules) -> None:
        self._config = config
        self._rules = rules
        self._passed: set[PageId] = set()
        self._unread: dict[PageId, PageImage] = {}
        self._made: dict[PageId, Future[StoredImage]] = {}
        self._room = threading.BoundedSemaphore(WAITING_PAGES)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="album")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def watching(self, render: Renderer) -> Renderer:
        """The same renderer; the album sees each page that it draws."""

        def watched(documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
            for event in render(documents, source):
                if isinstance(event, PageImage):
                    self._pass(event)
                yield event

        return watched

    def hearing(self, on_page: Callable[[PageText], None]) -> Callable[[PageText], None]:
        """The same listener; the album hears each answer too."""

        def heard(page: PageText) -> None:
            on_page(page)
            self._answer(page)

        return heard

    def images(self, records: Iterable[PageRecord]) -> Iterator[StoredImage]:
        """Those of the pages that were read or are blank, by page id. Each is given away, and not kept."""
        shown = {record.page_id for record in records if record.status != "failed"}
        for page_id in sorted(shown & self._made.keys()):
            yield self._made.pop(page_id).result()

    def _pass(self, page: PageImage) -> None:
        """The same bytes under two names of a shard pass twice."""
        if page.page_id in self._passed:
            return
        self._passed.add(page.page_id)
        if is_blank(page.facts, self._rules):
            self._make(page, self._config.max_side_px)
        else:
            self._unread[page.page_id] = page

    def _answer(self, page: PageText) -> None:
        image = self._unread.pop(page.page_id)
        if page.status == "ok":
            self._make(image, side_px_of(page.mode, self._config))

    def _make(self, page: PageImage, side_px: int) -> None:
        self._room.acquire()
        future = self._pool.submit(encode_image, page, side_px, self._config)
        future.add_done_callback(lambda _: self._room.release())
        self._made[page.page_id] = future


def side_px_of(mode: str | None, config: ImagesConfig) -> int:
    """The longer side of the image of a page that was read in this mode."""
    sides_px = [side_px for name, side_px in config.side_px_by_mode.items() if name == mode]
    return min([*sides_px, config.max_side_px])


def encode_image(page: PageImage, side_px: int, config: ImagesConfig) -> StoredImage:
    """The page with its longer side at most `side_px`, never enlarged; grey stays grey."""
    image = Image.fromarray(page.pixels_HWC[:, :, 0] if page.pixels_HWC.shape[2] == 1 else page.pixels_HWC)
    image.thumbnail((side_px, side_px), Image.Resampling.BICUBIC)
    sink = io.BytesIO()
    match config.format:
        case "webp":
            image.save(sink, "WEBP", quality=config.quality, method=WEBP_METHOD)
        case "jpeg":
            image.save(sink, "JPEG", quality=config.quality)
        case "png":
            image.save(sink, "PNG")
    return StoredImage(
        page_id=page.page_id, data=sink.getvalue(), width_px=image.width, height_px=image.height, format=config.format
    )
