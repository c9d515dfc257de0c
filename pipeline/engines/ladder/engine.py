"""The ladder as an engine: pages stream through the engine at its foot, and those read badly climb beside them.

In: pages. Out: exactly one PageText each, in any order. A good reading is given on at once; a page read badly climbs in one of
a few threads that all running `recognize` share, while the engine goes on with the next pages. Bounded: a page is let in only
while fewer than `max_pages_in_flight` images are held (in the engine, climbing or waiting to climb), so a flood of bad pages
slows the feeding and not the climbing. It relies on the engine for two things: that it holds no more than its own
`max_pages_in_flight`, and that a page can be read alone while nobody takes the answers of another `recognize`. Costs the
assessment of each reading (2 to 3 ms), that of the first one in the thread that takes the answers.

A consumer that stops early leaves nothing behind: its waiting pages are dropped and a climbing one stops at its next reading.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from pipeline.config import EngineConfig, Rung
from pipeline.config.ladder import FIRST
from pipeline.engines.ladder.climbing import Reading, Step, assessed, climb
from pipeline.engines.ladder.rungs import Shelf, steps_of
from pipeline.errors import EngineDead
from pipeline.interfaces import Assessor, Engine
from pipeline.records import PageId, PageImage, PageText

CLOSED = "the ladder was closed while pages were climbing; open a new one"
CLIMBERS_AT_LEAST, CLIMBERS_AT_MOST = 2, 32
PAGES_PER_CLIMBER = 8
"""With one page in twelve read badly and each read 1.5 times more, every eighth page in flight is climbing."""


class LadderEngine:
    """Takes the engine at its foot over: closing the ladder closes it and the engines of the rungs."""

    def __init__(
        self, base: Engine, rungs: Sequence[Rung], assessor: Assessor, *, open_engine: Callable[[EngineConfig], Engine]
    ) -> None:
        """Raises EngineError for a rung that asks the engine for what it cannot do."""
        self._base = base
        self._assessor = assessor
        self._shelf = Shelf(open_engine)
        self._steps = steps_of(rungs, base, assessor, self._shelf)
        self._num_climbers = min(max(base.max_pages_in_flight // PAGES_PER_CLIMBER, CLIMBERS_AT_LEAST), CLIMBERS_AT_MOST)
        self._climbers = ThreadPoolExecutor(self._num_climbers, thread_name_prefix="climber")

    @property
    def name(self) -> str:
        return self._base.name

    @property
    def version(self) -> str:
        return self._base.version

    @property
    def max_pages_in_flight(self) -> int:
        """Per running `recognize`."""
        return self._base.max_pages_in_flight + self._num_climbers

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        """Raises EngineDead when the engine at the foot or that of a rung is lost."""
        stream = _Stream(self._climbers, self._steps, self._assessor, max_images=self.max_pages_in_flight)
        try:
            for answer in self._base.recognize(stream.admit(pages)):
                yield from stream.settle(answer)
                yield from stream.landed()
            yield from stream.rest()
        finally:
            stream.abandon()

    def close(self) -> None:
        """Waits for the readings that climbers are making."""
        self._climbers.shutdown(wait=True, cancel_futures=True)
        self._shelf.close()
        self._base.close()


class _Stream:
    """The pages of one `recognize`: those in the engine, those climbing, those that have landed."""

    def __init__(self, climbers: ThreadPoolExecutor, steps: Sequence[Step], assessor: Assessor, *, max_images: int) -> None:
        self._climbers = climbers
        self._steps = steps
        self._assessor = assessor
        self._room = threading.Semaphore(max_images)
        self._held: dict[PageId, PageImage] = {}
        self._climbing: set[Future[PageText]] = set()
        self._landed: SimpleQueue[Future[PageText]] = SimpleQueue()
        self._abandoned = threading.Event()

    def admit(self, pages: Iterable[PageImage]) -> Iterator[PageImage]:
        """The pages, each once there is room for its image. May be drawn from another thread than the answers."""
        remaining = iter(pages)
        while True:
            self._room.acquire()
            page = next(remaining, None)
            if page is None:
                return
            self._held[page.page_id] = page
            yield page
            del page

    def settle(self, answer: PageText) -> Iterator[PageText]:
        """A good answer goes on; a bad one sends its page up the ladder."""
        image = self._held.get(answer.page_id)
        if image is None:  # nobody asked for it: the flow says so
            yield answer
            return
        first = assessed(FIRST, image, answer, self._assessor)
        del image
        if first.reasons:
            self._send_up(first)
            return
        del self._held[answer.page_id]
        self._room.release()
        yield answer

    def landed(self) -> Iterator[PageText]:
        """The answers of pages that have come down since the last call; never waits."""
        while True:
            try:
                future = self._landed.get_nowait()
            except Empty:
                return
            yield self._answer_of(future)

    def rest(self) -> Iterator[PageText]:
        """The answers of all pages that are still up."""
        while self._climbing:
            yield self._answer_of(self._landed.get())

    def abandon(self) -> None:
        """Nobody waits for an answer any more."""
        self._abandoned.set()
        for future in self._climbing:
            future.cancel()

    def _send_up(self, first: Reading) -> None:
        try:
            future = self._climbers.submit(self._climb, first)
        except RuntimeError as error:  # the pool is shut down
            raise EngineDead(CLOSED) from error
        self._climbing.add(future)
        future.add_done_callback(self._land)

    def _climb(self, first: Reading) -> PageText:
        image = self._held.pop(first.page.page_id)
        return climb(image, first, self._steps, self._assessor, is_wanted=lambda: not self._abandoned.is_set())

    def _land(self, future: Future[PageText]) -> None:
        self._room.release()
        self._landed.put(future)

    def _answer_of(self, future: Future[PageText]) -> PageText:
        self._climbing.discard(future)
        if future.cancelled():
            raise EngineDead(CLOSED)
        return future.result()
