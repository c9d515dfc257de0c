"""The text layer of single PDF pages as words with boxes: the truth that engines are measured against.

In: a PDF's bytes and how many of its pages to look at. Out: one LayerPage for each, on the page as displayed, with what speaks
against the layer as a truth. The build itself never uses this; it costs about 10 ms a page.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pymupdf

from pipeline.records import BoxPt

INVISIBLE = 3
"""Text render mode of the PDF reference (9.3.6): neither filled nor stroked, as OCR layers are stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerPage:
    """One page's layer, in the order in which it is stored."""

    page_index: int
    width_pt: float
    height_pt: float
    words: tuple[tuple[str, BoxPt], ...]
    image_fraction: float
    """Share of the page under raster images, 0..1; text inside them is not in the layer."""
    hidden_fraction: float
    """Share of the layer's characters that are not visible on the page, or not set upright, 0..1."""


def layer_pages(data: bytes, *, num_pages: int) -> Iterator[LayerPage]:
    """Yields the first `num_pages` pages. `data` must be a PDF that opens without a password."""
    with pymupdf.open(stream=data, filetype="pdf") as document:
        for page_index in range(min(num_pages, document.page_count)):
            yield _layer_page(document[page_index], page_index)


def _layer_page(page: pymupdf.Page, page_index: int) -> LayerPage:
    width_pt, height_pt = page.rect.width, page.rect.height
    words = [(str(word[4]), _displayed(page, word[:4])) for word in page.get_text("words")]
    images_pt2 = sum((pymupdf.Rect(image["bbox"]) & _stored_rect(page)).get_area() for image in page.get_image_info())
    return LayerPage(
        page_index=page_index,
        width_pt=width_pt,
        height_pt=height_pt,
        words=tuple(words),
        image_fraction=min(1.0, images_pt2 / max(1.0, width_pt * height_pt)),
        hidden_fraction=_hidden_fraction(page),
    )


def _hidden_fraction(page: pymupdf.Page) -> float:
    rect, turn = _stored_rect(page), page.rotation_matrix
    num_chars = num_hidden = 0
    for span in page.get_texttrace():
        along_x = span["dir"][0] * turn.a + span["dir"][1] * turn.c
        unseen = span["type"] == INVISIBLE or span["opacity"] == 0 or along_x < 0.99
        for _, _, _, box in span["chars"]:
            num_chars += 1
            num_hidden += unseen or not pymupdf.Rect(box).intersects(rect)
    return num_hidden / num_chars if num_chars else 0.0


def _stored_rect(page: pymupdf.Page) -> pymupdf.Rect:
    """The page before rotation; words, images and text traces come in its coordinates."""
    return pymupdf.Rect(0, 0, page.cropbox.width, page.cropbox.height)


def _displayed(page: pymupdf.Page, box: tuple[float, float, float, float]) -> BoxPt:
    x0, y0, x1, y1 = pymupdf.Rect(box) * page.rotation_matrix
    return (x0, y0, x1, y1)
