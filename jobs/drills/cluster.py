"""Drills on real Ray: `pagemill build` in processes of its own, and real processes killed at instants drawn from a seed.

In: a seed. Out: a Rehearsal. The instants are drawn, the processes' timing is not: a seed repeats the schedule, not the run.
Kills only what it started, which it knows by the home folder that it gave them. Costs 20 to 60 s a drill on two cores.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobs.drills.corpus import draw_corpus
from jobs.drills.rehearsal import BUILD_ID, Rehearsal, check, tables_of, undisturbed
from jobs.drills.watch import Broken, Watch
from pipeline.builds import layout
from pipeline.store import FolderStore

CLUSTER_KINDS: Mapping[str, str] = {
    "worker_sigkill": "the process of a worker is killed",
    "driver_sigkill": "the driver is killed, and the same command given again",
    "sigterm": "the driver is told to end; it must say so and end with 1",
    "ctrl_c": "the same from the keyboard",
    "second_driver": "another driver on the same build, with a Ray of its own",
    "node_lost": "the raylet that holds the workers is killed with them, and another node joins",
}
MAX_RUNS = 8
RUN_S = 240.0
CONFIG = """engine: {{name: scripted, workers: 2, seconds_per_page: 0.12, fail_every: 9}}
plan: {{shard_documents: {shard_documents}}}
render: {{dpi: 20}}
"""


@dataclass(kw_only=True, slots=True)
class Site:
    """One drill's folders, and the drivers at work in them."""

    home: Path
    watch: Watch
    chance: random.Random
    environment: dict[str, str]
    drivers: list[subprocess.Popen[str]] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    num_runs: int = 0

    def start_driver(self) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "jobs.pagemill", "build", str(self.home / "config.yaml")]
        argv += ["--input", str(self.home / "corpus"), "--output", str(self.home / "out"), "--build-id", BUILD_ID]
        self.num_runs += 1
        with (self.home / f"said {self.num_runs}.txt").open("w") as said:
            driver = subprocess.Popen(argv, env=self.environment, stdout=said, stderr=said, text=True)
        self.drivers.append(driver)
        return driver

    def said(self) -> str:
        """The last words of the newest driver."""
        return " ".join((self.home / f"said {self.num_runs}.txt").read_text().split())[-500:]


def rehearse_on_a_cluster(seed: int) -> Rehearsal:
    """Runs the drill of one seed. Raises Broken."""
    chance = random.Random(seed)
    shard_documents = chance.choice((1, 2))
    kind = sorted(CLUSTER_KINDS)[seed % len(CLUSTER_KINDS)]
    with _site(chance, shard_documents) as site:
        if kind == "node_lost":
            _start_cluster(site)
        _run_under(kind, site)
        _finish(site)
        store = site.watch.store
        found, expected = tables_of(store), undisturbed(shard_documents, None)
        check(store, str(site.home / "corpus"), None, expected, found)
        return Rehearsal(
            seed=seed,
            kinds=frozenset(),
            struck=site.struck,
            num_runs=site.num_runs,
            num_moves=0,
            num_looks=site.watch.num_looks,
            num_rows=len(found.pages),
            num_rows_lost=len(expected.pages.keys() - found.pages.keys()),
            num_rows_doubled=0,
        )


def _run_under(kind: str, site: Site) -> None:
    """One run, struck once or more while it goes on."""
    driver = site.start_driver()
    num_strikes = site.chance.choice((1, 2, 3)) if kind in ("worker_sigkill", "driver_sigkill") else 1
    for _ in range(num_strikes):
        if not _wait_for_progress(site, driver, num_more=site.chance.choice((0, 1, 2))):
            return
        driver = _strike(kind, site, driver)


def _strike(kind: str, site: Site, driver: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Returns the driver to go on with."""
    site.struck[kind] += 1
    match kind:
        case "worker_sigkill":
            workers = processes_of(site.home, "ray::Worker")
            _kill(workers[:1])
        case "driver_sigkill":
            driver.kill()
            driver.wait()
            return site.start_driver()
        case "second_driver":
            site.start_driver()
        case "node_lost":
            _lose_the_node(site)
        case _:
            driver.send_signal(signal.SIGTERM if kind == "sigterm" else signal.SIGINT)
            _wait_for_end(site, driver)
            if driver.returncode not in (0, 1) and not (driver.returncode == -signal.SIGTERM and _is_published(site)):
                raise Broken(f"{kind}: the driver ended with {driver.returncode}: {site.said()}")
            return site.start_driver()
    return driver


def _is_published(site: Site) -> bool:
    """Then the driver was leaving Ray, which takes a second in which a SIGTERM ends it at once."""
    return any(site.watch.store.list(layout.version_manifest_key(BUILD_ID)))


def _finish(site: Site) -> None:
    """Waits for every driver; gives the command again until the build is published."""
    while True:
        for driver in site.drivers:
            _wait_for_end(site, driver)
            if driver.returncode not in (0, 1, -signal.SIGKILL, -signal.SIGTERM):
                raise Broken(f"a driver ended with {driver.returncode}: {site.said()}")
        if _is_published(site):
            return
        if site.num_runs >= MAX_RUNS:
            raise Broken(f"not published after {MAX_RUNS} runs: {site.said()}")
        site.start_driver()


def _wait_for_progress(site: Site, driver: subprocess.Popen[str], num_more: int) -> bool:
    """Until so many more shards are committed and a moment has passed. False when the driver ended before."""
    wanted = len(list(site.watch.store.list("pages/"))) + num_more
    deadline_s = time.monotonic() + RUN_S
    while len(list(site.watch.store.list("pages/"))) < wanted or not processes_of(site.home, "ray::Worker"):
        if driver.poll() is not None:
            return False
        _look(site, deadline_s)
    moment_s = time.monotonic() + site.chance.uniform(0.0, 1.5)
    while time.monotonic() < moment_s and driver.poll() is None:
        _look(site, deadline_s)
    return driver.poll() is None


def _wait_for_end(site: Site, driver: subprocess.Popen[str]) -> None:
    deadline_s = time.monotonic() + RUN_S
    while driver.poll() is None:
        _look(site, deadline_s)


def _look(site: Site, deadline_s: float) -> None:
    if time.monotonic() > deadline_s:
        raise Broken(f"a driver was not at its end after {RUN_S:.0f} s: {site.said()}")
    time.sleep(0.1)
    site.watch.look("pages/")


# ---- two nodes on one machine ----


def _start_cluster(site: Site) -> None:
    """A head without room for workers, and one node that has it."""
    port = 20000 + os.getpid() % 4000
    site.environment["RAY_ADDRESS"] = f"127.0.0.1:{port}"
    head = ("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={site.home}/r")
    _ray_start(site, *head)
    _add_node(site)


def _add_node(site: Site) -> None:
    _ray_start(site, f"--address={site.environment['RAY_ADDRESS']}", "--num-cpus=4")


def _ray_start(site: Site, *arguments: str) -> None:
    argv = [str(Path(sys.executable).parent / "ray"), "start", "--disable-usage-stats", "--object-store-memory=200000000"]
    done = subprocess.run([*argv, *arguments], env=site.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(f"ray start failed: {' '.join((done.stdout + done.stderr).split())[-400:]}")


def _lose_the_node(site: Site) -> None:
    """Kills the raylets that have workers of the build, with all their processes, then lets a new node join."""
    parents = {_parent_of(pid) for pid in processes_of(site.home, "ray::Worker")}
    everything = processes_of(site.home, "")
    for raylet in parents & set(everything):
        _kill([raylet, *(pid for pid in everything if _parent_of(pid) == raylet)])
    time.sleep(site.chance.uniform(0.0, 3.0))
    _add_node(site)


# ---- processes ----


def processes_of(home: Path, title: str) -> list[int]:
    """Processes with this home in their environment and `title` at the head of their command line."""
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit()
        and _read(folder / "cmdline").startswith(title)
        and f"HOME={home}\0" in _read(folder / "environ")
    ]


def _kill(pids: Iterable[int]) -> None:
    """Those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _parent_of(pid: int) -> int:
    stat = _read(Path(f"/proc/{pid}/stat"))
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0


def _read(path: Path) -> str:
    """ "" for a process that has ended meanwhile or is not ours."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@contextmanager
def _site(chance: random.Random, shard_documents: int) -> Iterator[Site]:
    home = Path(tempfile.mkdtemp(prefix="dr", dir="/tmp"))  # short: Ray puts Unix sockets below it
    corpus = home / "corpus"
    corpus.mkdir()
    for name, data in draw_corpus().items():
        (corpus / name).write_bytes(data)
    (home / "config.yaml").write_text(CONFIG.format(shard_documents=shard_documents))
    environment = {
        **{name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
        "HOME": str(home),
        "RAY_TMPDIR": str(home),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": f"{chance.getrandbits(256):064x}",
    }
    try:
        yield Site(home=home, watch=Watch(FolderStore(root=home / "out")), chance=chance, environment=environment)
    finally:
        _kill(processes_of(home, ""))
        shutil.rmtree(home, ignore_errors=True)
