"""How much memory the processes of a build take, by what they do. In: the id of the first process. Out: samples over time.

Memory is proportional set size (PSS), so a library that many processes share counts once; the object store, which all of them
map, is a role of its own. A sample reads /proc.
"""

import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OBJECT_STORE = "object store, all together"
ROLES = {
    "ray::Worker": "worker",
    "ray::render_one": "rendering task",
    "ray::IDLE": "idle Ray process",
    "raylet": "raylet and its agents",
    "gcs_server": "raylet and its agents",
    "ray/": "raylet and its agents",
    "jobs.pagemill": "driver",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessMemory:
    """One process at one moment."""

    role: str
    own_bytes: int
    """PSS without shared memory."""
    shared_bytes: int
    """Its share (PSS) of shared memory, which is the object store."""
    resident_bytes: int
    """RSS without shared memory: libraries that others share as well count in full."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One moment of a build: of each role its largest process."""

    at_s: float
    """Since the start."""
    own_bytes: Mapping[str, int]
    """PSS by role; the object store is the sum over all processes."""
    resident_bytes: Mapping[str, int]


def watch(build: subprocess.Popen[bytes], *, every_s: float, also: Callable[[], object] = lambda: None) -> list[Sample]:
    """Samples until the process ends; `also` is called with each."""
    started_s = time.monotonic()
    samples: list[Sample] = []
    while build.poll() is None:
        samples.append(sample_of(processes_below(build.pid), time.monotonic() - started_s))
        also()
        time.sleep(every_s)
    return samples


def sample_of(processes: Iterable[ProcessMemory], at_s: float) -> Sample:
    own: dict[str, int] = defaultdict(int)
    resident: dict[str, int] = defaultdict(int)
    for process in processes:
        own[process.role] = max(own[process.role], process.own_bytes)
        resident[process.role] = max(resident[process.role], process.resident_bytes)
        own[OBJECT_STORE] += process.shared_bytes
    return Sample(at_s=at_s, own_bytes=dict(own), resident_bytes=dict(resident))


def peaks_of(samples: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The largest value of each role."""
    peaks: dict[str, int] = defaultdict(int)
    for sample in samples:
        for role, num_bytes in sample.items():
            peaks[role] = max(peaks[role], num_bytes)
    return dict(peaks)


def processes_below(root_pid: int) -> list[ProcessMemory]:
    """A process and all its descendants; one that ends meanwhile is left out."""
    parents, titles = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                titles[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (OSError, ValueError):
                continue
    family = {root_pid}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    found = []
    for pid in family & titles.keys():
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            resident_shared_kb = int(_status_of(pid)["RssShmem"].split()[0])
        except (OSError, KeyError):
            continue
        kb = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in rollup.splitlines()[1:])}
        found.append(
            ProcessMemory(
                role=next((role for part, role in ROLES.items() if part in titles[pid]), "other"),
                own_bytes=(kb["Pss"] - kb["Pss_Shmem"]) * 1024,
                shared_bytes=kb["Pss_Shmem"] * 1024,
                resident_bytes=(kb["Rss"] - resident_shared_kb) * 1024,
            )
        )
    return found


def _status_of(pid: int) -> dict[str, str]:
    return dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
