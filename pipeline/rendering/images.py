"""Image files to pages, by Pillow. A TIFF has as many pages as full-size frames; of an animation the first frame is the page.

Turned upright by its EXIF tag, laid on white paper, brought to 8 bits. The page's size in points and its dpi follow the rules
in `sizing`. Costs the decoded image three times over in memory, at most `memory_bytes`; a larger one is a PageFailure.
"""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
from PIL import Image, ImageOps

from pipeline.config import RenderConfig
from pipeline.records import (
    DocumentFailure,
    DocumentRef,
    OpenedDocument,
    PageFacts,
    PageFailure,
    PageId,
    PageImage,
    RenderedEvent,
)
from pipeline.rendering.ink import ink_fraction
from pipeline.rendering.layer import storable
from pipeline.rendering.sizing import ImageSize, dpi_of_image, pixels_at, size_of_image, too_many_pages

Image.MAX_IMAGE_PIXELS = None
"""Pillow's own guard is a warning at 89 Mpx; large scans are wanted, and bombs meet `memory_bytes`."""
ORIENTATION = 0x0112
TURNS = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
"""Clockwise degrees by EXIF orientation; 2, 4, 5 and 7 are mirrored as well."""
SUBFILE_TYPE = 254
"""TIFF tag; bit 0 marks a reduced copy of another frame."""
WHITE = (255, 255, 255, 255)
UNMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
"""Pillow converts modes with premultiplied alpha to these only."""
COPIES = 3
"""Decoded, converted and scaled image, alive at once."""


def image_events(
    document: DocumentRef, doc_id: str, data: bytes, *, config: RenderConfig, first_page: int
) -> Iterator[RenderedEvent]:
    """Events of one image file, pages before `first_page` and, then, the OpenedDocument left out."""
    try:
        frames = _frames_of(data, config.max_document_pages)
    except Exception as error:  # noqa: BLE001  decoders raise anything on damaged bytes; it becomes the document's failure
        yield DocumentFailure(
            document=document, doc_id=doc_id, reason="damaged", error=f"the image cannot be opened: {_line(error)}"
        )
        return
    if len(frames) > config.max_document_pages:
        told = too_many_pages(len(frames), config)
        yield DocumentFailure(document=document, doc_id=doc_id, reason="too_large", error=told)
        return
    if first_page == 0:
        yield OpenedDocument(document=document, doc_id=doc_id, num_pages=len(frames), media="image")
    for page_index in range(first_page, len(frames)):
        page_id = PageId(doc_id, page_index)
        try:
            yield _draw(data, frames[page_index], page_id, config)
        except Exception as error:  # noqa: BLE001  decoders raise anything on damaged bytes; it becomes the page's failure
            yield PageFailure(page_id=page_id, reason="render_error", error=_line(error))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Upright:
    image: Image.Image
    """Mode L or RGB."""
    size: ImageSize
    turned_degrees: int


def _frames_of(data: bytes, max_frames: int) -> list[int]:
    """The full-size frames; one more than `max_frames` at the most, because counting them all is what a bomb waits for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            return list(islice(_pages_of(image), max_frames + 1)) if image.format == "TIFF" else [0]


def _pages_of(image: Image.Image) -> Iterator[int]:
    """Frames that are no reduced copy of another; the first, should all be."""
    found = False
    for index in count():
        try:
            image.seek(index)
        except EOFError:
            break
        if not int(getattr(image, "tag_v2", {}).get(SUBFILE_TYPE, 0)) & 1:
            found = True
            yield index
    if not found:
        yield 0


def _draw(data: bytes, frame: int, page_id: PageId, config: RenderConfig) -> PageImage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        upright = _upright(data, frame, config)
    dpi = dpi_of_image(upright.size, config)
    pixels = upright.image.resize(
        pixels_at(upright.size.width_pt, upright.size.height_pt, dpi), Image.Resampling.BICUBIC, reducing_gap=3.0
    )
    pixels_HWC = np.asarray(pixels, dtype=np.uint8).reshape(pixels.height, pixels.width, -1).copy()
    facts = PageFacts(
        width_pt=upright.size.width_pt,
        height_pt=upright.size.height_pt,
        rotation_degrees=upright.turned_degrees,
        dpi=dpi,
        width_px=pixels.width,
        height_px=pixels.height,
        ink_fraction=ink_fraction(pixels_HWC, dpi),
    )
    return PageImage(page_id=page_id, facts=facts, pixels_HWC=pixels_HWC)


def _upright(data: bytes, frame: int, config: RenderConfig) -> _Upright:
    with Image.open(io.BytesIO(data)) as image:
        image.seek(frame)
        needed_bytes = image.width * image.height * len(image.getbands()) * COPIES
        if needed_bytes > config.memory_bytes:
            raise MemoryError(
                f"{image.width} x {image.height} pixels need {needed_bytes} bytes, above render.memory_bytes "
                f"({config.memory_bytes}); raise it to read the page"
            )
        tag_dpi = _tag_dpi(image)
        turned_degrees = TURNS.get(int(image.getexif().get(ORIENTATION, 1)), 0)  # decodes a PNG, whose tag stands at its end
        shown = ImageOps.exif_transpose(image)
        paper = _on_paper(shown, "L" if config.channels == "grey" else "RGB")
    if turned_degrees in (90, 270) and tag_dpi:
        tag_dpi = (tag_dpi[1], tag_dpi[0])
    return _Upright(image=paper, size=size_of_image(paper.width, paper.height, tag_dpi), turned_degrees=turned_degrees)


def _on_paper(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _to_8_bits(image).convert(mode)
    if image.has_transparency_data:
        image = image.convert(UNMULTIPLIED.get(image.mode, "RGBA")).convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image).convert(mode)
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image.convert(mode)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """16-bit grey is divided by 257; other depths, which name no white, are stretched between their extremes."""
    deep_HW = np.asarray(image).astype(np.float32)
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < deep_HW.max() <= 65535 and deep_HW.min() >= 0):
        return Image.fromarray((deep_HW / 257.0 + 0.5).astype(np.uint8))
    deep_HW = np.nan_to_num(deep_HW)
    darkest, lightest = float(deep_HW.min()), float(deep_HW.max())
    return Image.fromarray(((deep_HW - darkest) * (255.0 / max(lightest - darkest, 1e-9))).astype(np.uint8))


def _tag_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Across and down, as the file says; None when it says nothing usable."""
    tag = image.info.get("dpi")
    if not isinstance(tag, tuple) or len(tag) != 2:
        return None
    across_dpi, down_dpi = (float(number) for number in tag)
    return (across_dpi, down_dpi) if across_dpi > 0 and down_dpi > 0 else None


def _line(error: Exception) -> str:
    return storable(" ".join(str(error).split()))[:500] or type(error).__name__
