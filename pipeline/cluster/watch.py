"""An engine as it is seen from outside: how many pages it holds, and for how long it has held any.

In: an Engine. Out: an Engine that gives the same answers, and three figures. An engine with no page waits for pages, which is
what idle means here. Costs two locked additions a page.
"""

import threading
import time
from collections.abc import Iterable, Iterator

from pipeline.interfaces import Engine
from pipeline.records import PageImage, PageText


class WatchedEngine:
    """Thread-safe, as engines are: a worker reads two shards at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._num_pages_read = 0
        self._num_pages_held = 0
        self._busy_s = 0.0
        self._busy_since_s = 0.0

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def version(self) -> str:
        return self._engine.version

    @property
    def max_pages_in_flight(self) -> int:
        return self._engine.max_pages_in_flight

    @property
    def num_pages_read(self) -> int:
        return self._num_pages_read

    @property
    def num_pages_held(self) -> int:
        """Asked for and not answered."""
        return self._num_pages_held

    @property
    def busy_s(self) -> float:
        """In which at least one page was held."""
        with self._lock:
            return self._busy_s + (time.monotonic() - self._busy_since_s if self._num_pages_held else 0.0)

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        """A call that is given up gives its pages back."""
        num_held = 0

        def asked() -> Iterator[PageImage]:
            nonlocal num_held
            for page in pages:
                num_held += 1
                self._hold(1)
                yield page

        try:
            for answer in self._engine.recognize(asked()):
                num_held -= 1
                self._hold(-1)
                with self._lock:
                    self._num_pages_read += 1
                yield answer
        finally:
            self._hold(-num_held)

    def close(self) -> None:
        self._engine.close()

    def _hold(self, num_pages: int) -> None:
        with self._lock:
            now_s = time.monotonic()
            if self._num_pages_held:
                self._busy_s += now_s - self._busy_since_s
            self._num_pages_held += num_pages
            self._busy_since_s = now_s
