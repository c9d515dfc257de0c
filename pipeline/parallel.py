"""A function over many items by a few threads: results in order, and only so many calls ahead of whoever takes them.

`ThreadPoolExecutor.map` submits every item at once, which for 100,000 receipts is 100,000 futures. Knows nothing of
what the function does.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD_PER_THREAD = 4


class Spread(Protocol):
    """Runs a function over many items somewhere, and gives the results in the items' order. Function and items may be pickled
    on the way, and an item may be done twice when a machine is lost, so the function must bear that."""

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]: ...


def one_by_one(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The plainest Spread: here, each when it is asked for."""
    return map(function, items)


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], *, num_threads: int) -> Iterator[Result]:
    """`function` of each item, in the items' order; context variables are as they are here. Raises what the function raised for
    the first item that failed."""
    waiting = iter(items)
    with ThreadPoolExecutor(num_threads) as pool:
        running: deque[Future[Result]] = deque()
        try:
            for item in islice(waiting, num_threads * AHEAD_PER_THREAD):
                running.append(pool.submit(copy_context().run, function, item))
            while running:
                result = running.popleft().result()
                for item in islice(waiting, 1):
                    running.append(pool.submit(copy_context().run, function, item))
                yield result
        finally:
            for future in running:
                future.cancel()
