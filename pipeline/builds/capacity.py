"""How much so many pages take: pure arithmetic over figures that were measured or assumed (`capacity_figures`).

In: a number of pages, the days that they may take, a Setup (how fast a worker reads, what it holds), prices. Out: a Need.
`jobs/capacity.py` writes `infra/capacity.md` from it. Knows no dataset: `forecast` is for one that exists.
"""

import math
from dataclasses import dataclass

from pipeline.builds.capacity_figures import (
    DOCUMENT_BYTES,
    EFFICIENCY_PERCENT,
    FOOTER_BYTES,
    FRONT_MS,
    GPU_PAGES_PER_DAY,
    INPUT_PAGE_BYTES,
    JUDGED_GETS,
    JUDGED_PUTS,
    KEYS_PER_LIST,
    PAGE_CHARS,
    PAGE_FILE_BYTES,
    PAGES_PER_DOCUMENT,
    PAGES_PER_SHARD,
    PART_MB,
    PPOCR_S,
    READ_PUTS,
    RECEIPT_BYTES,
    RECEIPT_GETS,
    SECONDS_PER_DAY,
    TEXT_MB,
    TEXT_MB_PER_S,
    VERDICT_BYTES,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """A kind of worker."""

    name: str
    pages_per_day: float
    """While its engine reads."""
    gpus: float
    cpus: float
    """Logical CPUs that it holds."""


DEEPSEEK = Setup(name="deepseek-ocr", pages_per_day=GPU_PAGES_PER_DAY.value, gpus=1.0, cpus=2.0)
PPOCR = Setup(name="ppocr", pages_per_day=SECONDS_PER_DAY / PPOCR_S.value, gpus=0.0, cpus=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExamplePrices:
    """An assumption for the page, and no quote; the config's `prices` are yours."""

    currency: str = "USD"
    gpu_hour: float = 2.0
    cpu_hour: float = 0.04
    gb_month: float = 0.023
    million_puts: float = 5.0
    """LISTs are priced as PUTs."""
    million_gets: float = 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What so many pages in so many days take."""

    num_pages: float
    days: float
    num_documents: float
    num_shards: float
    num_workers: int
    gpu_hours: float
    cpu_hours: float
    """Held by workers."""
    front_cores: float
    """Of those, at work on rendering and preparing, of all workers together."""
    publish_cpu_hours: float
    input_bytes: float
    output_bytes: float
    """Pages files and documents; judged rows are a cache and not in it."""
    num_objects: float
    num_puts: float
    num_gets: float
    num_lists: float
    planning_bytes: float
    """Of the driver's memory."""
    publishing_bytes: float

    @property
    def puts_per_s(self) -> float:
        return self.num_puts / (self.days * SECONDS_PER_DAY)

    @property
    def gets_per_s(self) -> float:
        return self.num_gets / (self.days * SECONDS_PER_DAY)

    def worker_cost(self, prices: ExamplePrices) -> float:
        return self.gpu_hours * prices.gpu_hour + (self.cpu_hours + self.publish_cpu_hours) * prices.cpu_hour

    def request_cost(self, prices: ExamplePrices) -> float:
        return ((self.num_puts + self.num_lists) * prices.million_puts + self.num_gets * prices.million_gets) / 1e6

    def month_cost(self, prices: ExamplePrices) -> float:
        """Of keeping what came out for a month."""
        return self.output_bytes / 1e9 * prices.gb_month


def need_of(num_pages: float, days: float, setup: Setup) -> Need:
    """Worked example: a million pages in a day at 200,000 a day and 97.3 % are 1e6 / (200,000 * .973) = 5.14, so 6 GPUs; 5.14
    GPU-days are 123 GPU-hours."""
    num_documents, num_shards = num_pages / PAGES_PER_DOCUMENT, num_pages / PAGES_PER_SHARD
    worker_days = num_pages / (setup.pages_per_day * EFFICIENCY_PERCENT.value / 100)
    text_mb = num_pages * PAGE_CHARS.value / 1e6
    num_parts = math.ceil(text_mb / 640)
    puts_per_shard = 1 + READ_PUTS.value + JUDGED_PUTS.value
    gets_per_shard = 2 * RECEIPT_GETS.value + JUDGED_GETS.value + 1
    lists = 2 * num_shards / KEYS_PER_LIST
    return Need(
        num_pages=num_pages,
        days=days,
        num_documents=num_documents,
        num_shards=num_shards,
        num_workers=math.ceil(worker_days / days),
        gpu_hours=worker_days * 24 * setup.gpus,
        cpu_hours=worker_days * 24 * setup.cpus,
        front_cores=num_pages / (days * SECONDS_PER_DAY) * FRONT_MS.value / 1000 if setup.gpus else 0.0,
        publish_cpu_hours=text_mb / TEXT_MB_PER_S.value / 3600,
        input_bytes=num_pages * INPUT_PAGE_BYTES.value,
        output_bytes=num_pages * PAGE_FILE_BYTES.value
        + num_shards * FOOTER_BYTES.value
        + text_mb * 1e6 * PART_MB.value / TEXT_MB.value,
        num_objects=num_shards * puts_per_shard + num_parts,
        num_puts=num_shards * puts_per_shard + num_parts,
        num_gets=num_shards * gets_per_shard + num_documents,
        num_lists=lists,
        planning_bytes=num_documents * DOCUMENT_BYTES.value + num_shards * RECEIPT_BYTES.value,
        publishing_bytes=num_documents * VERDICT_BYTES.value,
    )
