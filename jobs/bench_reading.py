"""`python -m jobs.bench_reading CORPUS`: how fast a version is read, beside other readers, on the same files, in turns.

Writes about 1 GB of text as publishing would (`bench_reading_data.py`), the copy that MosaicML Streaming needs and a version of
10,000 files; then lets every reader read all of it, each in a process of its own, one after another, round after round
(`bench_reading_readers.py`). Peers live in environments of their own, of which only the interpreters are named. With
`--rclone` it is read over S3 from this machine. Appends a dated section. On a machine that others use, CPU seconds tell more.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobs.bench_reading_data import VERSION, page_texts, write_version
from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, run_command
from pipeline.errors import ConfigError
from pipeline.readers.groups import index_bytes, index_files, index_key, list_files
from pipeline.store import FolderStore

ROOT = Path(__file__).resolve().parent.parent
READERS_FILE = ROOT / "jobs" / "bench_reading_readers.py"
OWN = "pagemill"
CEILING = "pyarrow iter_batches, as strings"
LOCAL = {
    OWN: "own",
    CEILING: "own",
    "pagemill, in file order": "own",
    "datasets, streaming": "peers",
    "datasets, streaming, shuffled": "peers",
    "litdata on Parquet": "peers",
    "mosaicml-streaming on its MDS copy": "mds",
    "pyarrow iter_batches, Arrow only": "own",
    "pagemill, 2 loader workers": "peers",
    "datasets, shuffled, 2 loader workers": "peers",
}
"""Each reader, and whose interpreter runs it."""
OVER_S3 = (
    OWN,
    CEILING,
    "pagemill, in file order",
    "datasets, streaming",
    "datasets, streaming, shuffled",
    "litdata on Parquet",
    "mosaicml-streaming on its MDS copy",
)
PARQUET_PEERS = ("datasets, streaming", "datasets, streaming, shuffled", "litdata on Parquet")
PORT = 9753
NUM_MANY_FILES = 10_000
MANY_TEXT_BYTES = 2_000_000
"""Of each of them; they are one file under many names, which no cache but that of the system can tell."""
Figures = Mapping[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_reading",
        description="Reading speed beside other readers.",
        epilog="example:\n  python -m jobs.bench_reading ~/corpus --peers .venv-peers/bin/python --mds .venv-mds/bin/python",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("corpus", type=Path, help="a folder of real documents with truth beside them")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir(), "bench_reading"), help="kept for the next run"
    )
    parser.add_argument("--text-bytes", type=int, default=1_000_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    needs = "datasets, s3fs, litdata, polars, torch, torchdata, pydantic, PyYAML and boto3"
    parser.add_argument("--peers", default=sys.executable, help=f"interpreter with {needs}")
    parser.add_argument("--mds", default=sys.executable, help="interpreter with mosaicml-streaming and pyarrow")
    parser.add_argument("--rclone", help="the rclone program: read over S3 from this machine, not from the folder")
    parser.add_argument("--title", default="reading a version")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/reading.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    machine = machine_lines()
    interpreters = {"own": sys.executable, "peers": arguments.peers, "mds": arguments.mds}
    place = arguments.folder / "version"
    many = arguments.folder / "many"
    prepare(arguments, place, many)
    if arguments.rclone:
        with s3_server(arguments.rclone, arguments.folder):
            figures = in_turns({name: LOCAL[name] for name in OVER_S3}, "s3://version", interpreters, arguments.rounds)
            resumed = [_figures([sys.executable, str(READERS_FILE), "resume", "s3://many"]) for _ in range(arguments.rounds)]
        where = "over S3, from `rclone serve s3` on the same two cores"
    else:
        figures = in_turns(LOCAL, str(place), interpreters, arguments.rounds)
        resumed = [_figures([sys.executable, str(READERS_FILE), "resume", str(many)]) for _ in range(arguments.rounds)]
        where = "from a folder"
    data = [*_data_lines(place), f"* read {where}, load after the run {' '.join(f'{value:.1f}' for value in os.getloadavg())}"]
    lines = [*machine, *data, "", *_table(figures), "", *_ratio_lines(figures), "", *_resume_lines(resumed), ""]
    print(append_section(arguments.out, arguments.title, lines))
    return DONE


def prepare(arguments: argparse.Namespace, place: Path, many: Path) -> None:
    """What is there already is kept."""
    if not place.exists():
        pages = page_texts(arguments.corpus)
        sizes = {"part_bytes": 256_000_000, "row_group_bytes": 64_000_000}
        write_version(FolderStore(root=place), pages, text_bytes=arguments.text_bytes, **sizes)
        one = {"part_bytes": MANY_TEXT_BYTES, "row_group_bytes": MANY_TEXT_BYTES // 2}
        write_version(FolderStore(root=many), pages, text_bytes=MANY_TEXT_BYTES, **one)
        _multiply(FolderStore(root=many))
        shutil.copytree(place / f"documents/version={VERSION}", f"{place}-litdata", copy_function=os.link)
        subprocess.run([arguments.mds, str(READERS_FILE), "write-mds", str(place)], check=True, env=_environment())


def _multiply(store: FolderStore) -> None:
    """One file under 10,000 names, and the index of them all."""
    prefix = f"documents/version={VERSION}/"
    for number in range(1, NUM_MANY_FILES):
        store.copy(f"{prefix}part-00000.parquet", f"{prefix}part-{number:05d}.parquet")
    store.put(index_key(VERSION), index_bytes(index_files(store, list_files(store, prefix))))


def in_turns(readers: Mapping[str, str], place: str, interpreters: Mapping[str, str], rounds: int) -> dict[str, list[Figures]]:
    figures: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(rounds):
        for name, whose in readers.items():
            figures[name].append(_figures([interpreters[whose], str(READERS_FILE), name, place]))
            print(f"{place} {name}: {json.dumps(figures[name][-1])}", file=sys.stderr)
    return figures


def _figures(argv: Sequence[str]) -> Figures:
    """Each run has a place of its own for what it caches, so that none finds what another has fetched. Raises ConfigError."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**_environment(), "TMPDIR": scratch})
    if done.returncode:
        last_words = done.stderr.strip().rpartition("\n")[2]
        raise ConfigError(f"{' '.join(argv)} ended with {done.returncode}: {last_words}; has its interpreter all it needs?")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@contextmanager
def s3_server(rclone: str, folder: Path) -> Iterator[None]:
    """The folders below `folder` as buckets; the credentials of this process are those of the server meanwhile."""
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "benchbench", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys, BENCH_ENDPOINT=f"http://127.0.0.1:{PORT}", AWS_RESPONSE_CHECKSUM_VALIDATION="when_required")
    argv = [rclone, "serve", "s3", "--addr", f"127.0.0.1:{PORT}", "--auth-key", "bench,benchbench", str(folder)]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(3)
        yield
    finally:
        server.terminate()
        server.wait()


def _table(figures: Mapping[str, Sequence[Figures]]) -> list[str]:
    num_chars = max(each["chars"] for rounds in figures.values() for each in rounds)
    head = ["| reader | M characters/s, median (range) | CPU s | first sample, s | peak MB |", "|---|---|---|---|---|"]
    return [*head, *(_row(name, rounds, num_chars) for name, rounds in figures.items())]


def _row(name: str, rounds: Sequence[Figures], num_chars: float) -> str:
    speeds = sorted(num_chars / each["elapsed_s"] / 1e6 for each in rounds)
    median = {key: statistics.median(each[key] for each in rounds) for key in ("cpu_s", "first_s", "peak_mb")}
    speed = f"{statistics.median(speeds):.0f} ({speeds[0]:.0f}-{speeds[-1]:.0f})"
    return f"| {name} | {speed} | {median['cpu_s']:.2f} | {median['first_s']:.2f} | {median['peak_mb']:.0f} |"


def _ratio_lines(figures: Mapping[str, Sequence[Figures]]) -> list[str]:
    """Medians of the ratios of each round, of which both terms saw the same weather; CPU seconds see less of it."""
    peers = [name for name in PARQUET_PEERS if name in figures]
    best = min(peers, key=lambda name: statistics.median(each["elapsed_s"] for each in figures[name]))
    against = {CEILING: "the ceiling", best: f"the best peer that reads Parquet ({best})"}
    return [
        f"* {name}: {_ratio(figures[other], figures[name], 'elapsed_s'):.2f} of the speed of {said}, with "
        f"{_ratio(figures[name], figures[other], 'cpu_s'):.2f} of its CPU seconds"
        for name in (OWN, "pagemill, in file order")
        for other, said in against.items()
    ]


def _ratio(over: Sequence[Figures], under: Sequence[Figures], key: str) -> float:
    return statistics.median(each[key] / other[key] for each, other in zip(over, under, strict=True))


def _data_lines(place: Path) -> list[str]:
    sizes = [path.stat().st_size for path in (place / f"documents/version={VERSION}").glob("*.parquet")]
    return [
        f"* {len(sizes)} Parquet files, {sum(sizes) / 1e6:.0f} MB (zstd 3), row groups of 64 MB, all columns of `documents`"
    ]


def _resume_lines(resumed: Sequence[Figures]) -> list[str]:
    first = statistics.median(each["first_s"] for each in resumed)
    batch = statistics.median(each["batch_s"] for each in resumed)
    files, rows = resumed[0]["files"], resumed[0]["rows"]
    return [
        f"Resume in the middle of {files:,.0f} files ({rows:,.0f} rows), from nothing open: first sample after "
        f"{first:.2f} s, 32 more from 32 lanes after {batch:.2f} s."
    ]


if __name__ == "__main__":
    sys.exit(main())
