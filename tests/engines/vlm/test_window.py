"""The window of pages grows while that pays, shrinks when pages are preempted, and charges each page its share of time."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.vlm.window import MIN_PAGES, Observation, Window, WindowState, first_window, next_window


def seen(tokens_per_s: float, *, num_preempted: int = 0, was_full: bool = True) -> Observation:
    return Observation(tokens_per_s=tokens_per_s, num_preempted=num_preempted, was_full=was_full)


def test_it_grows_until_a_larger_window_reads_no_faster_and_goes_back() -> None:
    state = first_window(256)
    sizes = [state.size]
    for tokens_per_s in (900.0, 1200.0, 1210.0, 5000.0):
        state = next_window(state, seen(tokens_per_s))
        sizes.append(state.size)
    assert sizes == [32, 48, 72, 48, 48]


def test_a_preempted_page_makes_it_smaller_at_any_time() -> None:
    settled = WindowState(size=48, max_size=256, best_size=48, best_tokens_per_s=1.0, is_settled=True)
    assert next_window(settled, seen(9000.0, num_preempted=1)).size == 36


def test_a_slow_supply_of_pages_says_nothing_about_the_window() -> None:
    state = first_window(256)
    assert next_window(state, seen(1.0, was_full=False)) == state


@given(
    max_size=st.integers(1, 600),
    observations=st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 2), st.booleans()), max_size=40),
)
def test_it_stays_between_its_limits_whatever_happens(max_size: int, observations: list[tuple[float, int, bool]]) -> None:
    state = first_window(max_size)
    for tokens_per_s, num_preempted, was_full in observations:
        state = next_window(state, seen(tokens_per_s, num_preempted=num_preempted, was_full=was_full))
        assert min(MIN_PAGES, max_size) <= state.size <= max_size


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_seconds_of_all_pages_add_up_to_the_time_in_which_there_were_any() -> None:
    clock = Clock()
    window = Window(8, clock=clock)
    first = window.enter()
    clock.now_s = 4.0
    second = window.enter()
    clock.now_s = 10.0
    seconds = [window.leave(first, num_tokens=1, num_preempted=0)]
    clock.now_s = 12.0
    seconds.append(window.leave(second, num_tokens=1, num_preempted=0))
    assert seconds == [pytest.approx(7.0), pytest.approx(5.0)]
    clock.now_s = 100.0
    third = window.enter()
    clock.now_s = 101.0
    assert window.leave(third, num_tokens=1, num_preempted=0) == pytest.approx(1.0)


def test_nobody_enters_a_full_window_until_somebody_leaves() -> None:
    window = Window(2, clock=time.monotonic)
    first = window.enter()
    window.enter()
    assert window.try_enter() is None
    entered = threading.Event()
    waiting = threading.Thread(target=lambda: (window.enter(), entered.set()))
    waiting.start()
    assert not entered.wait(0.05)
    window.leave(first, num_tokens=0, num_preempted=0)
    assert entered.wait(5.0)
    waiting.join()


def test_a_page_that_waits_goes_before_one_that_only_tries() -> None:
    window = Window(1, clock=time.monotonic)
    first = window.enter()
    entered = threading.Event()
    waiting = threading.Thread(target=lambda: (window.enter(), entered.set()))
    waiting.start()
    while not window._num_waiting:
        time.sleep(0.001)
    window.leave(first, num_tokens=0, num_preempted=0)
    assert window.try_enter() is None
    assert entered.wait(5.0)
    waiting.join()
