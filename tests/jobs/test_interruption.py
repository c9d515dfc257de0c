"""Ctrl-C and SIGTERM end a command with one line and exit code 1, whenever they come."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from jobs.command_line import INCOMPLETE, run_command, stay_interruptible


def run(work: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--debug", action="store_true")

    def command(arguments: argparse.Namespace) -> int:
        work()
        return 0

    assert run_command(parser, command, []) == INCOMPLETE
    return capsys.readouterr().err


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_and_after_a_cluster_is_joined(signum: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Planning and publishing hold no cluster, and are the longest parts of many commands."""
    assert "interrupted; what is committed stays" in run(lambda: os.kill(os.getpid(), signum), capsys)


def rays_handler(signum: int, frame: object) -> None:
    sys.exit(signum)


def test_a_signal_while_a_cluster_is_joined_meets_rays_own_handler(capsys: pytest.CaptureFixture[str]) -> None:
    def join() -> None:
        signal.signal(signal.SIGTERM, rays_handler)
        os.kill(os.getpid(), signal.SIGTERM)

    assert "interrupted; what is committed stays" in run(join, capsys)


def test_a_signal_after_ray_has_put_its_handler_in_ours_place(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stay_interruptible()
        os.kill(os.getpid(), signal.SIGTERM)

    assert "interrupted; what is committed stays" in run(work, capsys)


def test_a_command_leaves_the_handlers_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    run(lambda: os.kill(os.getpid(), signal.SIGTERM), capsys)
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_exit_that_no_signal_asked_for_stays_one() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--debug", action="store_true")
    with pytest.raises(SystemExit, match="3"):
        run_command(parser, lambda arguments: sys.exit(3), [])


def test_a_signal_after_the_work_is_done_changes_nothing() -> None:
    """What was printed is kept by Python until the end, when standard output is a file."""
    program = (
        "import atexit, os, signal; from jobs.command_line import end_process; "
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM)); print('published'); end_process(0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "published\n")
