"""How many pages are given to vLLM at once, and whose time it is. Pure but for a lock; no vLLM, no clock of its own.

The window grows while more pages at once read more tokens a second and none is preempted, and shrinks when one is
(a preempted page is prefilled again). Every page is charged its share of the wall time: with n pages at work each pays 1/n
of a second a second, so that the pages' seconds add up to the engine's busy time.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

GROWTH = 1.5
SHRINK = 0.75
WORTH_IT = 1.05
"""A larger window must read 5 % more tokens a second to stay; timing noise between two windows' worth of pages is below
that."""
MIN_PAGES = 8
FIRST_PAGES = 4 * MIN_PAGES


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowState:
    """The size, and what is known of the sizes before it."""

    size: int
    max_size: int
    best_size: int = 0
    best_tokens_per_s: float = 0.0
    is_settled: bool = False
    """Growing stopped helping."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What happened while one window's worth of pages was read."""

    tokens_per_s: float
    num_preempted: int
    was_full: bool
    """Pages waited for a place; otherwise the supply was the limit and the speed says nothing about the window."""


def first_window(max_size: int, first_size: int = FIRST_PAGES) -> WindowState:
    """A first size of `max_size` leaves nothing to try: the window stays there unless a page is preempted."""
    return WindowState(size=min(first_size, max_size), max_size=max_size)


def next_window(state: WindowState, seen: Observation) -> WindowState:
    """Worked example: 32 pages read 900 tokens/s, so 48 are tried; they read 1,200, so 72; those read 1,210: back to 48, for
    good, unless a preemption makes it smaller still."""
    if seen.num_preempted:
        smaller = max(min(MIN_PAGES, state.max_size), int(state.size * SHRINK))
        return replace(state, size=smaller, is_settled=True)
    if state.is_settled or not seen.was_full:
        return state
    if state.best_size and seen.tokens_per_s <= WORTH_IT * state.best_tokens_per_s:
        return replace(state, size=state.best_size, is_settled=True)
    larger = min(state.max_size, int(state.size * GROWTH))
    return replace(
        state,
        size=larger,
        best_size=state.size,
        best_tokens_per_s=seen.tokens_per_s,
        is_settled=larger == state.size,
    )


class Window:
    """Places for pages, shared by all shards of a worker. Thread-safe; whoever waits is served before whoever comes later."""

    def __init__(self, max_size: int, *, clock: Callable[[], float], first_size: int = FIRST_PAGES) -> None:
        """`clock`: monotonic seconds."""
        self._state = first_window(max_size, first_size)
        self._clock = clock
        self._changed = threading.Condition()
        self._num_in_flight = 0
        self._num_waiting = 0
        self._shared_s = 0.0
        self._shared_at_s = clock()
        self._was_full = False
        self._begin_period()

    @property
    def size(self) -> int:
        return self._state.size

    def enter(self) -> float:
        """Waits for a place. Returns the shared clock, to be handed back to `leave`."""
        with self._changed:
            self._num_waiting += 1
            self._was_full = self._was_full or self._num_in_flight >= self._state.size
            self._changed.wait_for(lambda: self._num_in_flight < self._state.size)
            self._num_waiting -= 1
            return self._take()

    def try_enter(self) -> float | None:
        """As `enter`, but None at once when there is no place, or somebody waits for one."""
        with self._changed:
            if self._num_waiting or self._num_in_flight >= self._state.size:
                self._was_full = True
                return None
            return self._take()

    def leave(self, entered_s: float, *, num_tokens: int, num_preempted: int) -> float:
        """Gives the place back; returns the page's share of the engine's time, in seconds."""
        with self._changed:
            self._advance()
            self._num_in_flight -= 1
            self._num_tokens += num_tokens
            self._num_preempted += num_preempted
            self._num_done += 1
            if self._num_done >= self._state.size:
                self._end_period()
            self._changed.notify()
            return self._shared_s - entered_s

    def _take(self) -> float:
        self._advance()
        self._num_in_flight += 1
        return self._shared_s

    def _advance(self) -> None:
        now_s = self._clock()
        if self._num_in_flight:
            self._shared_s += (now_s - self._shared_at_s) / self._num_in_flight
        self._shared_at_s = now_s

    def _begin_period(self) -> None:
        self._period_started_s = self._clock()
        self._num_tokens = 0
        self._num_preempted = 0
        self._num_done = 0
        self._was_full = False

    def _end_period(self) -> None:
        elapsed_s = max(self._clock() - self._period_started_s, 1e-6)
        seen = Observation(
            tokens_per_s=self._num_tokens / elapsed_s, num_preempted=self._num_preempted, was_full=self._was_full
        )
        before = self._state.size
        self._state = next_window(self._state, seen)
        if self._state.size > before:
            self._changed.notify_all()
        self._begin_period()
