"""`python -m jobs.bench_memory`: is the memory of a build flat over time, for one long document and for many small ones?

Draws both corpora, runs `pagemill build` on each as its users do, and samples every process each second. What Ray says of its
object store (objects, bytes spilled) comes from its own state file. Appends a dated section and draws the curves.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from jobs.bench_section import append_section, machine_lines
from jobs.chart import Curve, Panel, draw
from jobs.command_line import DONE, INCOMPLETE, run_command
from jobs.drawn_pdf import pdf_of
from jobs.process_memory import Sample, peaks_of, watch

SAMPLE_EVERY_S = 1.0
NUM_PARTS = 4
"""Peaks are told for each quarter of a build: memory that grows shows in the last one."""
RAY_FIGURES = {
    "objects in the store": re.compile(r"num local plasma objects: (\d+)"),
    "bytes spilled": re.compile(r"num bytes currently spilled: (\d+)"),
    "spill requests": re.compile(r"cumulative spill requests: (\d+)"),
}
"""In Ray's debug_state.txt, which the raylet writes every ten seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One build, watched."""

    title: str
    elapsed_s: float
    num_pages: int
    samples: Sequence[Sample]
    ray: Mapping[str, int]
    """Peak of each of RAY_FIGURES; empty when Ray wrote no state while the build ran."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_memory",
        description="Memory over time of a build of one long document, and of one of many small ones.",
        epilog="example:\n  python -m jobs.bench_memory --pages 3000 --documents 10000 --set engine.workers=2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pages", type=int, default=3000, help="of the long document")
    parser.add_argument("--documents", type=int, default=10_000, help="small ones, of 1 to 3 pages")
    parser.add_argument("--config", type=Path, default=Path("configs/rehearsal.yaml"))
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/memory.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    runs: list[Run] = []
    for title, sizes in (
        (f"one PDF of {arguments.pages:,} pages", [arguments.pages]),
        (f"{arguments.documents:,} PDFs of 1 to 3 pages", [1 + ordinal % 3 for ordinal in range(arguments.documents)]),
    ):
        machine = machine_lines()
        with tempfile.TemporaryDirectory(prefix="pm", dir="/tmp") as folder:
            draw_corpus(Path(folder) / "corpus", sizes)
            watched = watched_build(arguments, Path(folder), title, sum(sizes))
        if watched is None:
            return INCOMPLETE
        runs.append(watched)
        told = " ".join(arguments.set) or "none"
        settings = f"* pagemill {version('pagemill')}, ray {version('ray')}, {arguments.config.name}, settings: {told}"
        print(append_section(arguments.out, title, [*machine, settings, "", *table_of(watched), ""]))
        arguments.out.with_suffix(".svg").write_text(draw([panel_of(each) for each in runs]), encoding="utf-8")
    return DONE


def draw_corpus(folder: Path, num_pages: Sequence[int]) -> None:
    folder.mkdir()
    for ordinal, pages in enumerate(num_pages):
        (folder / f"{ordinal:06d}.pdf").write_bytes(pdf_of(pages, seed=ordinal))


def watched_build(arguments: argparse.Namespace, folder: Path, title: str, num_pages: int) -> Run | None:
    """None when the build failed; it has said why."""
    settings = [part for setting in arguments.set for part in ("--set", setting)]
    where = ["--input", str(folder / "corpus"), "--output", str(folder / "out")]
    argv = [sys.executable, "-m", "jobs.pagemill", "build", str(arguments.config), *where, *settings]
    figures: list[dict[str, int]] = []
    started_s = time.monotonic()
    environment = {**os.environ, "RAY_TMPDIR": str(folder)}
    build = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=environment)
    samples = watch(build, every_s=SAMPLE_EVERY_S, also=lambda: figures.append(ray_figures(folder)))
    if build.returncode != 0:
        return None
    return Run(
        title=title,
        elapsed_s=time.monotonic() - started_s,
        num_pages=num_pages,
        samples=samples,
        ray=peaks_of(figures),
    )


def ray_figures(ray_folder: Path) -> dict[str, int]:
    """What the raylet last wrote of its object store; empty before it has."""
    try:
        text = (ray_folder / "ray" / "session_latest" / "logs" / "debug_state.txt").read_text(encoding="utf-8")
    except OSError:
        return {}
    return {name: int(found[1]) for name, pattern in RAY_FIGURES.items() if (found := pattern.search(text))}


def table_of(watched: Run) -> list[str]:
    """Peak PSS of each role by quarter of the build, and its peak RSS."""
    peak_rss = peaks_of(sample.resident_bytes for sample in watched.samples)
    quarters = [
        peaks_of(
            sample.own_bytes for sample in watched.samples if part <= NUM_PARTS * sample.at_s / watched.elapsed_s < part + 1
        )
        for part in range(NUM_PARTS)
    ]
    roles = sorted({role for quarter in quarters for role in quarter})
    ray = ", ".join(f"{name} {number:,}" for name, number in watched.ray.items()) or "not written"
    return [
        f"{watched.num_pages:,} pages in {watched.elapsed_s:.0f} s, a sample a second. Peaks that Ray reports: {ray}.",
        "",
        "| process (the largest of its kind) | peak PSS in each quarter of the build, MB | peak RSS, MB |",
        "|---|---|---|",
        *(
            f"| {role} | {' / '.join(f'{quarter.get(role, 0) / 1e6:.0f}' for quarter in quarters)} "
            f"| {f'{peak_rss[role] / 1e6:.0f}' if role in peak_rss else ''} |"
            for role in roles
        ),
    ]


def panel_of(watched: Run) -> Panel:
    roles = sorted({role for sample in watched.samples for role in sample.own_bytes})
    curves = [
        Curve(name=role, points=[(sample.at_s, sample.own_bytes.get(role, 0) / 1e6) for sample in watched.samples])
        for role in roles
    ]
    return Panel(title=watched.title, x_label="seconds", y_label="PSS, MB", curves=curves)


if __name__ == "__main__":
    sys.exit(main())
