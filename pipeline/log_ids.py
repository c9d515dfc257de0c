"""Which build and shard a log line is about: said once by whoever begins the work, found by whoever writes the line.

In: ids by name. Out: the ids of the work that this thread is at. `parallel` hands them on to its threads. Configures no
logging and writes nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_IDS: ContextVar[Mapping[str, str]] = ContextVar("ids_of_log_lines", default=MappingProxyType({}))


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Everything inside is about these, and about what is outside: `with about(build_id="main"):`."""
    token = _IDS.set({**_IDS.get(), **ids})
    try:
        yield
    finally:
        _IDS.reset(token)


def now_about(**ids: str) -> None:
    """From here to the end of the `about` around it, and in the words that an error leaves it with."""
    _IDS.set({**_IDS.get(), **ids})


def ids_of_this_work() -> Mapping[str, str]:
    """By name; empty outside of any."""
    return _IDS.get()
