"""Pages that the tests of engines draw themselves."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pymupdf

from pipeline.records import PageFacts, PageId, PageImage

DPI = 150.0
DrawPage = Callable[[pymupdf.Page], None]

PROSE = (
    "Rain fell on the mill at dawn and the wheel turned slowly.",
    "The miller counted seven sacks of barley and one of rye.",
    "By noon the river had risen above the old stone mark.",
    "Nobody crossed the bridge that day except the postman.",
    "He carried two letters and a parcel wrapped in paper.",
)


def page_image(pixels: npt.NDArray[np.uint8], name: str = "page", page_index: int = 0, layer_text: str = "") -> PageImage:
    height, width = pixels.shape[:2]
    facts = PageFacts(
        width_pt=width * 72 / DPI,
        height_pt=height * 72 / DPI,
        rotation_degrees=0,
        dpi=DPI,
        width_px=width,
        height_px=height,
        ink_fraction=0.05,
        layer_text=layer_text,
    )
    pixels_HWC = pixels if pixels.ndim == 3 else pixels[:, :, None]
    return PageImage(page_id=PageId(name, page_index), facts=facts, pixels_HWC=pixels_HWC)


def draw_grey(draw: DrawPage, *, width_pt: float = 420.0, height_pt: float = 300.0) -> npt.NDArray[np.uint8]:
    with pymupdf.open() as document:
        page = document.new_page(width=width_pt, height=height_pt)
        draw(page)
        pixmap = page.get_pixmap(dpi=int(DPI), colorspace=pymupdf.csGRAY, alpha=False)
        return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width).copy()


def write_lines(page: pymupdf.Page, lines: tuple[str, ...], *, x: float = 40.0, y: float = 50.0, size: float = 11.0) -> None:
    for k, line in enumerate(lines):
        page.insert_text((x, y + k * size * 1.4), line, fontsize=size, fontname="helv")
