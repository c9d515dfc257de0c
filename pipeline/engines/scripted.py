"""Canned answers with a set timing: an engine for tests, failure drills and scale simulations.

Without answers of its own it recites the page's text layer, or a sentence that names the page. Which pages fail, loop or end
too early depends on the page's identity and shape alone, so a build repeats itself exactly, and a page that is turned or cut
draws again. It never looks at the pixels, and holds as many pages as it has in flight.
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import replace
from statistics import NormalDist

from pipeline.config import RereadRung, ScriptedConfig
from pipeline.errors import EngineDead
from pipeline.records import PageFacts, PageId, PageImage, PageText

Script = Mapping[PageId, str] | Callable[[PageId, PageFacts], str]
CLOSED = "the scripted engine is closed; open a new one"
LOOP_REPEATS = 40
"""Well above `rules.pages.loop_tail_repeats`, so a looped page is one by any threshold in use."""


class ScriptedEngine:
    """Recites. `script` answers by page identity (a mapping; a page not in it is recited) or by a function."""

    name = "scripted"
    version = "scripted/1"

    def __init__(self, config: ScriptedConfig, script: Script | None = None) -> None:
        self._config = config
        self._script = script
        self._closed = False
        self._places = threading.BoundedSemaphore(config.pages_in_flight)

    @property
    def max_pages_in_flight(self) -> int:
        return self._config.pages_in_flight

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        """Whoever calls at the same time shares the places in flight."""
        if self._closed:
            raise EngineDead(CLOSED)
        num_places = self._config.pages_in_flight
        with ThreadPoolExecutor(num_places) as pool:
            running: set[Future[PageText]] = set()
            for page in pages:
                running.add(pool.submit(self._read, page))
                patience_s = None if len(running) == num_places else 0
                done, running = wait(running, timeout=patience_s, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            yield from (future.result() for future in as_completed(running))

    def _read(self, page: PageImage) -> PageText:
        with self._places:
            started_s = time.perf_counter()
            seconds = self._seconds_of(page)
            if seconds:
                time.sleep(seconds)
            return replace(self._answer(page), seconds=time.perf_counter() - started_s)

    def _seconds_of(self, page: PageImage) -> float:
        """Lognormal by the page's identity, its mean that of the config: exp(sigma * z - sigma**2 / 2) has the mean 1."""
        sigma = self._config.seconds_sigma
        if not sigma:
            return self._config.seconds_per_page
        spread = sigma * NormalDist().inv_cdf(min(max(_share(f"seconds:{page.page_id}"), 1e-6), 1 - 1e-6))
        return self._config.seconds_per_page * math.exp(spread - sigma**2 / 2)

    def reread(self, page: PageImage, changes: RereadRung, previous: PageText) -> PageText | None:
        """The answer again, with its fault or healed of it. Depends on the page and on what changes, not on the rung's name."""
        if self._closed:
            raise EngineDead(CLOSED)
        started_s = time.perf_counter()
        if self._config.seconds_per_page:
            time.sleep(self._config.seconds_per_page)
        settings = changes.model_dump_json(exclude_none=True, exclude={"name", "when", "kind"})
        is_healed = _share(f"heal:{page.page_id}:{settings}") < self._config.heal_fraction
        answer = self._recited(page) if is_healed else self._answer(page)
        return replace(answer, seconds=time.perf_counter() - started_s)

    def close(self) -> None:
        self._closed = True

    def _answer(self, page: PageImage) -> PageText:
        """Recited, with the fault that the page drew."""
        if _is_every(page, self._config.fail_every, "fail"):
            return self._page_text(page, status="failed", error="scripted failure: `fail_every` chose this page")
        whole = self._recited(page)
        if whole.status == "failed":
            return whole
        if _is_every(page, self._config.loop_every, "loop"):
            sentence = whole.text.split("\n", 1)[0][:80] or "And so on."
            text = "\n".join([whole.text, *[sentence] * LOOP_REPEATS])
            return replace(whole, text=text, finish_reason="repetition")
        if _is_every(page, self._config.truncate_every, "truncate"):
            return replace(whole, text=whole.text[: len(whole.text) // 2], finish_reason="length")
        return whole

    def _recited(self, page: PageImage) -> PageText:
        try:
            return self._page_text(page, status="ok", text=_recite(page.page_id, page.facts, self._script))
        except Exception as error:  # noqa: BLE001  a script is foreign code, and its failure is the page's failure
            return self._page_text(page, status="failed", error=f"{type(error).__name__}: {error}")

    def _page_text(self, page: PageImage, *, status: str, text: str = "", error: str = "") -> PageText:
        return PageText(
            page_id=page.page_id,
            text=text,
            status="ok" if status == "ok" else "failed",
            engine=self.name,
            engine_version=self.version,
            confidence=1.0 if status == "ok" else None,
            finish_reason="stop" if status == "ok" else None,
            error=error,
        )


def _recite(page_id: PageId, facts: PageFacts, script: Script | None) -> str:
    if callable(script):
        return script(page_id, facts)
    recited = facts.layer_text or f"This is page {page_id.page_index + 1} of document {page_id.doc_id}."
    return recited if script is None else script.get(page_id, recited)


def _is_every(page: PageImage, every: int, purpose: str) -> bool:
    facts = page.facts
    shape = f"{facts.width_px}x{facts.height_px}/{facts.rotation_degrees}"
    return every > 0 and _share(f"{purpose}:{page.page_id}:{shape}") < 1 / every


def _share(key: str) -> float:
    """A number in 0..1 that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
