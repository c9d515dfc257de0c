"""PDF bytes to pages. The one door to PyMuPDF.

MuPDF is not thread-safe, so a lock is held while it works, not while a page waits to be fetched. Its cache of decoded fonts
and images (up to 256 MB) is halved after each page: that keeps the fonts of a long book, costs no time (measured on 200 to 500
pages), and a stack of 30 colour scans of 300 dpi peaks at 180 MB above the start instead of 300 MB. Scripts in a PDF
are never run: PyMuPDF does not switch MuPDF's interpreter on. `PageFailure` covers all that MuPDF raises, failed allocations
included; a segfault, a hang and the out-of-memory killer are for the caller's process limits.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pymupdf

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
from pipeline.rendering.bombs import refuse_bombs
from pipeline.rendering.ink import ink_fraction
from pipeline.rendering.layer import Span, hidden_fraction, layer_of, storable
from pipeline.rendering.media import HEADER_BYTES
from pipeline.rendering.sizing import capped_dpi, too_many_pages

LAYER_FLAGS = pymupdf.TEXT_PRESERVE_LIGATURES | pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
"""PyMuPDF's own flags but one: a glyph without Unicode stays U+FFFD instead of posing as its glyph number, so that
`layer_garbled_fraction` sees it."""
MAX_TITLE_CHARS = 1000
MAX_ERROR_CHARS = 500
MAX_WARNING_CHARS = 200

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)
_mupdf = threading.Lock()


def pdf_events(
    document: DocumentRef, doc_id: str, data: bytes, *, config: RenderConfig, first_page: int
) -> Iterator[RenderedEvent]:
    """Events of one PDF, pages before `first_page` and, then, the OpenedDocument left out."""
    with _mupdf:
        opened = _open(data, config)
    if isinstance(opened, _Refusal):
        yield DocumentFailure(document=document, doc_id=doc_id, reason=opened.reason, error=opened.error)
        return
    try:
        with _mupdf:
            head = _describe(opened, document, doc_id)
        if first_page == 0:
            yield head
        for page_index in range(first_page, head.num_pages):
            with _mupdf:
                event = _page_event(opened, PageId(doc_id, page_index), config)
            yield event
    finally:
        with _mupdf:
            opened.close()
            pymupdf.TOOLS.store_shrink(100)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refusal:
    """Why a PDF cannot be read."""

    reason: str
    error: str


def _open(data: bytes, config: RenderConfig) -> pymupdf.Document | _Refusal:
    """MuPDF looks at the content first, so what is not opened as a PDF is tried again from its header on."""
    header_at = data[: HEADER_BYTES + 5].find(b"%PDF-")
    pymupdf.TOOLS.reset_mupdf_warnings()
    try:
        opened = pymupdf.open(stream=data, filetype="pdf")
        if not opened.is_pdf and header_at > 0:
            opened = pymupdf.open(stream=data[header_at:], filetype="pdf")
        if opened.is_pdf and opened.needs_pass:
            return _Refusal(reason="encrypted", error="the PDF needs a password to be opened; decrypt it first")
        if opened.is_pdf and opened.page_count > config.max_document_pages:
            return _Refusal(reason="too_large", error=too_many_pages(opened.page_count, config))
        if opened.is_pdf and opened.page_count > 0:
            return opened
        is_pdf, is_repaired = opened.is_pdf, opened.is_pdf and opened.is_repaired
    except Exception as error:  # noqa: BLE001  whatever MuPDF raises is this document's trouble, and becomes its failure
        return _without_pages(header_at, "damaged", f"MuPDF cannot open the PDF: {_line(error)}{_warned()}")
    if not is_pdf:
        return _Refusal(reason="not_a_document", error="holds PDF marks, but MuPDF does not recognise a PDF in it")
    if is_repaired:
        return _without_pages(header_at, "damaged", f"no page is left after repair{_warned()}")
    return _without_pages(header_at, "no_pages", "the PDF has a page tree without pages")


def _without_pages(header_at: int, reason: str, error: str) -> _Refusal:
    if header_at >= 0:
        return _Refusal(reason=reason, error=error)
    return _Refusal(reason="not_a_document", error=f"no %PDF- header in the first {HEADER_BYTES} bytes; {error}")


def _warned() -> str:
    """What MuPDF noticed on the way, shortened."""
    noticed = storable(" ".join(pymupdf.TOOLS.mupdf_warnings().split()))[:MAX_WARNING_CHARS]
    return f" ({noticed})" if noticed else ""


def _describe(opened: pymupdf.Document, document: DocumentRef, doc_id: str) -> OpenedDocument:
    about = opened.metadata or {}
    return OpenedDocument(
        document=document,
        doc_id=doc_id,
        num_pages=opened.page_count,
        media="pdf",
        title=storable(about.get("title") or "")[:MAX_TITLE_CHARS],
        author=storable(about.get("author") or "")[:MAX_TITLE_CHARS],
        is_form=bool(opened.is_form_pdf),
    )


def _page_event(opened: pymupdf.Document, page_id: PageId, config: RenderConfig) -> PageImage | PageFailure:
    try:
        return _draw(opened, page_id, config)
    except Exception as error:  # noqa: BLE001  whatever MuPDF raises is this page's trouble, and becomes its failure
        return PageFailure(page_id=page_id, reason="render_error", error=_line(error))
    finally:
        pymupdf.TOOLS.reset_mupdf_warnings()
        pymupdf.TOOLS.store_shrink(50)


def _draw(opened: pymupdf.Document, page_id: PageId, config: RenderConfig) -> PageImage:
    """The page is interpreted once, into a display list that gives both the pixels and the text."""
    page = opened[page_id.page_index]
    refuse_bombs(opened, page, max_stream_bytes=config.max_stream_bytes)
    width_pt, height_pt = page.rect.width, page.rect.height
    dpi = capped_dpi(width_pt, height_pt, config.dpi, config)
    colours = pymupdf.csGRAY if config.channels == "grey" else pymupdf.csRGB
    drawing = page.get_displaylist(annots=True)
    pixmap = drawing.get_pixmap(matrix=pymupdf.Matrix(dpi / 72.0, dpi / 72.0), colorspace=colours, alpha=0)
    rows_HB = np.frombuffer(pixmap.samples_mv, dtype=np.uint8).reshape(pixmap.height, pixmap.stride)
    pixels_HWC = rows_HB[:, : pixmap.width * pixmap.n].reshape(pixmap.height, pixmap.width, pixmap.n).copy()
    layer = pymupdf.TextPage(drawing.get_textpage(LAYER_FLAGS))
    layer_text, layer_garbled_fraction = layer_of(layer.extractText())
    facts = PageFacts(
        width_pt=width_pt,
        height_pt=height_pt,
        rotation_degrees=page.rotation % 360,
        dpi=dpi,
        width_px=pixmap.width,
        height_px=pixmap.height,
        ink_fraction=ink_fraction(pixels_HWC, dpi),
        layer_text=layer_text,
        layer_garbled_fraction=layer_garbled_fraction,
        layer_hidden_fraction=hidden_fraction(_spans(layer)) if layer_text else None,
    )
    return PageImage(page_id=page_id, facts=facts, pixels_HWC=pixels_HWC)


def _spans(layer: pymupdf.TextPage) -> Iterator[Span]:
    for block in layer.extractDICT()["blocks"]:
        for line in block.get("lines", ()):
            yield from line["spans"]


def _line(trouble: object) -> str:
    return storable(" ".join(str(trouble).split()))[:MAX_ERROR_CHARS] or type(trouble).__name__
