"""The embedded engine: PP-OCRv6 small on the CPU. Pages in, PageTexts out, a window of pages at a time.

Per window: find the lines of each page, read the lines of all pages together, read the doubtful ones again, and look twice
at pages that came out badly (upside down, or in a script that the vocabulary lacks). A page's own failure is its PageText;
when the networks themselves no longer answer, EngineDead. Needs no GPU and no network.
Holds `window_pages` images per running `recognize`, 2.2 MB each at 150 dpi grey (twice that for a skewed page).
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, TypeVar

import cv2
import numpy as np

from pipeline.config import PpocrConfig
from pipeline.engines.ppocr.detection import STRIDE_PX
from pipeline.engines.ppocr.int8 import quantize
from pipeline.engines.ppocr.pages import PageInWork, compose, prepare
from pipeline.engines.ppocr.ranges import DETECTION_RANGES
from pipeline.engines.ppocr.reading import PageReader
from pipeline.engines.ppocr.recognition import Precision
from pipeline.engines.ppocr.runtime import Runtime, open_runtime
from pipeline.engines.ppocr.weights import load_detection
from pipeline.errors import EngineDead
from pipeline.records import PageImage, PageText

MODEL_NAME = "PP-OCRv6-small"
Work = TypeVar("Work")
Result = TypeVar("Result")


class PpocrEngine:
    """Opened once per worker; `recognize` may run in several threads, which take turns at the networks."""

    name = "ppocr"

    def __init__(self, config: PpocrConfig) -> None:
        """Raises EngineError when the runtime or the weights are missing."""
        runtime = open_runtime(config.runtime, threads=config.threads)
        cv2.setNumThreads(config.threads)
        self._config = config
        self._lock = threading.Lock()
        self._closed = False
        precision = _choose_precision(config.precision, runtime)
        detection = load_detection()
        self._detect = runtime.load(quantize(detection, DETECTION_RANGES) if precision == "int8" else detection)
        self._reader = PageReader(runtime, config, precision)
        scripts = config.scripts if config.scripts == "all" else "+".join(sorted(config.scripts))
        self.version = f"{MODEL_NAME}/{runtime.name}-{precision}/{scripts}"

    @property
    def max_pages_in_flight(self) -> int:
        """Per running `recognize`."""
        return self._config.window_pages

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        """Pulls a window of pages, then answers them all. Raises EngineDead after `close` or when the networks are lost."""
        remaining = iter(pages)
        while window := list(islice(remaining, self._config.window_pages)):
            with self._lock:
                answers = self._read_window(window)
            window.clear()
            yield from answers

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def _read_window(self, window: Sequence[PageImage]) -> list[PageText]:
        if self._closed:
            raise EngineDead("the ppocr engine was closed while pages were waiting; open a new one")
        failed: list[PageText] = []

        def survivors(work: Iterable[tuple[PageImage, Work]], step: Callable[[Work], Result]) -> list[tuple[PageImage, Result]]:
            done = []
            for image, value in work:
                try:
                    done.append((image, step(value)))
                except Exception as error:  # noqa: BLE001  one page's failure is its own PageText
                    failed.append(self._failure(image, error))
            return done

        prepared = survivors(((image, image) for image in window), self._prepare)
        try:
            self._reader.read([page for _, page in prepared])
        except Exception:  # noqa: BLE001  read alone, the page at fault fails alone
            prepared = survivors(prepared, self._read_alone)
        reviewed = survivors(prepared, lambda page: self._reader.review(page, self._detect))
        answers = survivors(reviewed, lambda page: compose(page, engine=self.name, version=self.version))
        if failed:
            self._check_alive(failed[0].error)
        return [*(answer for _, answer in answers), *failed]

    def _prepare(self, image: PageImage) -> PageInWork:
        started_s = time.perf_counter()
        page = prepare(image, self._detect, scale=self._config.detection_scale)
        page.seconds = time.perf_counter() - started_s
        return page

    def _read_alone(self, page: PageInWork) -> PageInWork:
        self._reader.read([page])
        return page

    def _check_alive(self, page_error: str) -> None:
        """Tells a page that cannot be read from networks that cannot read any more."""
        try:
            self._detect(np.zeros((1, 1, STRIDE_PX, STRIDE_PX), np.float32))
            self._reader.probe()
        except Exception as error:
            raise EngineDead(f"the ppocr networks no longer answer ({error}), first seen as: {page_error}") from error

    def _failure(self, image: PageImage, error: Exception) -> PageText:
        return PageText(
            page_id=image.page_id,
            text="",
            status="failed",
            engine=self.name,
            engine_version=self.version,
            error=f"{type(error).__name__}: {error}",
        )


def _choose_precision(choice: Literal["auto", "int8", "f32"], runtime: Runtime) -> Precision:
    if choice == "auto":
        return "int8" if runtime.has_fast_int8 else "f32"
    return choice
