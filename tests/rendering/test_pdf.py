"""PDFs drawn here, rendered, and looked at."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from pipeline.config import RenderConfig
from pipeline.records import DocumentFailure, DocumentRef, OpenedDocument, PageFailure, PageImage, RenderEvent
from pipeline.rendering import render_document

Draw = Callable[[pymupdf.Document], object]


def pdf(*draws: Draw, **options: object) -> bytes:
    with pymupdf.open() as document:
        for draw in draws:
            draw(document)
        return bytes(document.tobytes(**options))


def page_with(text: str, *, width: float = 612, height: float = 792, rotation: int = 0) -> Draw:
    def draw(document: pymupdf.Document) -> None:
        page = document.new_page(width=width, height=height)
        page.insert_text((72, 72), text, fontsize=12)
        page.set_rotation(rotation)

    return draw


def events(data: bytes, config: RenderConfig | None = None, first_page: int = 0) -> list[RenderEvent]:
    document = DocumentRef(uri="/d", size_bytes=len(data), version="1")
    return list(render_document(document, data, config=config or RenderConfig(), first_page=first_page))


def only_page(data: bytes, config: RenderConfig | None = None) -> PageImage:
    opened, page = events(data, config)
    assert isinstance(opened, OpenedDocument)
    assert isinstance(page, PageImage)
    return page


def failure(data: bytes, config: RenderConfig | None = None) -> DocumentFailure:
    (event,) = events(data, config)
    assert isinstance(event, DocumentFailure)
    assert event.error
    return event


def test_a_letter_page_comes_in_its_size_with_its_text_and_ink() -> None:
    page = only_page(pdf(page_with("Rags are sorted by hand.")))
    assert page.pixels_HWC.shape == (1650, 1275, 1)
    assert page.pixels_HWC.dtype == np.uint8
    assert page.pixels_HWC[0, 0, 0] == 255
    assert page.facts.layer_text.strip() == "Rags are sorted by hand."
    assert page.facts.layer_garbled_fraction == 0.0
    assert (page.facts.width_pt, page.facts.height_pt, page.facts.dpi) == (612, 792, 150)
    assert (page.facts.width_px, page.facts.height_px) == (1275, 1650)
    assert 0.0005 < page.facts.ink_fraction < 0.02


def test_text_that_is_not_drawn_is_told_from_text_that_is() -> None:
    with pymupdf.open() as drawn_and_hidden:
        page = drawn_and_hidden.new_page()
        page.insert_text((72, 72), "seventeen letters")
        page.insert_text((72, 172), "abcd", render_mode=3)
        data = drawn_and_hidden.tobytes()
    assert only_page(data).facts.layer_hidden_fraction == pytest.approx(4 / 20)
    assert only_page(pdf(page_with("Rags are sorted by hand."))).facts.layer_hidden_fraction == 0.0
    assert only_page(pdf(page_with(""))).facts.layer_hidden_fraction is None


def test_a_blank_page_has_no_ink_and_no_layer() -> None:
    page = only_page(pdf(page_with("")))
    assert page.facts.ink_fraction == 0.0
    assert page.facts.layer_text == ""
    assert page.facts.layer_garbled_fraction is None


def test_rgb_keeps_colours() -> None:
    def red(document: pymupdf.Document) -> None:
        document.new_page(width=72, height=72).draw_rect((0, 0, 72, 72), color=(1, 0, 0), fill=(1, 0, 0))

    page = only_page(pdf(red), RenderConfig(channels="rgb"))
    assert page.pixels_HWC.shape == (150, 150, 3)
    assert tuple(page.pixels_HWC[75, 75]) == (255, 0, 0)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_honoured(rotation: int) -> None:
    page = only_page(pdf(page_with("Turned", width=400, height=600, rotation=rotation)))
    sideways = rotation in (90, 270)
    assert (page.facts.width_pt, page.facts.height_pt) == ((600, 400) if sideways else (400, 600))
    assert page.facts.rotation_degrees == rotation
    assert page.pixels_HWC.shape[1] > page.pixels_HWC.shape[0] if sideways else True
    rows, columns = np.nonzero(page.pixels_HWC[:, :, 0] < 128)
    in_top_half = rows.mean() < page.pixels_HWC.shape[0] / 2
    in_left_half = columns.mean() < page.pixels_HWC.shape[1] / 2
    assert (in_top_half, in_left_half) == {0: (True, True), 90: (True, False), 180: (False, False), 270: (False, True)}[
        rotation
    ]


def test_the_crop_box_is_the_page() -> None:
    def cropped(document: pymupdf.Document) -> None:
        page = document.new_page(width=600, height=800)
        page.insert_text((72, 72), "inside")
        page.insert_text((72, 700), "outside")
        page.set_cropbox(pymupdf.Rect(0, 0, 300, 200))

    page = only_page(pdf(cropped))
    assert (page.facts.width_pt, page.facts.height_pt) == (300, 200)
    assert page.facts.layer_text.strip() == "inside"


def test_an_oversized_page_is_scaled_down_and_says_so() -> None:
    config = RenderConfig(dpi=150, max_side_px=1000, max_pixels=300_000)
    wide = only_page(pdf(page_with("x", width=14400, height=72)), config)
    assert max(wide.pixels_HWC.shape) <= 1000
    assert wide.facts.dpi == pytest.approx(5.0, abs=0.05)
    large = only_page(pdf(page_with("x", width=2400, height=2400)), config)
    assert large.facts.width_px * large.facts.height_px <= 300_000
    assert large.facts.dpi == pytest.approx(16.4, abs=0.1)


def test_pages_come_in_order_and_reading_resumes_behind_a_page() -> None:
    data = pdf(*(page_with(f"page {number}") for number in range(5)))
    opened, *pages = events(data)
    assert isinstance(opened, OpenedDocument)
    assert (opened.num_pages, opened.media) == (5, "pdf")
    assert [page.page_id.page_index for page in pages if isinstance(page, PageImage)] == [0, 1, 2, 3, 4]
    resumed = events(data, first_page=3)
    assert [page.facts.layer_text.strip() for page in resumed if isinstance(page, PageImage)] == ["page 3", "page 4"]
    assert len(resumed) == 2
    assert all(page.page_id.doc_id == opened.doc_id for page in pages if isinstance(page, PageImage))


def test_title_author_and_form_are_read() -> None:
    def form(document: pymupdf.Document) -> None:
        document.set_metadata({"title": "Der Büttgeselle", "author": "名前"})
        widget = pymupdf.Widget()
        widget.field_type = pymupdf.PDF_WIDGET_TYPE_TEXT
        widget.field_name, widget.rect, widget.field_value = "f", pymupdf.Rect(72, 72, 300, 100), "filled in"
        document.new_page().add_widget(widget)

    opened, page = events(pdf(form))
    assert isinstance(opened, OpenedDocument)
    assert isinstance(page, PageImage)
    assert (opened.title, opened.author, opened.is_form) == ("Der Büttgeselle", "名前", True)
    assert "filled in" in page.facts.layer_text


def test_junk_before_the_header_is_forgiven() -> None:
    data = pdf(page_with("behind junk"))
    for junk in (b"\0" * 1000, b"<html>", b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n"):
        assert only_page(junk + data).facts.layer_text.strip() == "behind junk"


def test_a_pdf_without_header_is_repaired() -> None:
    assert only_page(pdf(page_with("no header"))[16:]).facts.layer_text.strip() == "no header"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"Plain text that PyMuPDF would open as a page.", "not_a_document"),
        (b"<html><body>Not found</body></html>", "not_a_document"),
        (b"PK\x03\x04" + b"\0" * 100, "not_a_document"),
        (b"\0" * 5000, "not_a_document"),
        (bytes(range(256)) * 10, "not_a_document"),
        (b"The tag 1 0 obj opens an object, endobj closes it.", "not_a_document"),
        (b"%PDF-1.4\nrubbish", "damaged"),
        (b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n", "damaged"),
    ],
)
def test_what_is_no_document_has_a_reason(data: bytes, reason: str) -> None:
    assert failure(data).reason == reason


def test_a_page_tree_without_pages_is_told_from_damage() -> None:
    data = pdf(page_with("one"))
    assert failure(data.replace(b"/Count 1", b"/Count 0")).reason == "no_pages"


def test_a_password_is_asked_for_only_where_one_is_needed() -> None:
    locked = pdf(page_with("secret"), encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o", user_pw="u")
    assert failure(locked).reason == "encrypted"
    opens = pdf(page_with("public"), encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o")
    assert only_page(opens).facts.layer_text.strip() == "public"


def test_a_document_above_the_limit_is_not_opened() -> None:
    refused = failure(pdf(page_with("x")), RenderConfig(max_document_bytes=100))
    assert refused.reason == "too_large"
    assert "render.max_document_bytes (100)" in refused.error


def test_a_page_that_cannot_be_drawn_fails_alone() -> None:
    data = pdf(*(page_with(f"page {number}") for number in range(3)))
    with pymupdf.open(stream=data) as document:
        document.update_object(document.page_xref(1), "<< /Type /Pages /Count 1 /Kids [] >>")
        broken = document.tobytes()
    opened, *pages = events(broken)
    assert isinstance(opened, OpenedDocument)
    assert [type(page) for page in pages] == [PageImage, PageImage, PageFailure]
    lost = pages[-1]
    assert isinstance(lost, PageFailure)
    assert (lost.reason, lost.page_id.page_index, lost.error) == ("render_error", 2, "page 2 not in document")


def test_two_threads_may_render_at_once() -> None:
    data = pdf(*(page_with(f"page {number}") for number in range(20)))
    seen: list[list[str]] = []

    def read() -> None:
        seen.append([page.facts.layer_text.strip() for page in events(data) if isinstance(page, PageImage)])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [[f"page {number}" for number in range(20)]] * 4


def test_a_document_left_half_read_is_closed(tmp_path: Path) -> None:
    data = pdf(*(page_with(f"page {number}") for number in range(3)))
    stream = render_document(DocumentRef(uri="/d", size_bytes=1, version="1"), data, config=RenderConfig())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert len(events(data)) == 4
