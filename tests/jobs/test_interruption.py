"""Ctrl-C and SIGTERM end a command with one line and exit code 1, whenever they come.

Each command is a process of its own: a signal that a test sends to pytest itself meets the threads of every library loaded
before, and one of them (seen after the engines' tests) does not survive it.
"""

import subprocess
import sys
import textwrap

import pytest

COMMAND = """
import argparse, os, signal, sys
from jobs.command_line import end_process, run_command, stay_interruptible

def send(signum):
    os.kill(os.getpid(), signum)

def rays_handler(signum, frame):
    sys.exit(signum)

def work(arguments):
{work}
    return 0

parser = argparse.ArgumentParser()
parser.add_argument("--debug", action="store_true")
code = run_command(parser, work, [])
{afterwards}
end_process(code)
"""
INTERRUPTED = "pagemill: interrupted; what is committed stays, the same command goes on from there\n"


def run(work: str, afterwards: str = "") -> subprocess.CompletedProcess[str]:
    program = COMMAND.format(work=textwrap.indent(work, "    "), afterwards=afterwards)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("signum", ["SIGTERM", "SIGINT"])
def test_a_signal_before_and_after_a_cluster_is_joined(signum: str) -> None:
    """Planning and publishing hold no cluster, and are the longest parts of many commands."""
    done = run(f"send(signal.{signum})")
    assert (done.returncode, done.stderr) == (1, INTERRUPTED)


def test_a_signal_while_a_cluster_is_joined_meets_rays_own_handler() -> None:
    done = run("signal.signal(signal.SIGTERM, rays_handler)\nsend(signal.SIGTERM)")
    assert (done.returncode, done.stderr) == (1, INTERRUPTED)


def test_a_signal_after_ray_has_put_its_handler_in_ours_place() -> None:
    done = run("signal.signal(signal.SIGTERM, signal.SIG_DFL)\nstay_interruptible()\nsend(signal.SIGTERM)")
    assert (done.returncode, done.stderr) == (1, INTERRUPTED)


def test_a_command_leaves_the_handlers_as_they_were() -> None:
    done = run("send(signal.SIGTERM)", "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)")
    assert (done.returncode, done.stdout) == (1, "True\n")


def test_an_exit_that_no_signal_asked_for_stays_one() -> None:
    assert run("sys.exit(3)").returncode == 3


def test_a_signal_after_the_work_is_done_changes_nothing() -> None:
    """What was printed is kept by Python until the end, when standard output is a file."""
    done = run("print('published')", "import atexit; atexit.register(send, signal.SIGTERM)")
    assert (done.returncode, done.stdout) == (0, "published\n")
