"""Rungs of the config to steps that can be climbed: what each offers to read, and with what.

In: the config's rungs, the engine at the foot, an Assessor. Out: `Step`s. A step offers its readings one by one and makes none
before it is asked, so a page turned once and read well is not turned again. Other engines are opened when the first page needs
them, once, and closed by `Shelf.close`.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from pipeline.config import (
    CutRung,
    EngineConfig,
    EngineRung,
    HalvesRung,
    RereadRung,
    Rung,
    TextLayerRung,
    TurnRung,
)
from pipeline.engines.ladder.climbing import Read, Reading, Step
from pipeline.engines.ladder.cutting import cut_text
from pipeline.engines.ladder.halves import cut_in_halves, join_readings
from pipeline.engines.ladder.turning import Degrees, turn_back, turn_page
from pipeline.errors import EngineDead, EngineError
from pipeline.interfaces import Assessor, Engine, Rereader
from pipeline.records import PageImage, PageText

Reads = Callable[[PageImage, Sequence[Reading]], Iterable[Read]]
LOOP = "loop"
TEXT_LAYER = "text_layer"
EMPTY_PART_SPREAD = 16
"""Grey levels between the darkest and the lightest pixel of a half that shows nothing: it is not read, because a model invents
text on an empty page."""


class Shelf:
    """Engines that are opened when they are first asked for. Thread-safe."""

    def __init__(self, open_engine: Callable[[EngineConfig], Engine]) -> None:
        self._open_engine = open_engine
        self._lock = threading.Lock()
        self._opened: dict[str, Engine | EngineError] = {}
        self._closed = False

    def engine(self, rung: EngineRung) -> Engine:
        """Raises EngineError when it could not be opened, at once when that was found out before, and EngineDead after
        `close`."""
        with self._lock:
            if self._closed:
                raise EngineDead("the ladder was closed while pages were climbing; open a new one")
            if rung.name not in self._opened:
                self._opened[rung.name] = self._try_to_open(rung.engine)
            found = self._opened[rung.name]
        if isinstance(found, EngineError):
            raise EngineError(f"rung {rung.name!r} has no engine: {found}")
        return found

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for engine in self._opened.values():
                if not isinstance(engine, EngineError):
                    engine.close()
            self._opened = {}

    def _try_to_open(self, config: EngineConfig) -> Engine | EngineError:
        try:
            return self._open_engine(config)
        except EngineError as error:
            return error


def steps_of(rungs: Sequence[Rung], base: Engine, assessor: Assessor, shelf: Shelf) -> list[Step]:
    """One step for each rung. Raises EngineError for a rung that asks the engine for what it cannot do."""
    return [Step(name=rung.name, when=frozenset(rung.when), reads=_reads_of(rung, base, assessor, shelf)) for rung in rungs]


def read_alone(engine: Engine, image: PageImage) -> PageText:
    """The engine's answer to one page. Raises EngineError when it does not answer exactly once."""
    answers = list(engine.recognize([image]))
    if [answer.page_id for answer in answers] != [image.page_id]:
        raise EngineError(f"engine {engine.name} gave {len(answers)} answers to page {image.page_id} read alone")
    return answers[0]


def _reads_of(rung: Rung, base: Engine, assessor: Assessor, shelf: Shelf) -> Reads:
    match rung:
        case RereadRung():
            if not isinstance(base, Rereader):
                told = f"rung {rung.name!r} reads again with other settings, which the engine {base.name} cannot"
                raise EngineError(f"{told}; take the rung out")
            return partial(_reread, base, rung)
        case TurnRung():
            return partial(_turned, base, rung)
        case HalvesRung():
            return partial(_halved, base, rung)
        case EngineRung():
            return partial(_read_by_another, shelf, rung)
        case TextLayerRung():
            return partial(_text_layer, assessor)
        case CutRung():
            return partial(_cut, assessor)


def _reread(base: Rereader, rung: RereadRung, image: PageImage, readings: Sequence[Reading]) -> Iterable[Read]:
    own = [reading.page for reading in readings if reading.page.engine == base.name and reading.page.status == "ok"]
    previous = own[-1] if own else readings[0].page
    yield lambda: base.reread(image, rung, previous)


def _turned(base: Engine, rung: TurnRung, image: PageImage, readings: Sequence[Reading]) -> Iterable[Read]:
    return [partial(_read_turned, base, image, degrees) for degrees in rung.degrees]


def _read_turned(base: Engine, image: PageImage, degrees: Degrees) -> PageText:
    return turn_back(read_alone(base, turn_page(image, degrees)), image.facts, degrees)


def _halved(base: Engine, rung: HalvesRung, image: PageImage, readings: Sequence[Reading]) -> Iterable[Read]:
    if image.pixels_HWC.shape[0] >= 2:
        yield partial(_read_halves, base, image, rung.overlap_fraction)


def _read_halves(base: Engine, image: PageImage, overlap_fraction: float) -> PageText:
    """Both halves, one after the other."""
    halves = cut_in_halves(image, overlap_fraction=overlap_fraction)
    upper, lower = (_read_part(base, part) for part in (halves.upper, halves.lower))
    return join_readings(upper, lower, halves)


def _read_part(base: Engine, part: PageImage) -> PageText:
    if int(np.ptp(part.pixels_HWC)) > EMPTY_PART_SPREAD:
        return read_alone(base, part)
    return PageText(page_id=part.page_id, text="", status="ok", engine=base.name, engine_version=base.version)


def _read_by_another(shelf: Shelf, rung: EngineRung, image: PageImage, readings: Sequence[Reading]) -> Iterable[Read]:
    yield lambda: read_alone(shelf.engine(rung), image)


def _text_layer(assessor: Assessor, image: PageImage, readings: Sequence[Reading]) -> Iterable[Read]:
    if assessor.trusts_layer(image.facts):
        yield lambda: PageText(
            page_id=image.page_id,
            text=image.facts.layer_text,
            status="ok",
            engine=TEXT_LAYER,
            engine_version="",
            source="text_layer",
        )


def _cut(assessor: Assessor, image: PageImage, readings: Sequence[Reading]) -> Iterable[Read]:
    """Every reading that loops may be cut, the latest first."""
    for reading in reversed(readings):
        if LOOP in reading.reasons and (start := assessor.loop_start(reading.page.text)) is not None:
            yield partial(cut_text, reading.page, start)
