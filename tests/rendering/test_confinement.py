"""A process under its limits."""

import signal
import subprocess
import sys

START = (
    "import resource\nfrom pipeline.rendering.confinement import confine_process\nconfine_process(memory_bytes={}, cpu_s={})\n"
)


def run(code: str, *, memory_bytes: int = 200_000_000, cpu_s: float = 60) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", START.format(memory_bytes, cpu_s) + code]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_memory_beyond_the_limit_is_refused_and_below_it_granted() -> None:
    assert run("bytes(100_000_000)").returncode == 0
    assert "MemoryError" in run("bytes(300_000_000)").stderr


def test_a_loop_without_end_is_ended_by_the_kernel() -> None:
    assert run("while True: pass", cpu_s=0.5).returncode == -signal.SIGXCPU


def test_the_limit_counts_from_where_the_process_is_and_may_be_set_again() -> None:
    again = "held = bytes(150_000_000)\nconfine_process(memory_bytes=200_000_000, cpu_s=60)\nbytes(150_000_000)"
    assert run(again).returncode == 0


def test_a_crash_leaves_no_core_file() -> None:
    assert run("print(resource.getrlimit(resource.RLIMIT_CORE)[0])").stdout.strip() == "0"
