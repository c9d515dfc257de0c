"""The lines of many pages read together, and a second look at pages that came out badly.

Every line is read narrowed; lines below `reread_below` again at full width, and the better reading stands. With all scripts
configured the Latin vocabulary reads first and the whole one only where that is unsure, and everywhere on a page that turns
out to hold another script. A poor page may lie upside down or be in a script outside the configured ones: a few of its
longest lines decide, so the second look costs little where it finds nothing. Letters outside the vocabulary read as nothing
rather than as wrong letters, so such a page shows by lines with too few signs more than by its confidence.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.config import PpocrConfig
from pipeline.engines.ppocr.pages import PageInWork, is_tall, mean_confidence, prepare
from pipeline.engines.ppocr.recognition import LINE_HEIGHT_PX, LineReader, Precision, Reading
from pipeline.engines.ppocr.runtime import Network, Runtime
from pipeline.engines.ppocr.weights import scripts_of

Crop = npt.NDArray[np.uint8]
ReadLines = Callable[[Sequence[Crop], float], list[Reading]]
"""Lines and a squeeze to readings."""

POOR_BELOW = 0.85
"""Pages under this are looked at twice. Means over 24 pages: clean print 0.99, degraded copies 0.985."""
NUM_SAMPLE_LINES = 6
TURN_GAIN_ABOVE = 0.1
"""Confidence that the other way up must win by."""
FOREIGN_FRACTION_ABOVE = 0.3
"""Share of letters outside the configured scripts that makes a page another script's."""
SIGNS_PER_HEIGHT = 0.7
"""Signs a line holds at least per stretch as long as it is high; even square signs stand closer."""
MIN_THIN_HEIGHTS = 4.0
THIN_FRACTION_ABOVE = 0.18
"""Share of all lines, by width. 47 pages of Latin and Greek print had 0.14 or less, 9 in other scripts 0.21 to 0.99."""
FIRST_OF_ALL = ("latin",)
"""The vocabulary that reads first when all scripts are configured."""


class PageReader:
    """The recognition network, open, and how pages are read with it."""

    def __init__(self, runtime: Runtime, config: PpocrConfig, precision: Precision) -> None:
        """Raises EngineError when the weights are missing."""
        scripts = FIRST_OF_ALL if config.scripts == "all" else config.scripts
        self._lines = LineReader(runtime, scripts, precision)
        self._config = config
        self._scripts = frozenset(scripts)

    def read(self, pages: Sequence[PageInWork]) -> None:
        """Fills in the readings of all pages; lines of different pages share batches."""
        started_s = time.perf_counter()
        readings = iter(self._read_with(self._first_look, [crop for page in pages for crop in page.crops]))
        for page in pages:
            page.readings = [next(readings) for _ in page.crops]
            if self._config.scripts == "all":
                self._reread_in_company(page)
        elapsed_s = time.perf_counter() - started_s
        num_lines = sum(len(page.crops) for page in pages)
        for page in pages:
            page.seconds += elapsed_s * len(page.crops) / max(num_lines, 1)

    def review(self, page: PageInWork, detect: Network) -> PageInWork:
        """The page, or a better reading of it: turned, or with the whole vocabulary and flagged `script_mismatch`. What then
        still has too few signs for its ink is in a script that no vocabulary here knows, and flagged `unreadable_script`."""
        started_s = time.perf_counter()
        if self._is_poor(page) and self._is_upside_down(page):
            turned = prepare(page.image, detect, scale=self._config.detection_scale, turn=page.sheet.turn + 2)
            turned.readings = self._read_with(self._first_look, turned.crops)
            page = turned
        if self._config.scripts != "all" and (self._is_poor(page) or _is_thin(page)) and self._is_foreign(page):
            page.readings = self._read_with(self._whole_look, page.crops)
            page.flags = (*page.flags, "script_mismatch")
        if _is_thin(page):
            page.flags = (*page.flags, "unreadable_script")
        page.seconds += time.perf_counter() - started_s
        return page

    def probe(self) -> None:
        """Raises what the runtime raises when it is lost."""
        self._lines.read_whole([np.zeros((LINE_HEIGHT_PX, LINE_HEIGHT_PX), np.uint8)], squeeze=1.0)

    def _first_look(self, crops: Sequence[Crop], squeeze: float) -> list[Reading]:
        if self._config.scripts == "all":
            return self._lines.read_both(crops, squeeze=squeeze, doubt_below=self._config.reread_below)
        return self._lines.read_first(crops, squeeze=squeeze)

    def _whole_look(self, crops: Sequence[Crop], squeeze: float) -> list[Reading]:
        return self._lines.read_whole(crops, squeeze=squeeze)

    def _read_with(self, look: ReadLines, crops: Sequence[Crop]) -> list[Reading]:
        """Each line narrowed, then the unsure ones at full width; a line that stands on end is read both ways."""
        owners = [i for i, crop in enumerate(crops) for _ in range(2 if is_tall(crop) else 1)]
        candidates = [lying for crop in crops for lying in _lying(crop)]
        readings = look(candidates, self._config.squeeze)
        unsure = [k for k, reading in enumerate(readings) if reading.confidence < self._config.reread_below]
        for k, again in zip(unsure, look([candidates[k] for k in unsure], 1.0), strict=True):
            readings[k] = max(readings[k], again, key=lambda reading: reading.confidence)
        best: dict[int, Reading] = {}
        for owner, reading in zip(owners, readings, strict=True):
            best[owner] = max(best.get(owner, reading), reading, key=lambda reading: reading.confidence)
        return [best[i] for i in range(len(crops))]

    def _reread_in_company(self, page: PageInWork) -> None:
        """A page with any sign of another script is read with all signs throughout: a lone Han 'one' looks like a dash."""
        is_foreign = [_num_foreign(reading.text, self._scripts) > 0 for reading in page.readings]
        if not any(is_foreign):
            return
        plain = [i for i, foreign in enumerate(is_foreign) if not foreign]
        readings = self._read_with(self._whole_look, [page.crops[i] for i in plain])
        for i, reading in zip(plain, readings, strict=True):
            page.readings[i] = reading

    def _is_poor(self, page: PageInWork) -> bool:
        return page.confidence is not None and page.confidence < POOR_BELOW

    def _is_upside_down(self, page: PageInWork) -> bool:
        sample = _longest(page)
        over = self._first_look([np.rot90(page.crops[i], 2) for i in sample], self._config.squeeze)
        now = mean_confidence([page.readings[i] for i in sample]) or 0.0
        return (mean_confidence(over) or 0.0) > now + TURN_GAIN_ABOVE

    def _is_foreign(self, page: PageInWork) -> bool:
        sample = [i for i in _longest(page, len(page.crops)) if _is_thin_line(page.crops[i], page.readings[i])]
        chosen = sample[:NUM_SAMPLE_LINES] or _longest(page)
        whole = self._whole_look([page.crops[i] for i in chosen], self._config.squeeze)
        text = "".join(reading.text for reading in whole)
        num_letters = sum(c.isalpha() for c in text)
        return _num_foreign(text, self._scripts) > FOREIGN_FRACTION_ABOVE * max(num_letters, 1)


def _lying(crop: Crop) -> list[Crop]:
    return [np.rot90(crop, -1), np.rot90(crop, 1)] if is_tall(crop) else [crop]


def _longest(page: PageInWork, num_lines: int = NUM_SAMPLE_LINES) -> list[int]:
    widths = [crop.shape[1] / crop.shape[0] for crop in page.crops]
    return sorted(range(len(widths)), key=lambda i: -widths[i])[:num_lines]


def _is_thin(page: PageInWork) -> bool:
    """Much of the page's lines, by width, came out with far fewer signs than fit."""
    widths = [crop.shape[1] / crop.shape[0] for crop in page.crops]
    pairs = zip(page.crops, page.readings, widths, strict=True)
    thin = sum(width for crop, reading, width in pairs if _is_thin_line(crop, reading))
    return bool(thin > THIN_FRACTION_ABOVE * sum(widths))


def _is_thin_line(crop: Crop, reading: Reading) -> bool:
    height, width = crop.shape
    num_signs = sum(not c.isspace() for c in reading.text)
    return bool(width > MIN_THIN_HEIGHTS * height and num_signs * height < SIGNS_PER_HEIGHT * width)


def _num_foreign(text: str, scripts: frozenset[str]) -> int:
    """Characters that text in `scripts` cannot hold."""
    return sum(1 for c in text if (of := scripts_of(c)) and not of & scripts)
