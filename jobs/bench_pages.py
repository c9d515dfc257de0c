"""Which pages a benchmark reads, what is true of them, and how they look.

In: the corpus folder with its `manifest.csv`, a seed. Out: `BenchPage`s (a page and its true words), and `Picture`s of them at
a resolution, as printed or as scanned. Truth is the page's own text layer, so a page is admitted only by the written RULE.
"""

import csv
import hashlib
import unicodedata
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from pipeline.config import RenderConfig
from pipeline.errors import ConfigError
from pipeline.quality.scoring import BoxedText, repair_tex_accents
from pipeline.records import BoxPt, DocumentRef, PageImage
from pipeline.rendering import render_document
from pipeline.rendering.layer_words import LayerPage, layer_pages

Look = Literal["born_digital", "scan"]

SEED = 20261123
PAGES_LOOKED_AT = 12
PAGES_PER_DOCUMENT = 2
LYING_KINDS = ("garbage", "ToUnicode", "mojibake", "OCR LAYER", "sheet music", "pattern")
"""Words in the manifest's `kind` that say that the layer is not what is printed: the last two print signs stored as letters."""
LATIN_LANGUAGES = frozenset({"en", "de", "es", "fr", "hu", "it", "la", "nl", "pl", "pt", "vi"})
RULE = (
    f"born-digital PDFs of the manifest (no password, no `kind` that says the text layer lies), ordered by "
    f"sha256(seed:document), seed {SEED}; of the first {PAGES_LOOKED_AT} pages of each those with 80-1500 words, longest side "
    f"at most 1200 pt, at most 10 % under raster images, at most 2 % of the characters invisible or not upright, under 1 % "
    f"replacement or private-use characters, at least 70 % letters and digits, 90 % of the letters Latin where the document's "
    f"language is; at most {PAGES_PER_DOCUMENT} of a document, by sha256(seed:page); first pages before second ones"
)


ORDER_RULE = (
    "page order is scored on pages of running text alone, where the layer's order is a reading order: at least 70 % of the "
    "words in layer lines of four words or more, at least 70 % of the words with a letter, no step back up within a column "
    "(as a head that is stored last would be)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusDocument:
    """One row of the manifest."""

    path: Path
    sha256: str
    folder: str
    language: str
    kind: str
    truth_path: Path | None
    truth_kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPage:
    document: CorpusDocument
    page_index: int
    words: tuple[BoxedText, ...]
    """In the order of the text layer."""
    is_running_text: bool
    """The order of the layer is a reading order, by ORDER_RULE."""

    @property
    def key(self) -> str:
        return f"{self.document.sha256[:16]}/{self.page_index}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A page as one competitor gets it."""

    image: PageImage
    skew_degrees: float = 0.0
    """Turn of the scan against the page, counter-clockwise about the middle."""


def read_manifest(corpus: Path) -> list[CorpusDocument]:
    """The documents that can be opened, in the manifest's order. Raises ConfigError."""
    manifest = corpus / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(f"there is no manifest.csv in {corpus}; give the folder of the reference corpus")
    with manifest.open(encoding="utf-8", newline="") as rows:
        return [
            CorpusDocument(
                path=corpus / row["path"],
                sha256=row["sha256"],
                folder=row["path"].split("/")[0],
                language=row["language"],
                kind=row["kind"],
                truth_path=corpus / row["ground_truth"] if row["ground_truth"] else None,
                truth_kind=row["ground_truth_kind"],
            )
            for row in csv.DictReader(rows)
            if row["pages"].isdecimal() and row["pages"] != "0" and not row["password"]
        ]


def has_layer_truth(document: CorpusDocument) -> bool:
    """A born-digital PDF whose text layer is not known to lie."""
    is_pdf = document.folder == "born_digital" and document.path.suffix == ".pdf"
    return is_pdf and not any(word in document.kind for word in LYING_KINDS)


def is_trusted(page: LayerPage) -> bool:
    """The page's part of RULE."""
    text = "".join(word for word, _ in page.words)
    num_garbled = sum(sign == "\ufffd" or "\ue000" <= sign <= "\uf8ff" or sign < " " for sign in text)
    return (
        80 <= len(page.words) <= 1500
        and max(page.width_pt, page.height_pt) <= 1200
        and page.image_fraction <= 0.10
        and page.hidden_fraction <= 0.02
        and num_garbled < 0.01 * len(text)
        and sum(map(str.isalnum, text)) >= 0.7 * len(text)
    )


def fits_language(page: LayerPage, language: str) -> bool:
    """A page of a Latin-script document may quote other scripts, not be about them."""
    letters = [sign for word, _ in page.words for sign in word if sign.isalpha()]
    num_latin = sum(unicodedata.name(sign, "").startswith("LATIN") for sign in letters)
    return language not in LATIN_LANGUAGES or num_latin >= 0.9 * len(letters)


def is_running_text(words: Sequence[BoxedText]) -> bool:
    """Whether the words follow ORDER_RULE; tables, forms and timetables do not."""
    lines: list[tuple[BoxPt, int]] = []
    for _, (x0, y0, x1, y1) in words:
        last, num_words = lines[-1] if lines else ((0.0, 0.0, 0.0, 0.0), 0)
        height = y1 - y0
        if num_words and abs(y0 + y1 - last[1] - last[3]) < height and -1 <= x0 - last[2] < 2 * height:
            lines[-1] = ((last[0], min(last[1], y0), x1, max(last[3], y1)), num_words + 1)
        else:
            lines.append(((x0, y0, x1, y1), 1))
    num_in_lines = sum(num_words for _, num_words in lines if num_words >= 4)
    steps = pairwise(box for box, _ in lines)
    num_back = sum(new[3] <= old[1] + 2 and min(old[2], new[2]) > max(old[0], new[0]) for old, new in steps)
    num_lettered = sum(any(map(str.isalpha, text)) for text, _ in words)
    return min(num_in_lines, num_lettered) >= 0.7 * len(words) and num_back == 0


def trusted_pages(document: CorpusDocument, *, num_pages: int) -> Iterator[BenchPage]:
    """The admitted pages among the first `num_pages` of a document, each with its true words."""
    for page in layer_pages(document.path.read_bytes(), num_pages=num_pages):
        if is_trusted(page) and fits_language(page, document.language):
            words = tuple(BoxedText(repair_tex_accents(word), box_pt) for word, box_pt in page.words)
            yield BenchPage(document=document, page_index=page.page_index, words=words, is_running_text=is_running_text(words))


def pick_pages(documents: Sequence[CorpusDocument], languages: Collection[str], num_pages: int) -> list[BenchPage]:
    """At most `num_pages` pages by RULE, of documents in those languages; the same for the same manifest."""
    wanted = [document for document in documents if document.language in languages and has_layer_truth(document)]
    first: list[BenchPage] = []
    second: list[BenchPage] = []
    for document in sorted(wanted, key=lambda document: _lot(document.sha256)):
        pages = sorted(trusted_pages(document, num_pages=PAGES_LOOKED_AT), key=lambda page: _lot(page.key))
        first += pages[:1]
        second += pages[1:PAGES_PER_DOCUMENT]
        if len(first) >= num_pages:
            break
    return (first + second)[:num_pages]


def list_hash(pages: Sequence[BenchPage]) -> str:
    """Twelve hex digits that change with any page of the list."""
    return hashlib.sha256("\n".join(page.key for page in pages).encode()).hexdigest()[:12]


def document_images(
    document: CorpusDocument, *, dpi: float, channels: Literal["grey", "rgb"], first_page: int = 0
) -> Iterator[PageImage]:
    """The rendered pages from `first_page` on, without their text layer: no competitor may peek. Failed pages are left out."""
    data = document.path.read_bytes()
    config = RenderConfig(dpi=dpi, channels=channels)
    reference = DocumentRef(uri=str(document.path), size_bytes=len(data), version=document.sha256, sha256=document.sha256)
    for event in render_document(reference, data, config=config, first_page=first_page):
        if isinstance(event, PageImage):
            facts = replace(event.facts, layer_text="", layer_garbled_fraction=None)
            yield PageImage(page_id=event.page_id, facts=facts, pixels_HWC=event.pixels_HWC)


def picture(page: BenchPage, *, dpi: float, channels: Literal["grey", "rgb"], look: Look) -> Picture:
    """Renders one page. Raises ConfigError when it cannot be rendered."""
    image = next(document_images(page.document, dpi=dpi, channels=channels, first_page=page.page_index), None)
    if image is None or image.page_id.page_index != page.page_index:
        raise ConfigError(f"page {page.page_index} of {page.document.path} does not render; take it out of the manifest")
    return Picture(image=image) if look == "born_digital" else scanned(image, seed=zlib.crc32(page.key.encode()))


def scanned(image: PageImage, *, seed: int) -> Picture:
    """The page as a mediocre scanner gives it: turned by up to 1.2 degrees, blurred (sigma 0.8 px), ink grey and paper not
    quite white, lit unevenly, with noise (sigma 9 of 255) and JPEG at quality 55. Each resolution is a scanner of its own."""
    rng = np.random.default_rng(seed)
    skew_degrees, slope = float(rng.uniform(-1.2, 1.2)), float(rng.uniform(-1.0, 1.0))
    height, width, num_channels = image.pixels_HWC.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), skew_degrees, 1.0)
    turned = cv2.warpAffine(image.pixels_HWC, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(turned, (0, 0), 0.8).reshape(height, width, num_channels).astype(np.float32)
    light = slope * np.linspace(-6.0, 6.0, height, dtype=np.float32)[:, None, None]
    noise = rng.normal(0.0, 9.0, blurred.shape).astype(np.float32)
    grainy = np.clip(40.0 + blurred * (190.0 / 255.0) + light + noise, 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", grainy, [cv2.IMWRITE_JPEG_QUALITY, 55])
    pixels = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_UNCHANGED), dtype=np.uint8).reshape(height, width, num_channels)
    return Picture(image=replace(image, pixels_HWC=pixels), skew_degrees=skew_degrees)


def on_page(line: BoxedText, skew_degrees: float, width_pt: float, height_pt: float) -> BoxedText:
    """A line's upright box on a scan, put back on the page: the box of height h and width w that, turned, fills it.

    Solves W = w cos a + h sin a, H = w sin a + h cos a; h is kept at 30 % of H or more where the box is no tilted line.
    """
    if skew_degrees == 0.0:
        return line
    x0, y0, x1, y1 = line.box_pt
    angle = np.deg2rad(skew_degrees)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    tall, wide = y1 - y0, x1 - x0
    scale = cos**2 - sin**2
    height = max(0.3 * tall, (tall * cos - wide * abs(sin)) / scale)
    width = max(0.3 * wide, (wide * cos - tall * abs(sin)) / scale)
    dx, dy = (x0 + x1 - width_pt) / 2, (y0 + y1 - height_pt) / 2
    x, y = width_pt / 2 + dx * cos - dy * sin, height_pt / 2 + dx * sin + dy * cos
    return BoxedText(line.text, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


def _lot(key: str) -> str:
    return hashlib.sha256(f"{SEED}:{key}".encode()).hexdigest()
