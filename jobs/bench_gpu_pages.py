"""Page images for the GPU bench: from a folder of images, or from PDFs where PyMuPDF is installed.

In: a folder. Out: PageImages in RGB, in the order of names. `NAME.txt` beside `NAME.png` is the page's own text layer, which
the mode policy counts. Images stand for pages at 144 dpi, as the authors of DeepSeek-OCR render. Holds all pages: 6 MB each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.config import RenderConfig
from pipeline.errors import ConfigError
from pipeline.records import DocumentRef, PageFacts, PageId, PageImage

DPI = 144.0
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
DARK = 128
"""A grey level below this counts as ink here; nothing but the facts' completeness hangs on it."""


def read_pages(folder: Path, *, at_most: int, per_document: int) -> list[PageImage]:
    """Up to `at_most` pages, `per_document` first ones of each PDF. Raises ConfigError when there are none."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    pages = list(islice((page for path in paths for page in _pages_of(path, per_document)), at_most))
    if not pages:
        raise ConfigError(f"{folder} holds no page: give a folder of {', '.join(IMAGE_SUFFIXES)} or, with PyMuPDF, of PDFs")
    return pages


def repeated(pages: Sequence[PageImage], num_pages: int, name: str) -> Iterator[PageImage]:
    """The pages over and over until there are `num_pages`, each under an identity of its own."""
    for index, page in enumerate(islice(cycle(pages), num_pages)):
        yield replace(page, page_id=PageId(name, index))


def write_page(page: PageImage, folder: Path) -> None:
    """As PNG, with its text layer beside it, so that `read_pages` reads the same page on a machine without PyMuPDF."""
    path = folder / f"{page.page_id.doc_id[:16]}-{page.page_id.page_index:04d}.png"
    Image.fromarray(page.pixels_HWC).save(path, optimize=True)
    if page.facts.layer_text:
        path.with_suffix(".txt").write_text(page.facts.layer_text, encoding="utf-8", errors="replace")


def _pages_of(path: Path, per_document: int) -> Iterator[PageImage]:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        yield _image_page(path)
    elif path.suffix.lower() == ".pdf":
        yield from islice(_pdf_pages(path), per_document)


def _image_page(path: Path) -> PageImage:
    pixels = np.asarray(Image.open(path).convert("RGB"))
    height_px, width_px = pixels.shape[:2]
    layer = path.with_suffix(".txt")
    layer_text = layer.read_text(encoding="utf-8") if layer.is_file() else ""
    facts = PageFacts(
        width_pt=width_px * 72.0 / DPI,
        height_pt=height_px * 72.0 / DPI,
        rotation_degrees=0,
        dpi=DPI,
        width_px=width_px,
        height_px=height_px,
        ink_fraction=float(np.mean(pixels[:, :, 1] < DARK)),
        layer_text=layer_text,
        layer_garbled_fraction=0.0 if layer_text else None,
        layer_hidden_fraction=0.0 if layer_text else None,
    )
    return PageImage(page_id=PageId(path.stem, 0), facts=facts, pixels_HWC=pixels)


def _pdf_pages(path: Path) -> Iterator[PageImage]:
    try:
        from pipeline.rendering import render_document
    except ImportError as error:
        raise ConfigError(f"{path} is a PDF and PyMuPDF is not installed ({error}); give a folder of images") from error
    data = path.read_bytes()
    document = DocumentRef(uri=str(path), size_bytes=len(data), version="bench")
    for event in render_document(document, data, config=RenderConfig(dpi=DPI, channels="rgb")):
        if isinstance(event, PageImage):
            yield event
