"""What every command shares: the arguments that make a BuildConfig, and how an error ends a command.

Exit codes: 0 done, 1 not done (run the same command again, or look at what it named), 2 wrong use or config, 3 another driver
is at work on the dataset, 4 a version is made and stays unpublished because of a gate.
"""

import argparse
import getpass
import json
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from jobs.logs import FACTS, JSON, SAYS, TEXT, logging_as
from pipeline.config import BuildConfig, load_config
from pipeline.config.addresses import without_secrets
from pipeline.errors import BuildIncomplete, GateBroken, LeaseHeld, LeaseLost, PagemillError, VerifyError
from pipeline.log_ids import about

DONE = 0
INCOMPLETE = 1
WRONG_USE = 2
HELD = 3
GATE_BROKEN = 4
EXIT_CODES: Sequence[tuple[type[PagemillError], int]] = (
    (LeaseHeld, HELD),
    (GateBroken, GATE_BROKEN),
    (BuildIncomplete, INCOMPLETE),
    (LeaseLost, INCOMPLETE),
    (VerifyError, INCOMPLETE),
)
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """argparse quotes what it does not understand, an address with a password too."""
        super().error(without_secrets(message))


def parser_for(command: str, does: str, example: str) -> argparse.ArgumentParser:
    """A parser whose `--help` says what the command does and shows one real use of it."""
    return _Parser(
        prog=f"pagemill {command}",
        description=does,
        epilog=f"example:\n  {example}\n\nexit codes: 0 done, 1 incomplete, 2 wrong use or config, 3 another driver is "
        "at work, 4 a gate is broken",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="YAML file, for example configs/quickstart.yaml")
    parser.add_argument("--input", metavar="URI", help="read this instead of the config's input.uri")
    parser.add_argument("--output", metavar="URI", help="write here instead of the config's output.uri")
    parser.add_argument("--build-id", "--build", metavar="ID", help="name of the build instead of the config's build_id")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="any config key, repeatable")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument(
        "--log", choices=(TEXT, JSON), default=TEXT, help="what stderr gets: words for people, or one JSON object a line"
    )


def config_of(arguments: argparse.Namespace) -> BuildConfig:
    """The config file with the command line laid over it. Raises ConfigError."""
    named = {"input.uri": arguments.input, "output.uri": arguments.output, "build_id": arguments.build_id}
    settings = [f"{key}={json.dumps(value)}" for key, value in named.items() if value is not None]
    config = load_config(arguments.config, [*settings, *arguments.set])
    addresses = {"takedown": config.publish.takedown, "benchmarks": config.publish.benchmarks}
    lists = {name: _absolute(uri) for name, uri in addresses.items() if uri is not None}
    return config.model_copy(
        update={
            "publish": config.publish.model_copy(update=lists),
            "input": config.input.model_copy(update={"uri": _absolute(config.input.uri)}),
            "output": config.output.model_copy(update={"uri": _absolute(config.output.uri)}),
        }
    )


def _absolute(uri: str) -> str:
    """Workers run in other folders and on other machines, so a relative path means one relative to this shell."""
    return uri if "://" in uri else str(Path(uri).expanduser().absolute())


def who() -> str:
    """Who runs this command, for the audit: user@host."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def process_name() -> str:
    """host/pid, as workers are called too."""
    return f"{socket.gethostname()}/{os.getpid()}"


def lease_owner() -> str:
    """A name for this process, for whoever finds the dataset taken."""
    return f"{process_name()}/{uuid4().hex[:8]}"


def code_version() -> str:
    """Of the running code; stands in every table's footer."""
    return version("pagemill")


def ray_address() -> str:
    """`RAY_ADDRESS` when this runs as a Ray job or on a cluster's node, else a cluster of its own on this machine."""
    return os.environ.get("RAY_ADDRESS", "local")


def run_command(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int], argv: Sequence[str] | None) -> int:
    """Parses, runs, and turns what went wrong into one clear line and an exit code."""
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if arguments.debug else logging.ERROR)
    # with --debug never below INFO, where it writes signed headers and session tokens; else as loud as every library
    logging.getLogger("botocore").setLevel(logging.INFO if arguments.debug else logging.NOTSET)
    warnings.filterwarnings("default" if arguments.debug else "ignore")
    with logging_as(getattr(arguments, "log", TEXT), debug=arguments.debug), about():
        return _run(run, arguments)


def _run(run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    try:
        with interruptible():
            return run(arguments)
    except PagemillError as error:
        if arguments.debug:
            raise
        code = exit_code_of(error)
        facts = {"event": "failed", "error": type(error).__name__, "exit_code": code}
        SAYS.error(f"pagemill: {without_secrets(str(error))}", extra={FACTS: facts})
        return code
    except KeyboardInterrupt:
        SAYS.error("pagemill: interrupted; what is committed stays, the same command goes on from there")
        return INCOMPLETE


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise KeyboardInterrupt inside: shards in work are abandoned whole, what is committed stays."""
    before = {signum: signal.signal(signum, _interrupt) for signum in INTERRUPTIONS}
    try:
        yield
    except SystemExit as stop:
        if stop.code != signal.SIGTERM:
            raise
        raise KeyboardInterrupt from stop  # of Ray's handler, which holds while a cluster is joined
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def stay_interruptible() -> None:
    """For after a cluster was joined, when Ray has set a handler that ends with exit code 15, and after it was left, when
    SIGTERM has its default action again (seen with Ray 2.60) and would end a command that publishes without a word."""
    for signum in INTERRUPTIONS:
        signal.signal(signum, _interrupt)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def end_process(code: int) -> NoReturn:
    """The end of a process whose command is over. A signal that comes while interpreter and Ray leave has nothing to stop any
    more, and must change neither the exit code nor what was printed."""
    for signum in INTERRUPTIONS:
        signal.signal(signum, signal.SIG_IGN)
    sys.stdout.flush()
    sys.exit(code)


def exit_code_of(error: PagemillError) -> int:
    """2 when something must be changed first; see the module for the others."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), WRONG_USE)
