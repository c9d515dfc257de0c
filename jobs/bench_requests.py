"""`python -m jobs.bench_requests`: how often each step of a build asks the store, and how many bytes it puts, for each shard.

Two builds of one document of one page a shard, planned, committed, resumed, published and verified by the real code over a
store that counts. The slope between the two sizes is what one more shard asks for. No engine is opened: the pages files are one
page's, with other names in them. Appends a dated section to infra/benchmarks/requests.md. Costs about a minute.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, run_command
from jobs.synthetic import SyntheticStore, page_document
from pipeline.builds import layout
from pipeline.builds.begin import begin_build
from pipeline.builds.commit import commit_shard, read_receipts
from pipeline.builds.status import status
from pipeline.config import parse_config
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.publishing.publish import publish
from pipeline.publishing.verify import verify
from pipeline.store import open_store

KEYS_PER_LIST = 1_000
"""Of S3, in one answer."""
STEPS = ("plan", "read", "resume", "publish", "status", "verify")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One kind of request by one step."""

    step: str
    request: str
    """PUT (copies too), GET (ranges and heads too) or LIST."""
    what: str
    """Which objects."""


class CountingStore:
    """An `ObjectStore`; safe in threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.step = ""
        self.requests: Counter[Asked] = Counter()
        self.bytes: Counter[Asked] = Counter()
        """That were put."""

    @property
    def uri(self) -> str:
        return self._store.uri

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        self._count("PUT", key, num_bytes=len(data))
        return self._store.put_once(key, data, attempt_id=attempt_id)

    def put(self, key: str, data: bytes) -> None:
        self._count("PUT", key, num_bytes=len(data))
        self._store.put(key, data)

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        self._count("PUT", key, num_bytes=len(data))
        return self._store.replace(key, data, version=version, attempt_id=attempt_id)

    def copy(self, source_key: str, key: str) -> None:
        self._count("PUT", key)
        self._store.copy(source_key, key)

    def get(self, key: str) -> bytes:
        self._count("GET", key)
        return self._store.get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self._count("GET", key)
        return self._store.get_range(key, start, length)

    def head(self, key: str) -> ObjectInfo:
        self._count("GET", key)
        return self._store.head(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for ordinal, info in enumerate(self._store.list(prefix)):
            if ordinal % KEYS_PER_LIST == 0:
                self._count("LIST", prefix)
            yield info

    def delete(self, key: str) -> None:
        self._store.delete(key)

    def probe(self) -> None:
        self._store.probe()

    def _count(self, request: str, key: str, *, num_bytes: int = 0) -> None:
        asked = Asked(step=self.step, request=request, what=kind_of(key))
        with self._lock:
            self.requests[asked] += 1
            self.bytes[asked] += num_bytes


def kind_of(key: str) -> str:
    """ "receipts" of "_builds/main/receipts/4711.json": what stands there, without ids."""
    folders = key.split("/")
    if folders[0] in ("_builds", "_versions"):
        return folders[2].split(".")[0] if len(folders) > 2 and folders[2] else folders[0]
    return folders[0]


def count_requests(folder: Path, num_shards: int) -> CountingStore:
    """Every step of a build of so many shards."""
    config = parse_config(
        {
            "input": {"uri": "/synthetic"},
            "output": {"uri": str(folder)},
            "engine": {"name": "scripted"},
            "plan": {"shard_documents": 1},
        }
    )
    store = CountingStore(open_store(config.output))
    store.step = "plan"
    listed = [page_document(ordinal) for ordinal in range(num_shards)]
    plan = begin_build(store, config, lambda: listed, code_version="bench")
    store.step = "read"
    made = SyntheticStore(open_store(config.output), plan.stamp, config, num_shards=num_shards)
    for shard in plan.shards:
        pages_file = made.get(layout.pages_key(plan.build_id, shard.shard_id))
        commit_shard(store, plan.build_id, shard.shard_id, pages_file, attempt_id="bench")
    store.step = "resume"
    read_receipts(store, plan.build_id)
    store.step = "publish"
    publish(store, config, code_version="bench")
    store.step = "status"
    status(store, plan.build_id)
    store.step = "verify"
    verify(store, plan.build_id)
    return store


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_requests",
        description="Requests and bytes that a shard asks of the store, by step.",
        epilog="example:\n  python -m jobs.bench_requests --sizes 200 1200",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=int, nargs=2, default=[200, 1200], metavar=("FEW", "MANY"), help="shards")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/requests.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    machine = machine_lines()
    few, many = arguments.sizes
    counted = {}
    for size in (few, many):
        started_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="pm") as folder:
            counted[size] = count_requests(Path(folder), size)
        print(f"{size} shards: {time.monotonic() - started_s:.0f} s", file=sys.stderr, flush=True)
    title = f"requests of a shard, from builds of {few:,} and {many:,}"
    print(append_section(arguments.out, title, [*machine, "", *table_of(counted[few], counted[many], many - few), ""]))
    return DONE


def table_of(few: CountingStore, many: CountingStore, num_more: int) -> list[str]:
    """One row for each kind of request that grows with the shards, and the bytes that were put."""
    lines = ["| step | request | objects | of one more shard | bytes put |", "|---|---|---|---|---|"]
    for asked in sorted(many.requests, key=lambda each: (STEPS.index(each.step), each.request, each.what)):
        num_requests = (many.requests[asked] - few.requests[asked]) / num_more
        num_bytes = (many.bytes[asked] - few.bytes[asked]) / num_more
        if num_requests or num_bytes:
            spelled = f"{num_bytes:,.0f}" if num_bytes else ""
            lines.append(f"| {asked.step} | {asked.request} | {asked.what} | {num_requests:.3g} | {spelled} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
