"""Draws the sample corpus: eleven small documents into `corpus/`, their texts into `truth/`.

Run `python tests/samples/draw.py` after a change; a test compares the pages it draws with those checked in. The same PyMuPDF
and Pillow give the same bytes, but for the encrypted document: no clock, no random id, noise from a fixed seed.
"""

import io
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.samples import prose  # noqa: E402  the script is run by its path, from anywhere

SEED = 20261123
A4 = (595.0, 842.0)
US_LETTER = (612.0, 792.0)
LEADING = 1.27


class Drawn(NamedTuple):
    data: bytes
    truth: tuple[str, ...]
    """Text of each page; () for a document that cannot be read."""


def main(folder: Path = HERE) -> None:
    for part in ("corpus", "truth"):
        (folder / part).mkdir(exist_ok=True)
    for name, drawn in drawings().items():
        (folder / "corpus" / name).write_bytes(drawn.data)
        if drawn.truth:
            (folder / "truth" / f"{name}.gt.txt").write_text("\n\f".join(drawn.truth) + "\n", encoding="utf-8")


def drawings() -> dict[str, Drawn]:
    """Every document of the corpus by its name."""
    invoice = draw_invoice()
    return {
        "buettgeselle.pdf": draw_prose(prose.GERMAN, width_chars=78),
        "damaged.pdf": Drawn(b"%PDF-1.7\n" + invoice.data[400:900], ()),
        "invoice-copy.pdf": invoice,
        "invoice.pdf": invoice,
        "letter-scan.pdf": draw_scan(prose.LETTER),
        "locked.pdf": draw_locked(),
        "lower-mill.pdf": draw_paper(),
        "manual.pdf": draw_manual(),
        "notice.png": draw_notice(),
        "rag-store.tiff": draw_record(),
        "zaozhi.pdf": draw_prose(prose.CHINESE, width_chars=34, font="china-s", size=13),
    }


def draw_paper() -> Drawn:
    """Three pages of two columns, with a running head and page numbers; furniture is no part of the truth."""
    columns = _columns_of(_lines(prose.PAPER, 42), [22, 22, 23, 23, 24, 24])
    truth = []
    with pymupdf.open() as pdf:
        pdf.set_metadata({"title": prose.PAPER_TITLE, "author": prose.PAPER_AUTHOR})
        for number in range(3):
            page = pdf.new_page(width=US_LETTER[0], height=US_LETTER[1])
            page.insert_text((72, 42), prose.PAPER_HEAD, fontsize=9, fontname="tiit")
            page.insert_text((302, 752), str(number + 1), fontsize=9, fontname="tiro")
            heading = [prose.PAPER_TITLE, prose.PAPER_AUTHOR] if number == 0 else []
            if heading:
                page.insert_text((72, 92), heading[0], fontsize=17, fontname="tibo")
                page.insert_text((72, 116), heading[1], fontsize=11, fontname="tiit")
            left, right = columns[2 * number : 2 * number + 2]
            for x, lines in ((72.0, left), (324.0, right)):
                _write(page, x, 156.0 if heading else 80.0, lines, size=11.5)
            truth.append("\n".join([*heading, *left, *right]).strip())
        return Drawn(_saved(pdf), tuple(truth))


def draw_prose(text: str, *, width_chars: int, font: str = "tiro", size: float = 11.5) -> Drawn:
    lines = _lines(text, width_chars)
    with pymupdf.open() as pdf:
        _write(pdf.new_page(width=A4[0], height=A4[1]), 72, 90, lines, size=size, font=font)
        return Drawn(_saved(pdf), ("\n".join(lines),))


def draw_scan(text: str) -> Drawn:
    """One page that is only an image: turned by half a degree, blurred, grey, with noise."""
    lines = _lines(text, 68)
    sheet = _sheet(lines, size=12.5, dpi=150).rotate(0.5, Image.Resampling.BICUBIC, fillcolor=255)
    blurred_HW = np.asarray(sheet.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float64)
    noise_HW = np.random.default_rng(SEED).normal(0.0, 9.0, blurred_HW.shape)
    scan = Image.fromarray(np.clip(blurred_HW * 0.82 + 36.0 + noise_HW, 0, 255).astype(np.uint8))
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=A4[0], height=A4[1])
        page.insert_image(page.rect, stream=_encoded(scan, "JPEG", quality=30))
        return Drawn(_saved(pdf), ("\n".join(lines),))


def draw_invoice() -> Drawn:
    edges = (72.0, 270.0, 350.0, 440.0, 523.0)
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=A4[0], height=A4[1])
        page.insert_text((72, 90), prose.INVOICE_HEAD, fontsize=18, fontname="hebo")
        page.insert_text((72, 116), prose.INVOICE_TO, fontsize=11, fontname="helv")
        for row, cells in enumerate(prose.INVOICE_ROWS):
            top = 150.0 + 24.0 * row
            for cell, left, right in zip(cells, edges, edges[1:], strict=False):
                page.draw_rect((left, top, right, top + 24.0), width=0.7)
                page.insert_text((left + 5, top + 16), cell, fontsize=10.5, fontname="hebo" if row == 0 else "helv")
        page.insert_text((72, 360), prose.INVOICE_FOOT, fontsize=11, fontname="helv")
        rows = [" ".join(filter(None, cells)) for cells in prose.INVOICE_ROWS]
        return Drawn(_saved(pdf), ("\n".join([prose.INVOICE_HEAD, prose.INVOICE_TO, *rows, prose.INVOICE_FOOT]),))


def draw_manual() -> Drawn:
    """A page, a blank page, and a plate that the reader is shown turned by 90 degrees."""
    lines, plate = _lines(prose.MANUAL, 80), prose.MANUAL_TABLE.split("\n")
    with pymupdf.open() as pdf:
        _write(pdf.new_page(width=A4[0], height=A4[1]), 72, 90, lines, size=11.5, font="helv")
        pdf.new_page(width=A4[0], height=A4[1])
        turned = pdf.new_page(width=A4[0], height=A4[1])
        for row, line in enumerate(plate):
            turned.insert_text((120 + 20 * row, 760), line, fontsize=13, fontname="helv", rotate=90)
        turned.set_rotation(90)
        return Drawn(_saved(pdf), ("\n".join(lines), "", "\n".join(plate)))


def draw_locked() -> Drawn:
    with pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 90), "Nobody reads this without the password.")
        data = pdf.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_128, owner_pw="owner", user_pw="reader", no_new_id=True)
        return Drawn(bytes(data), ())


def draw_notice() -> Drawn:
    lines = prose.NOTICE.split("\n")
    sheet = _sheet(lines, size=20, dpi=150).crop((0, 0, 1240, 560)).quantize(4)
    return Drawn(_encoded(sheet, "PNG", dpi=(150, 150), optimize=True), (prose.NOTICE,))


def draw_record() -> Drawn:
    """Two bilevel frames of 200 dpi, as a scanner with a feeder makes them."""
    first, second = (
        _sheet(text.split("\n"), size=15, dpi=200).point(lambda grey: 255 * (grey > 140), "1") for text in prose.RECORD
    )
    data = _encoded(first, "TIFF", save_all=True, append_images=[second], compression="group4", dpi=(200, 200))
    return Drawn(data, prose.RECORD)


def _sheet(lines: Sequence[str], *, size: float, dpi: int) -> Image.Image:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=A4[0], height=A4[1])
        _write(page, 76, 96, lines, size=size)
        pixmap = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
        return Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)


def _write(page: pymupdf.Page, x: float, y: float, lines: Sequence[str], *, size: float, font: str = "tiro") -> None:
    for row, line in enumerate(lines):
        page.insert_text((x, y + row * size * LEADING), line, fontsize=size, fontname=font)


def _lines(text: str, width_chars: int) -> list[str]:
    """Paragraphs wrapped, an empty line between them; lines that the text breaks itself stay."""
    paragraphs = [[w for line in p.split("\n") for w in textwrap.wrap(line, width_chars)] for p in text.split("\n\n")]
    return [line for paragraph in paragraphs for line in (*paragraph, "")][:-1]


def _columns_of(lines: Sequence[str], heights: Sequence[int]) -> list[list[str]]:
    columns = []
    for height in heights:
        columns.append(list(lines[:height]))
        lines = lines[height:]
    if lines:
        raise ValueError(f"{len(lines)} lines of the paper do not fit on its pages")
    return columns


def _encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def _saved(pdf: pymupdf.Document) -> bytes:
    return bytes(pdf.tobytes(garbage=3, deflate=True, no_new_id=True))


if __name__ == "__main__":
    main()
