"""Results in order, and never more calls ahead than were asked for."""

import threading

import pytest

from pipeline.parallel import AHEAD_PER_THREAD, map_in_order


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(map_in_order(lambda number: number * number, range(500), num_threads=8)) == [n * n for n in range(500)]
    assert list(map_in_order(str, [], num_threads=3)) == []


def test_items_are_taken_only_as_results_are() -> None:
    taken = []

    def items() -> object:
        for number in range(10_000):
            taken.append(number)
            yield number

    results = map_in_order(lambda number: number, items(), num_threads=2)  # type: ignore[arg-type]
    for _ in range(5):
        next(results)
    assert len(taken) <= 5 + 2 * AHEAD_PER_THREAD
    results.close()  # type: ignore[attr-defined]


def test_the_first_failure_is_raised_and_the_rest_is_not_begun() -> None:
    begun = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            begun.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(map_in_order(work, range(1000), num_threads=2))
    assert len(begun) < 50
