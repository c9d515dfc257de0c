"""The competitors: each opens once and then reads lists of page images with one thread.

In: PageImages at the resolution the competitor wants. Out: one Reading for each, in the same order, with boxes in points on
that image. Everything here runs in a competitor's own process (see `bench_rounds`), so the imports are inside.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Literal

from pipeline.config import EngineConfig, PpocrConfig, ScriptedConfig
from pipeline.errors import ConfigError, EngineError
from pipeline.interfaces import Engine
from pipeline.quality.scoring import BoxedText
from pipeline.records import BoxPt, PageImage

POINTS_PER_INCH = 72.0
TESSDATA_FOLDERS = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/opt/homebrew/share/tessdata")
"""Where Debian, Fedora and Homebrew put the language data, when TESSDATA_PREFIX does not say."""
CELL_GAP = 1.5
"""Tesseract runs a line across table cells; a gap of this many line heights starts a new one, as other engines see it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was read of one page."""

    lines: tuple[BoxedText, ...]
    """In the engine's own order."""
    text: str
    """The page as the engine hands it out, in its own order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """An opened competitor."""

    version: str
    read: Callable[[Sequence[PageImage]], list[Reading]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Competitor:
    """How to open one, and what it wants to see."""

    open: Callable[[], Reader]
    dpi: float = 150.0
    channels: Literal["grey", "rgb"] = "grey"
    needs: str = "numpy"
    """A module that must be installed."""
    reads_english_only: bool = False
    """It has no data for other languages here."""


def open_pipeline_engine(config: EngineConfig) -> Reader:
    """One of our own engines through its socket. Raises EngineError."""
    from pipeline.engines import open_engine

    engine = open_engine(config)
    return Reader(version=engine.version, read=partial(_read_with_engine, engine))


def _read_with_engine(engine: Engine, images: Sequence[PageImage]) -> list[Reading]:
    pages = {page.page_id: page for page in engine.recognize(iter(images))}
    readings: list[Reading] = []
    for image in images:
        page = pages.get(image.page_id)
        if page is None:
            raise EngineError(f"{engine.name} gave no answer for page {image.page_id}")
        lines = tuple(BoxedText(block.text, block.box_pt) for block in page.blocks)
        readings.append(Reading(lines=lines, text=page.text))
    return readings


def open_rapidocr() -> Reader:
    """Stock rapidocr as its users call it: `RapidOCR()(image)`, a page at a time; only the threads and the log are set."""
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    engine = RapidOCR(params={"Global.log_level": "critical", **threads})

    def read(images: Sequence[PageImage]) -> list[Reading]:
        return [_rapidocr_reading(engine(image.pixels_HWC[:, :, ::-1]), image.facts.dpi) for image in images]

    return Reader(version=f"rapidocr {version('rapidocr')}, onnxruntime {version('onnxruntime')}", read=read)


def _rapidocr_reading(output: object, dpi: float) -> Reading:
    boxes, texts = getattr(output, "boxes", None), getattr(output, "txts", None)
    if boxes is None or texts is None:
        return Reading(lines=(), text="")
    to_pt = POINTS_PER_INCH / dpi
    lines = tuple(
        BoxedText(text, (*(corners_px.min(axis=0) * to_pt), *(corners_px.max(axis=0) * to_pt)))
        for corners_px, text in zip(boxes, texts, strict=True)
    )
    return Reading(lines=lines, text="\n".join(texts))


def open_tesseract() -> Reader:
    """Tesseract through tesserocr, page segmentation 3 (its default), English. Raises ConfigError without language data."""
    import tesserocr
    from PIL import Image

    api = tesserocr.PyTessBaseAPI(path=tessdata_folder(), lang="eng", psm=tesserocr.PSM.AUTO)

    def read(images: Sequence[PageImage]) -> list[Reading]:
        readings: list[Reading] = []
        for image in images:
            api.SetImage(Image.fromarray(image.pixels_HWC[:, :, 0]))
            api.SetSourceResolution(round(image.facts.dpi))
            api.Recognize()
            words = list(_tesseract_words(api.GetIterator(), POINTS_PER_INCH / image.facts.dpi))
            readings.append(Reading(lines=tuple(_cells(words)), text=api.GetUTF8Text()))
        return readings

    engine = tesserocr.tesseract_version().splitlines()[0]
    return Reader(version=f"{engine} (tesserocr {version('tesserocr')}), eng, psm 3", read=read)


def tessdata_folder() -> str:
    """The first folder that holds `eng.traineddata`. Raises ConfigError."""
    folders = (os.environ.get("TESSDATA_PREFIX", ""), *TESSDATA_FOLDERS)
    for folder in filter(None, folders):
        if (Path(folder) / "eng.traineddata").is_file():
            return folder
    raise ConfigError("no eng.traineddata found; install Debian's tesseract-ocr-eng or set TESSDATA_PREFIX to its folder")


def _tesseract_words(iterator: object, to_pt: float) -> Iterator[tuple[int, BoxedText]]:
    """Words with the number of their line."""
    import tesserocr

    if iterator is None:
        return
    line_number = 0
    for word in tesserocr.iterate_level(iterator, tesserocr.RIL.WORD):
        box_px = word.BoundingBox(tesserocr.RIL.WORD)
        if box_px is None or word.Empty(tesserocr.RIL.WORD):
            continue
        line_number += word.IsAtBeginningOf(tesserocr.RIL.TEXTLINE)
        x0, y0, x1, y1 = (side * to_pt for side in box_px)
        yield line_number, BoxedText(word.GetUTF8Text(tesserocr.RIL.WORD), (x0, y0, x1, y1))


def _cells(words: Sequence[tuple[int, BoxedText]]) -> Iterator[BoxedText]:
    """Words of one line, joined until a gap of CELL_GAP line heights."""
    for _, numbered in groupby(words, key=lambda numbered: numbered[0]):
        line = [word for _, word in numbered]
        gap_pt = CELL_GAP * (max(word.box_pt[3] for word in line) - min(word.box_pt[1] for word in line))
        cell = [line[0]]
        for word in line[1:]:
            if word.box_pt[0] - cell[-1].box_pt[2] > gap_pt:
                yield _joined(cell)
                cell = []
            cell.append(word)
        yield _joined(cell)


def _joined(words: Sequence[BoxedText]) -> BoxedText:
    x0, y0, x1, y1 = zip(*(word.box_pt for word in words), strict=True)
    box_pt: BoxPt = (min(x0), min(y0), max(x1), max(y1))
    return BoxedText(" ".join(word.text for word in words), box_pt)


COMPETITORS: Mapping[str, Competitor] = {
    "ppocr-latin": Competitor(open=partial(open_pipeline_engine, PpocrConfig(scripts=("latin",)))),
    "ppocr-all": Competitor(open=partial(open_pipeline_engine, PpocrConfig())),
    "rapidocr": Competitor(open=open_rapidocr, channels="rgb"),
    "tesseract-200": Competitor(open=open_tesseract, dpi=200.0, needs="tesserocr", reads_english_only=True),
    "tesseract-300": Competitor(open=open_tesseract, dpi=300.0, needs="tesserocr", reads_english_only=True),
    "scripted": Competitor(open=partial(open_pipeline_engine, ScriptedConfig())),
}
