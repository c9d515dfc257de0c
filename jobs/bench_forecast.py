"""`python -m jobs.bench_forecast`: how far forecasts of pages are off, on the documents of a dataset that was read.

Of every document the true pages stand in the footers of the dataset's pages files. Again and again some documents are taken for
a first build, drawn at random or neighbours by name, the others for the next one; both are cut into shards as a build would
cut them, the next one is forecast from the first, and held against its true pages. Reads footers alone, and opens no document.
Appends a dated section to infra/benchmarks/forecast.md.
"""

import argparse
import math
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, run_command
from pipeline.builds import layout
from pipeline.builds.experience import Experience, ShardSample
from pipeline.builds.footers import get_footer
from pipeline.builds.forecast import Range, forecast, work_of
from pipeline.builds.listing import listing_of
from pipeline.builds.plan import plan_shards
from pipeline.config import PlanConfig, ScriptedConfig, StoreConfig
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard
from pipeline.records import DocumentRef
from pipeline.store import open_store
from pipeline.tables.footer import head_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One forecast beside the truth."""

    num_shards_read: int
    expected: Range
    true_pages: int

    @property
    def is_inside(self) -> bool:
        return self.expected.low <= self.true_pages <= self.expected.high

    @property
    def off_times(self) -> float:
        """How many times the middle is too large or too small."""
        return math.exp(abs(math.log(self.expected.middle / self.true_pages)))


def pages_of(store: ObjectStore) -> dict[DocumentRef, int]:
    """Of every document that was opened."""
    found: dict[DocumentRef, int] = {}
    for info in store.list("pages/"):
        if layout.PAGES_KEY.fullmatch(info.key):
            opened = head_of(get_footer(store, info.key, info.size_bytes)).documents.opened
            found.update((each.document, each.num_pages) for each in opened)
    return found


def try_drawn(pages: Mapping[DocumentRef, int], num_first: int, plan: PlanConfig, chance: random.Random) -> Trial:
    """The first build is of documents from everywhere."""
    documents = sorted(pages, key=lambda document: document.uri)
    chance.shuffle(documents)
    return _trial(pages, documents[:num_first], documents[num_first:], plan)


def try_neighbours(pages: Mapping[DocumentRef, int], num_first: int, plan: PlanConfig, chance: random.Random) -> Trial:
    """The first build is a stretch of the names."""
    documents = sorted(pages, key=lambda document: document.uri)
    start = chance.randrange(len(documents) - num_first)
    end = start + num_first
    return _trial(pages, documents[start:end], [*documents[:start], *documents[end:]], plan)


def _trial(
    pages: Mapping[DocumentRef, int], first: Sequence[DocumentRef], rest: Sequence[DocumentRef], plan: PlanConfig
) -> Trial:
    samples = [_sample(shard, pages) for shard in plan_shards(listing_of(first), config=plan)]
    experience = Experience(samples=samples, pace=None, paced=(), basis="")
    work = work_of(plan_shards(listing_of(rest), config=plan))
    expected = forecast(work, experience, engine=ScriptedConfig(), prices=None).num_pages
    return Trial(num_shards_read=len(samples), expected=expected, true_pages=sum(pages[each] for each in rest))


def _sample(shard: Shard, pages: Mapping[DocumentRef, int]) -> ShardSample:
    num_pages = sum(pages[document] for document in shard.documents)
    return ShardSample(size_bytes=shard.size_bytes, num_pages=num_pages, engine_s=0.0, file_bytes=0)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_forecast",
        description="How far forecasts of pages are off, on the documents of a dataset that was read.",
        epilog="example:\n  python -m jobs.bench_forecast out/papers --first 10 30 100",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("datasets", nargs="+", help="folders or s3:// prefixes, a row for each")
    parser.add_argument("--first", type=int, nargs="+", default=[10, 30, 100], help="documents of the first build")
    parser.add_argument("--shard-bytes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--most-pages", type=int, default=10**9, help="documents with more are left out")
    parser.add_argument("--title", default="forecasts of pages beside the truth")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/forecast.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    plan = PlanConfig(shard_bytes=arguments.shard_bytes)
    lines = [
        "| documents | pages | first build | shards of it | truth inside | middle off, median (90 %) | high / low, median |",
        "|---|---|---|---|---|---|---|",
    ]
    sizes = []
    for uri in arguments.datasets:
        store = open_store(StoreConfig(uri=uri))
        known = pages_of(store)
        sizes.append(_sizes(Path(uri).name, store, sum(known.values())))
        pages = {document: count for document, count in known.items() if count <= arguments.most_pages}
        for num_first in arguments.first:
            for how, trying in (("drawn", try_drawn), ("neighbours", try_neighbours)):
                trials = [trying(pages, num_first, plan, random.Random(seed)) for seed in range(arguments.rounds)]
                told = f"| {len(pages)} of {Path(uri).name} | {sum(pages.values()):,} | {num_first} {how} "
                lines.append(told + _row(trials))
    print(
        append_section(
            arguments.out, arguments.title, [*machine_lines(), f"* {arguments.rounds} rounds", *sizes, "", *lines, ""]
        )
    )
    return DONE


def _sizes(name: str, store: ObjectStore, num_pages: int) -> str:
    """What a page takes of a pages file, and what a file takes beside its pages. The last 8 bytes are the footer's length and
    `PAR1`."""
    infos = list(store.list("pages/"))
    tails = [get_footer(store, info.key, info.size_bytes) for info in infos]
    footer_bytes = sum(int.from_bytes(tail[-8:-4], "little") + 8 for tail in tails)
    page_bytes = (sum(info.size_bytes for info in infos) - footer_bytes) / num_pages
    told = f"* {name}: {num_pages:,} pages of {page_bytes:,.0f} bytes each in {len(infos):,} pages files"
    return f"{told}, and {footer_bytes / len(infos):,.0f} bytes of footer a file"


def _row(trials: Sequence[Trial]) -> str:
    off = sorted(trial.off_times for trial in trials)
    widths = [trial.expected.high / trial.expected.low for trial in trials]
    inside = statistics.mean(trial.is_inside for trial in trials)
    shards = statistics.median(trial.num_shards_read for trial in trials)
    told_off = f"{statistics.median(off):.2f} ({off[len(off) * 9 // 10]:.2f})"
    return f"| {shards:.0f} | {inside:.0%} | {told_off} | {statistics.median(widths):.1f} |"


if __name__ == "__main__":
    sys.exit(main())
