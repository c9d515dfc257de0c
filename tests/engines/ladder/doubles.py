"""A small engine whose readings are told by name, and an assessor that takes a reading at its word."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import numpy as np

from pipeline.config import RereadRung
from pipeline.engines.ladder.engine import LadderEngine
from pipeline.interfaces import Engine
from pipeline.records import PageFacts, PageId, PageImage, PageText

Outcome = Callable[[PageImage], PageText | None]


def image(index: int = 0, name: str = "doc", *, pixels: tuple[int, int, int] = (80, 60, 1), layer_text: str = "") -> PageImage:
    """A page of 60 x 80 pixels and points, dark above and light below."""
    height_px, width_px, _ = pixels
    facts = PageFacts(
        width_pt=float(width_px),
        height_pt=float(height_px),
        rotation_degrees=0,
        dpi=72.0,
        width_px=width_px,
        height_px=height_px,
        ink_fraction=0.1,
        layer_text=layer_text,
    )
    rows_HWC = np.linspace(0, 255, height_px).astype(np.uint8)[:, None, None] * np.ones(pixels, np.uint8)
    return PageImage(page_id=PageId(name, index), facts=facts, pixels_HWC=rows_HWC)


def reading(page_id: PageId, text: str = "good", **changes: object) -> PageText:
    values: dict[str, object] = {
        "page_id": page_id,
        "text": text,
        "status": "ok",
        "engine": "told",
        "engine_version": "1",
        "finish_reason": "stop",
        "seconds": 1.0,
    }
    return PageText(**(values | changes))  # type: ignore[arg-type]


class Told:
    """Reads windows of pages as `answers` tell by page index ("good" for the rest), and again as `again` tells by (page index,
    rung): a text, an exception to raise, or None for no reading."""

    name = "told"
    version = "1"

    def __init__(
        self,
        answers: Mapping[int, str] | None = None,
        again: Mapping[tuple[int, str], str | Exception | None] | None = None,
        *,
        window_pages: int = 1,
    ) -> None:
        self._answers = answers or {}
        self._again = again or {}
        self.max_pages_in_flight = window_pages
        self.rereads: list[tuple[int, str, str | None]] = []
        """Page index, rung and mode of the reading before, in the order asked."""
        self.closed = False
        self._lock = threading.Lock()

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        remaining = iter(pages)
        while window := list(islice(remaining, self.max_pages_in_flight)):
            page_ids = [page.page_id for page in window]
            window.clear()
            for page_id in page_ids:
                yield reading(page_id, self._answers.get(page_id.page_index, "good"), mode="tiny")

    def reread(self, page: PageImage, changes: RereadRung, previous: PageText) -> PageText | None:
        index = page.page_id.page_index
        with self._lock:
            self.rereads.append((index, changes.name, previous.mode))
        outcome = self._again.get((index, changes.name), "good")
        if isinstance(outcome, Exception):
            raise type(outcome)(*outcome.args)  # a new one: a kept one would hold the frames it went through
        return None if outcome is None else reading(page.page_id, outcome, mode="small")

    def close(self) -> None:
        self.closed = True


class AtItsWord:
    """ "good" is good; any other text is a list of reasons: "loop truncated"."""

    def __init__(self, *, trusts_layer: bool = False, loop_start: int | None = None) -> None:
        self._trusts_layer = trusts_layer
        self._loop_start = loop_start

    def reasons_against(self, facts: PageFacts, page: PageText) -> tuple[str, ...]:
        return () if page.text.startswith("good") else tuple(page.text.split())

    def loop_start(self, text: str) -> int | None:
        return self._loop_start

    def trusts_layer(self, facts: PageFacts) -> bool:
        return self._trusts_layer


def wider(name: str = "wider", when: tuple[str, ...] = ("loop", "truncated", "engine_failed")) -> RereadRung:
    return RereadRung(name=name, ngram_window=300, when=when)  # type: ignore[arg-type]


def no_engine(config: object) -> Engine:
    raise AssertionError("no rung of this test needs another engine")


def ladder_on(base: Engine, *rungs: object, assessor: object = None) -> LadderEngine:
    return LadderEngine(base, rungs, assessor or AtItsWord(), open_engine=no_engine)  # type: ignore[arg-type]
