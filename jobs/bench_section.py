"""Results pages: a dated section at the end of a Markdown page that only ever grows. Knows the machine and the commit.

In: a title and lines. Out: the page with one more section. Imports nothing but the standard library.
"""

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from os import cpu_count, getloadavg
from pathlib import Path


def machine_lines() -> list[str]:
    """Date, machine and commit, as Markdown list items."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = " ".join(f"{value:.1f}" for value in getloadavg())
    return [
        f"* {now}, commit {_commit()}",
        f"* {_cpu_model()}, {cpu_count()} cores, load before the run {load}; {platform.platform()}, Python "
        f"{platform.python_version()}",
    ]


def append_section(path: Path, title: str, lines: Sequence[str]) -> str:
    """Adds a dated section at the end of a results page (made when absent) and returns it; what stands there stays."""
    heading = f"## {datetime.now(UTC).strftime('%Y-%m-%d')}: {title}"
    section = "\n".join([heading, "", *lines]).rstrip() + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as page:
        page.write(f"\n{section}" if page.tell() else f"# Measured: {path.stem}\n\n{section}")
    return section


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown (not a git checkout)"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in info.read_text(encoding="utf-8").splitlines() if "model name" in line]
    return models[0] if models else platform.machine()
