"""Image files of many kinds, written here by Pillow and rendered."""

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.config import RenderConfig
from pipeline.records import DocumentFailure, DocumentRef, OpenedDocument, PageFailure, PageImage, RenderEvent
from pipeline.rendering import render_document

LETTER_PX = (850, 1100)


def sheet(mode: str = "L") -> Image.Image:
    """White, with a black bar in the top left corner."""
    page = Image.new("L", LETTER_PX, 255)
    page.paste(0, (50, 50, 450, 90))
    return page.convert(mode)


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def events(data: bytes, config: RenderConfig | None = None, first_page: int = 0) -> list[RenderEvent]:
    document = DocumentRef(uri="/d", size_bytes=len(data), version="1")
    return list(render_document(document, data, config=config or RenderConfig(), first_page=first_page))


def only_page(data: bytes, config: RenderConfig | None = None) -> PageImage:
    opened, page = events(data, config)
    assert isinstance(opened, OpenedDocument)
    assert (opened.media, opened.num_pages) == ("image", 1)
    assert isinstance(page, PageImage), page
    return page


def bar_corner(page: PageImage) -> tuple[bool, bool]:
    """Whether the bar is in the top half, and in the left half."""
    rows, columns = np.nonzero(page.pixels_HWC[:, :, 0] < 128)
    return rows.mean() < page.pixels_HWC.shape[0] / 2, columns.mean() < page.pixels_HWC.shape[1] / 2


@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        *((mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *((mode, "JPEG") for mode in ("L", "RGB", "CMYK")),
        *((mode, "TIFF") for mode in ("1", "L", "RGB", "CMYK", "I;16", "I", "F")),
        *((mode, "WEBP") for mode in ("RGB", "RGBA")),
        ("P", "GIF"),
        ("L", "JPEG2000"),
    ],
)
@pytest.mark.parametrize("channels", ["grey", "rgb"])
def test_every_kind_of_image_is_black_on_white(mode: str, format_: str, channels: str) -> None:
    image = sheet(mode) if mode != "I;16" else Image.fromarray(np.asarray(sheet(), dtype=np.uint16) * 257)
    page = only_page(encoded(image, format_), RenderConfig.model_validate({"channels": channels}))
    assert page.pixels_HWC.shape == (1100, 850, 1 if channels == "grey" else 3)
    assert page.pixels_HWC[600, 400].min() > 240
    assert page.pixels_HWC[70, 200].max() < 15
    assert page.facts.ink_fraction == pytest.approx(400 * 40 / (850 * 1100), rel=0.1)


def test_transparent_paper_is_white() -> None:
    clear = Image.new("RGBA", LETTER_PX, (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (50, 50, 450, 90))
    page = only_page(encoded(clear, "PNG"))
    assert page.pixels_HWC[600, 400, 0] == 255
    assert page.pixels_HWC[70, 200, 0] == 0


@pytest.mark.parametrize(
    ("orientation", "degrees", "corner"),
    [(1, 0, (True, True)), (3, 180, (False, False)), (6, 90, (True, False)), (8, 270, (False, True)), (2, 0, (True, False))],
)
@pytest.mark.parametrize("format_", ["JPEG", "TIFF", "PNG"])
def test_a_photograph_is_turned_by_its_tag(orientation: int, degrees: int, corner: tuple[bool, bool], format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    page = only_page(encoded(sheet(), format_, exif=exif))
    assert page.facts.rotation_degrees == degrees
    assert bar_corner(page) == corner
    assert (page.facts.width_pt > page.facts.height_pt) == (degrees in (90, 270))


def test_every_frame_of_a_tiff_is_a_page() -> None:
    frames = [Image.new("1", (200 + 10 * number, 300), 1) for number in range(4)]
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:], compression="group4")
    opened, *pages = events(data)
    assert isinstance(opened, OpenedDocument)
    assert opened.num_pages == 4
    assert [page.page_id.page_index for page in pages if isinstance(page, PageImage)] == [0, 1, 2, 3]
    assert len({page.facts.width_pt for page in pages if isinstance(page, PageImage)}) == 4
    assert [page.page_id.page_index for page in events(data, first_page=2) if isinstance(page, PageImage)] == [2, 3]


def test_an_animation_is_one_page() -> None:
    frames = [Image.new("L", (200, 300), grey) for grey in (250, 100, 0)]
    only_page(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    only_page(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))


def test_a_tagged_scan_is_reduced_to_the_configured_dpi() -> None:
    page = only_page(encoded(Image.new("1", (2550, 3300), 1), "TIFF", dpi=(300, 300), compression="group4"))
    assert (page.facts.width_pt, page.facts.height_pt) == (612, 792)
    assert (page.facts.dpi, page.facts.width_px, page.facts.height_px) == (150, 1275, 1650)


def test_an_image_too_large_to_decode_fails_with_the_limit_named() -> None:
    bomb = encoded(Image.new("1", (15_000, 15_000), 1), "PNG")
    opened, lost = events(bomb, RenderConfig(memory_bytes=500_000_000))
    assert isinstance(opened, OpenedDocument)
    assert isinstance(lost, PageFailure)
    assert "render.memory_bytes (500000000)" in lost.error


def test_a_cut_image_fails_as_a_page_and_a_beheaded_one_as_a_document() -> None:
    data = encoded(sheet("RGB"), "PNG")
    opened, lost = events(data[: len(data) // 2])
    assert isinstance(opened, OpenedDocument)
    assert isinstance(lost, PageFailure)
    (refused,) = events(data[:20])
    assert isinstance(refused, DocumentFailure)
    assert refused.reason == "damaged"
