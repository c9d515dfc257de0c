"""A Ray cluster of real processes on this machine: `ray start` for each node, a token, ports and folders of its own.

An older Pagemill is installed on its nodes, which refuses to be imported: what runs there is what was sent.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

START_S = 90.0


class Cluster:
    """Nodes that were started and not killed; `close` ends them all."""

    def __init__(self, folder: Path) -> None:
        """`folder` has a short path: sockets lie there."""
        self._folder = folder
        self._port, dashboard_port = _free_ports(2)
        self.address = f"http://127.0.0.1:{dashboard_port}"
        self.token = secrets.token_hex(32)
        self.nodes: list[subprocess.Popen[bytes]] = []
        _install_another_pagemill(folder / "image")
        self._start(
            *("--head", "--port", str(self._port), "--num-gpus", "0", "--num-cpus", "2", "--temp-dir", str(folder / "t")),
            *("--include-dashboard", "true", "--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard_port)),
            *("--ray-client-server-port", str(_free_ports(1)[0]), "--object-store-memory", "200000000"),
        )

    def join(self, *, num_gpus: int) -> subprocess.Popen[bytes]:
        """Another node, with GPUs that exist only for the scheduler."""
        return self._start(
            *("--address", f"127.0.0.1:{self._port}", "--num-gpus", str(num_gpus), "--num-cpus", "4"),
            *("--object-store-memory", "200000000"),
        )

    def lose(self, node: subprocess.Popen[bytes]) -> None:
        """As when its machine is taken away: nothing of it says good-bye."""
        for pid in _descendants(node.pid):
            _kill(pid)
        _kill(node.pid)
        node.wait()
        self.nodes.remove(node)

    def close(self) -> None:
        for node in reversed(self.nodes.copy()):
            self.lose(node)

    def client(self, **variables: str) -> dict[str, str]:
        """The environment of somebody who knows the token."""
        return {**_plain(self._folder / "client"), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, **variables}

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"node-{len(self.nodes)}-{secrets.token_hex(2)}.log").open("wb")
        agent, grpc, metrics = _free_ports(3)
        with log:
            node = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *arguments),
                    *("--min-worker-port", "0", "--max-worker-port", "0", "--metrics-export-port", str(metrics)),
                    *("--dashboard-agent-listen-port", str(agent), "--dashboard-agent-grpc-port", str(grpc)),
                ],
                cwd=self._folder,
                env=self._of_a_node(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.nodes.append(node)
        _wait_for(node, Path(log.name))
        return node

    def _of_a_node(self) -> Mapping[str, str]:
        here = Path(sys.executable).parent
        credentials = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
        return {
            **_plain(self._folder / "home"),
            **credentials,
            "PATH": f"{here}:{os.environ['PATH']}",
            "PYTHONPATH": str(self._folder / "image"),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
        }


def _plain(home: Path) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_", "PYTHON"))}
    return {**kept, "HOME": str(home), "PYTHONWARNINGS": "ignore"}


def _install_another_pagemill(image: Path) -> None:
    for package in ("pipeline", "jobs"):
        (image / package).mkdir(parents=True)
        (image / package / "__init__.py").write_text("raise ImportError('the code of the image ran, and not what was sent')\n")
    identity = image / "pagemill-0.0.1.dist-info"
    identity.mkdir()
    (identity / "METADATA").write_text("Metadata-Version: 2.1\nName: pagemill\nVersion: 0.0.1\n")


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _wait_for(node: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while "Ray runtime started" not in log.read_text(errors="replace"):
        if node.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"ray start did not start a node: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _descendants(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [child for child, parent in parents.items() if parent == pid]
    return [*found, *(each for child in found for each in _descendants(child))]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
