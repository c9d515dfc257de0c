"""What a command says on stderr while it works: words for people, or with `--log json` one JSON object a line.

    {"at":"2026-11-27T20:00:04.120Z","build_id":"main","event":"shard_given","level":"INFO","logger":"pagemill.events",
     "message":"shard given","shard_id":"5eed...","worker":"host/412",...}

In: log records of ours and of libraries. Out: lines on stderr. Each JSON line holds the ids of the work it is about
(`pipeline.log_ids`); secrets in addresses are struck out of everything. `in_worker` does the same in the processes of Ray's
workers, whose stderr Ray keeps in its log folder. Without `--log json` libraries are heard from ERROR on, as ever.
"""

import json
import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType

from pipeline.config.addresses import without_secrets
from pipeline.log_ids import ids_of_this_work

SAYS = logging.getLogger("pagemill")
EVENTS = logging.getLogger("pagemill.events")
LIBRARY = logging.getLogger("pipeline")
TEXT, JSON = "text", "json"
WORKER_HOOK = "jobs.logs.in_worker"
"""Ray calls it by this name at the start of each worker process."""
BUILD_ID_VARIABLE = "PAGEMILL_BUILD_ID"
FACTS = "facts"
"""Attribute of a record: figures and ids that become keys of its line."""
Facts = Mapping[str, object]


def say(line: str) -> None:
    """A line for whoever waits for the command."""
    SAYS.info(line)


def tell(logger: logging.Logger, line: str, facts: Facts) -> None:
    """The same with what a machine wants to know of it."""
    logger.info(line, extra={FACTS: facts})


class StderrLines(logging.Handler):
    """Writes to whatever stderr is by then."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


class JsonLine(logging.Formatter):
    """A record as one JSON object."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        """`ids` are those of the process."""
        super().__init__()
        self._ids = ids

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        values: dict[str, object] = {
            **self._ids,
            **ids_of_this_work(),
            **getattr(record, FACTS, {}),
            "at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        told = {name: without_secrets(value) if isinstance(value, str) else value for name, value in values.items()}
        return json.dumps(told, sort_keys=True, separators=(",", ":"), default=str)


@contextmanager
def logging_as(log_format: str, *, debug: bool) -> Iterator[None]:
    """For as long as a command runs; after an error that nobody has caught for good, so that its traceback is a line too."""
    if log_format != JSON:
        yield
        return
    before = logging.root.handlers, logging.root.level
    ids = {"process": f"{socket.gethostname()}/{os.getpid()}"}
    _speak_json(ids, level=logging.DEBUG if debug else logging.WARNING)
    yield
    logging.root.handlers = before[0]
    logging.root.setLevel(before[1])
    logging.captureWarnings(False)
    _speak_plainly()


def may_draw() -> bool:
    """Nobody has asked for JSON, so a terminal may show a display."""
    return bool(SAYS.handlers)


def adopt_loggers() -> None:
    """Libraries that write to stderr by handlers of their own (Ray, vLLM) write through ours, once JSON was asked for."""
    if may_draw():
        return
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers = []
            logger.propagate = True


def worker_environment(build_id: str) -> Mapping[str, str]:
    """For workers that log as this process does; none while words are for people, for nobody sees a worker's."""
    return {} if may_draw() else {BUILD_ID_VARIABLE: build_id, "VLLM_CONFIGURE_LOGGING": "0"}


def in_worker() -> None:
    """In a worker process of Ray."""
    ids = {"build_id": os.environ.get(BUILD_ID_VARIABLE, ""), "worker": f"{socket.gethostname()}/{os.getpid()}"}
    _speak_json(ids, level=logging.WARNING)
    adopt_loggers()


def _speak_json(ids: Mapping[str, str], *, level: int) -> None:
    handler = StderrLines()
    handler.setFormatter(JsonLine(ids))
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    logging.captureWarnings(True)
    SAYS.handlers, SAYS.propagate = [], True
    for logger in (SAYS, EVENTS, LIBRARY):
        logger.setLevel(logging.INFO)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.root.critical("uncaught %s", kind.__name__, exc_info=(kind, error, trace))


def _speak_plainly() -> None:
    """As long as nobody has asked for another form."""
    SAYS.handlers, SAYS.propagate = [StderrLines()], False
    SAYS.setLevel(logging.INFO)
    EVENTS.setLevel(logging.WARNING)
    LIBRARY.setLevel(logging.NOTSET)


_speak_plainly()
