"""What earlier builds have shown: pages in so many bytes, and how fast workers of a recipe read them.

In: the store of a dataset and the config of the build that is planned. Out: an Experience, which says what it rests on. Pages
in bytes are learned from every recent build, speed only from builds of the same recipe: another engine or resolution says
nothing of it. Where there is nothing to learn from, typical figures stand in, and are called so. Reads the plan, the receipts
and the journal of up to RECENT_BUILDS builds and of this one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.builds.begin import find_plan, read_plan
from pipeline.builds.commit import leaf_shards, read_receipts
from pipeline.builds.cost import NO_TIME, WorkerTime, build_times, read_spans
from pipeline.builds.ledger import read_manifest
from pipeline.builds.past import past_builds
from pipeline.builds.plan import BuildPlan
from pipeline.builds.recipe import recipe_id, recipe_of
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.receipts import ShardReceipt

RECENT_BUILDS = 5
"""A plan of a million documents takes 12 s to read (`infra/benchmarks/scale.md`), and older builds say less about today's."""
TYPICAL_BYTES_PER_PAGE = 100_000
"""Mean of 159 single pages of crawled PDFs (the olmOCR-bench sample): 105,811 bytes."""
TYPICAL_BYTES_PER_PAGE_RANGE = (7_000, 240_000)
"""Born-digital manuals, and colour scans."""
TYPICAL_SECONDS_PER_PAGE = {"ppocr": 1.5, "scripted": 0.06, "deepseek-ocr": 0.42, "deepseek-ocr-2": 0.42, "olmocr-2": 0.3}
"""Of one worker. ppocr: one core (`infra/benchmarks/ppocr.md`). scripted: rendering alone, 35 pages a second on two cores
(`configs/rehearsal.yaml`). The others on one GPU by their makers' word, not ours: 200,000 pages a day (DeepSeek-OCR's paper,
A100), 3.64 pages a second (a 7 B Qwen2.5-VL on vLLM, FinePDFs)."""
TYPICAL_SPEED_FACTOR = 2.0
"""A typical speed is shown as a range from half to twice it: an assumption, since nobody has measured on these machines."""
TYPICAL_FILE_BYTES_PER_PAGE = 9_000
"""Of a pages file, with line boxes, as ppocr gives them; text alone has 900 (`infra/benchmarks/forecast.md`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardSample:
    """One shard that was read."""

    size_bytes: int
    """Of its documents."""
    num_pages: int
    engine_s: float
    """That its pages report."""
    file_bytes: int
    """Of its pages file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How workers of one recipe spend their time."""

    busy_s_per_page: float
    working_fraction: float
    """Busy, of the time between the open engine and the tail: the rest waits for pages, judges and puts."""
    opening_s: float
    """Of one worker, once."""
    tail_s: float
    """Of one worker, once: others still read when nothing is left for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experience:
    """Empty samples, or no pace: nothing was read yet, or nothing with this recipe."""

    samples: Sequence[ShardSample]
    """For pages in bytes."""
    pace: Pace | None
    paced: Sequence[ShardSample]
    """The shards behind `pace`, for its spread."""
    basis: str
    """For people."""


def read_experience(store: ObjectStore, config: BuildConfig) -> Experience:
    """Of the dataset that the config writes to. Raises StoreError, VerifyError."""
    recipe = recipe_id(recipe_of(config))
    samples: list[ShardSample] = []
    paced: list[ShardSample] = []
    time, num_workers = NO_TIME, 0
    build_ids = []
    for plan, receipts in _recent(store, config.build_id):
        of_build = list(samples_of(plan, receipts))
        samples += of_build
        if of_build and recipe_id(plan.stamp.recipe) == recipe:
            build_ids.append(plan.build_id)
            paced += of_build
            for of_worker in build_times(read_spans(store, plan.build_id), receipts):
                time, num_workers = time + of_worker, num_workers + 1
    return Experience(
        samples=samples, pace=pace_of(time, num_workers, paced), paced=paced, basis=_basis(samples, paced, build_ids)
    )


def samples_of(plan: BuildPlan, receipts: Sequence[ShardReceipt]) -> Iterator[ShardSample]:
    """Every shard of a plan that has a receipt; a split one by its halves."""
    by_id = {receipt.shard_id: receipt for receipt in receipts}
    for shard in leaf_shards(plan, by_id):
        if shard.shard_id in by_id:
            receipt = by_id[shard.shard_id]
            yield ShardSample(
                size_bytes=shard.size_bytes,
                num_pages=receipt.num_rows,
                engine_s=receipt.times.engine_busy_s,
                file_bytes=receipt.size_bytes,
            )


def pace_of(time: WorkerTime, num_workers: int, paced: Iterable[ShardSample]) -> Pace | None:
    """`time` is summed over `num_workers`. None when no page was read."""
    num_pages = sum(sample.num_pages for sample in paced)
    working_s = time.busy_s + time.waiting_s
    if not num_pages or not time.busy_s:
        return None
    return Pace(
        busy_s_per_page=time.busy_s / num_pages,
        working_fraction=time.busy_s / working_s,
        opening_s=time.opening_s / num_workers,
        tail_s=time.tail_s / num_workers,
    )


def _recent(store: ObjectStore, build_id: str) -> Iterator[tuple[BuildPlan, Sequence[ShardReceipt]]]:
    """The newest finished builds, and what is read of this one."""
    finished = [build.build_id for build in past_builds(store) if build.is_finished and build.build_id != build_id]
    for each in finished[-RECENT_BUILDS:]:
        yield read_plan(store, each), read_manifest(store, each).receipts
    if planned := find_plan(store, build_id):
        yield planned, list(read_receipts(store, build_id).values())


def _basis(samples: Sequence[ShardSample], paced: Sequence[ShardSample], build_ids: Sequence[str]) -> str:
    if not sum(sample.num_pages for sample in samples):
        return "typical figures for pages and speed; rough until a build has begun"
    pages = f"{sum(sample.num_pages for sample in samples):,} pages in {len(samples):,} shards read before"
    if not sum(sample.num_pages for sample in paced):
        return f"{pages}; typical figures for speed, since no build of this recipe has read anything"
    return f"{pages}; speed of {sum(sample.num_pages for sample in paced):,} pages of this recipe ({', '.join(build_ids)})"
