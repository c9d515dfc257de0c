"""A function over many items by Ray tasks: `parallel.Spread` on a cluster.

In: a function and items, both picklable, while a cluster is connected. Out: results in the items' order. A bounded number of
tasks is on its way, so items may be made while they are taken. Ray runs a task again whose process or node was lost; one that
is lost every time ends with a BuildError that names it. Whoever stops early leaves the tasks on their way to run out, at most
two for each CPU: `ray.cancel` of a task that is just done aborts the driver's process (Ray 2.60, "Tried to complete task that
was not pending", seen by force or not). Costs a process start for each CPU and about a millisecond a task.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar, cast

import ray

from pipeline.errors import BuildError, PagemillError

Item = TypeVar("Item")
Result = TypeVar("Result")
MAX_RETRIES = 3
TASKS_PER_CPU = 2
"""One runs and one waits with its arguments at hand."""
NAME_CHARS = 300


def _run(function: Callable[[object], object], item: object) -> object:
    return function(item)


RUN = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(_run)


def over_tasks(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Raises what the function raised for the first item that failed, and BuildError for a task that was lost every time."""
    window = max(2, TASKS_PER_CPU * _num_cpus())
    waiting = iter(items)
    running: deque[tuple[Item, ray.ObjectRef[Result]]] = deque()
    while True:
        for item in islice(waiting, window - len(running)):
            running.append((item, _started(function, item)))
        if not running:
            return
        item, result = running.popleft()
        yield _taken(function, item, result)


def _started(function: Callable[[Item], Result], item: Item) -> "ray.ObjectRef[Result]":
    return cast("ray.ObjectRef[Result]", RUN.remote(cast("Callable[[object], object]", function), item))


def _num_cpus() -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return int(resources.get("CPU", 1))


def _taken(function: Callable[[Item], Result], item: Item, result: "ray.ObjectRef[Result]") -> Result:
    try:
        return ray.get(result)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PagemillError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        told = " ".join(str(error).split())[:NAME_CHARS]
        raise BuildError(
            f"{function.__name__} of {str(item)[:NAME_CHARS]} was lost {MAX_RETRIES + 1} times ({told}); it may need more "
            "memory than a worker has, run the same command again to go on from there"
        ) from error
