"""One page up the ladder: its bad first reading in, the best of all its readings out. Pure but for what the steps do.

Each step is tried at most once, in order, when it is for one of the reasons found so far; the climb ends at the first reading
that nothing speaks against. A step that raises has made an attempt with reason `engine_failed`; only EngineDead goes further.

The best reading is the one whose worst fault is the least, then the one with fewer faults, then the latest: so a whole text is
preferred to a stopped one, a stopped one to none, and what was tried last to what it was meant to mend.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import EngineDead
from pipeline.interfaces import Assessor
from pipeline.records import Attempt, PageImage, PageText

ENGINE_FAILED = "engine_failed"
ENGINE_FAILED_ONLY = (ENGINE_FAILED,)
SEVERITY: Mapping[str, int] = {
    "overfull": 0,
    "low_conf": 1,
    "glued": 1,
    "layer_mismatch": 1,
    "garbled": 2,
    "gibberish": 2,
    "unreadable_script": 2,
    "truncated": 3,
    "loop": 3,
    ENGINE_FAILED: 4,
}
"""0: a warning; 1: text of doubtful worth; 2: no text; 3: a part of the text at best; 4: nothing. A reason not listed is 1."""

Read = Callable[[], PageText | None]
"""One reading, not made yet; None when it turns out that there is nothing to read otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One reading of a page and what speaks against it."""

    rung: str
    page: PageText
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A rung, ready to be climbed."""

    name: str
    when: frozenset[str]
    reads: Callable[[PageImage, Sequence[Reading]], Iterable[Read]]
    """The readings that this rung has to offer, the cheapest first; `Reading`s are those so far, oldest first."""


def climb(
    image: PageImage, first: Reading, steps: Sequence[Step], assessor: Assessor, *, is_wanted: Callable[[], bool]
) -> PageText:
    """The best reading. `is_wanted` is asked before each attempt; when it says no, what there is is returned. Raises
    EngineDead."""
    readings = [first]
    for step in steps:
        if not any(step.when.intersection(reading.reasons) for reading in readings):
            continue
        for read in step.reads(image, tuple(readings)):
            if not is_wanted():
                return best_of(readings)
            page = _attempt(read, first.page)
            if page is None:
                continue
            readings.append(assessed(step.name, image, page, assessor))
            if not readings[-1].reasons:
                return best_of(readings)
    return best_of(readings)


def assessed(rung: str, image: PageImage, page: PageText, assessor: Assessor) -> Reading:
    """A reading with the reasons against it."""
    reasons = ENGINE_FAILED_ONLY if page.status == "failed" else assessor.reasons_against(image.facts, page)
    return Reading(rung=rung, page=page, reasons=reasons)


def best_of(readings: Sequence[Reading]) -> PageText:
    """The best of at least one reading, with its rung, the others as attempts, and the seconds of all."""
    best = min(range(len(readings)), key=lambda index: (_faults(readings[index]), -index))
    others = [reading for index, reading in enumerate(readings) if index != best]
    return replace(
        readings[best].page,
        rung=readings[best].rung,
        attempts=tuple(_set_aside(reading) for reading in others),
        seconds=sum(reading.page.seconds for reading in readings),
    )


def _faults(reading: Reading) -> tuple[int, ...]:
    """Severities, the worst first: (1,) is better than (1, 1), which is better than (2,)."""
    return tuple(sorted((SEVERITY.get(reason, 1) for reason in reading.reasons), reverse=True))


def _set_aside(reading: Reading) -> Attempt:
    return Attempt(
        rung=reading.rung,
        mode=reading.page.mode,
        reasons=reading.reasons,
        seconds=reading.page.seconds,
        output_tokens=reading.page.output_tokens,
        error=reading.page.error,
    )


def _attempt(read: Read, first: PageText) -> PageText | None:
    started_s = time.perf_counter()
    try:
        return read()
    except EngineDead:
        raise
    except Exception as error:  # noqa: BLE001  a rung's failure is an attempt, told in the page's row
        return PageText(
            page_id=first.page_id,
            text="",
            status="failed",
            engine=first.engine,
            engine_version=first.engine_version,
            seconds=time.perf_counter() - started_s,
            error=f"{type(error).__name__}: {error}",
        )
