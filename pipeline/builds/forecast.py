"""What a build is going to take, before it is read: pages, hours, money, objects, as ranges.

In: the shards that are to be read, what earlier builds have shown (`experience`), the engine's config and prices. Out: a
Forecast. Pure, and the same for the same input: chance is seeded.

    pages   = bytes * pages per byte, at least one a document
    reading = opening + pages * busy seconds per page / (working fraction * workers) + tail
    hours   = workers * reading * GPUs (CPUs) of one

The middle is these formulas over everything that was read before. The range is from the 10 % to the 90 % quantile of DRAWS
repetitions, each with shards drawn anew, with replacement, from those that were read (a bootstrap, so it needs no shape of
distribution), and with as many as are to be read, for a small corpus varies more than a large one. Few shards are all alike: a
spread that falls with their number stands in for the corpora that they have not seen. It knows nothing of a corpus that has
changed its kind since, or of a giant document in it whose like was never read; the longest one of those to read bounds the time
from below. One worker more than shards holds nothing. Ray's start and publishing are not in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.builds.cost import SECONDS_PER_HOUR, cost_of
from pipeline.builds.experience import (
    TYPICAL_BYTES_PER_PAGE,
    TYPICAL_BYTES_PER_PAGE_RANGE,
    TYPICAL_FILE_BYTES_PER_PAGE,
    TYPICAL_SECONDS_PER_PAGE,
    TYPICAL_SPEED_FACTOR,
    Experience,
    Pace,
    ShardSample,
)
from pipeline.config import EngineConfig, PricesConfig
from pipeline.receipts import Shard

Draws = NDArray[np.float64]

DRAWS = 400
QUANTILES = (0.1, 0.9)
SEED = 20261127
MOST_SHARDS_DRAWN = 1_000
"""To be read: more of them vary less than what is known of them."""
UNSEEN_SIGMA = 0.5
"""Of the logarithm of pages in bytes, between one folder and another, as in `jobs/simulated_corpus.py`; with n shards read it
counts 1 / sqrt(n)."""
UNSEEN_SPEED_SIGMA = 0.15
"""Of seconds a page between shards, as in `jobs/simulate.py`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What is to be read."""

    num_documents: int
    num_bytes: int
    num_shards: int
    largest_bytes: int
    """Of one document: one worker reads it alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """`low` and `high` are the 10 % and 90 % quantiles; `low <= middle <= high`."""

    low: float
    middle: float
    high: float

    def times(self, factor: float) -> "Range":
        return Range(low=self.low * factor, middle=self.middle * factor, high=self.high * factor)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    work: Work
    num_workers: int
    """Of those that the config asks for, as many as there are shards."""
    num_pages: Range
    reading_s: Range
    """From the start of the workers to the last receipt."""
    gpu_hours: Range
    cpu_hours: Range
    cost: Range | None
    """In the currency of the prices; None without them."""
    file_bytes: Range
    """Of all pages files."""
    basis: str


def work_of(shards: Iterable[Shard]) -> Work:
    """One pass over the documents."""
    num_documents = num_bytes = num_shards = largest_bytes = 0
    for shard in shards:
        num_shards += 1
        for document in shard.documents:
            num_documents += 1
            num_bytes += document.size_bytes
            largest_bytes = max(largest_bytes, document.size_bytes)
    return Work(num_documents=num_documents, num_bytes=num_bytes, num_shards=num_shards, largest_bytes=largest_bytes)


def forecast(work: Work, experience: Experience, *, engine: EngineConfig, prices: PricesConfig | None) -> Forecast:
    """Nothing to read takes nothing."""
    chance = np.random.default_rng(SEED)
    num_workers = min(engine.workers, work.num_shards)
    pages_per_byte = _pages_per_byte(experience.samples, work, chance)
    seconds_per_page = _seconds_per_page(experience, engine, chance)
    file_bytes_per_page = _file_bytes_per_page(experience.samples)
    pace = experience.pace or Pace(busy_s_per_page=0.0, working_fraction=1.0, opening_s=0.0, tail_s=0.0)
    num_pages = np.maximum(work.num_documents, work.num_bytes * pages_per_byte)
    longest_pages = np.maximum(min(1, work.num_documents), work.largest_bytes * pages_per_byte)
    busy_s = np.maximum(num_pages / max(1, num_workers), longest_pages) * seconds_per_page
    once_s = pace.opening_s + pace.tail_s if work.num_shards else 0.0
    reading_s = _range(once_s + busy_s / pace.working_fraction)
    worker_hours = reading_s.times(num_workers / SECONDS_PER_HOUR)
    hour_cost = cost_of(SECONDS_PER_HOUR, gpus=engine.gpus, cpus=engine.cpus, prices=prices)
    return Forecast(
        work=work,
        num_workers=num_workers,
        num_pages=_range(num_pages),
        reading_s=reading_s,
        gpu_hours=worker_hours.times(engine.gpus),
        cpu_hours=worker_hours.times(engine.cpus),
        cost=None if hour_cost is None else worker_hours.times(hour_cost),
        file_bytes=_range(num_pages * file_bytes_per_page),
        basis=experience.basis,
    )


def _pages_per_byte(samples: Sequence[ShardSample], work: Work, chance: np.random.Generator) -> Draws:
    """The middle first, then DRAWS others."""
    size_bytes, num_pages = (np.array([getattr(each, name) for each in samples], float) for name in ("size_bytes", "num_pages"))
    if not num_pages.sum():
        fewest, most = TYPICAL_BYTES_PER_PAGE_RANGE
        spread = np.exp(chance.uniform(np.log(fewest), np.log(most), DRAWS))
        return 1 / np.concatenate([[TYPICAL_BYTES_PER_PAGE], spread])
    known = _drawn_ratios(num_pages, size_bytes, len(samples), chance)
    to_come = _drawn_ratios(num_pages, size_bytes, min(max(1, work.num_shards), MOST_SHARDS_DRAWN), chance)
    whole = num_pages.sum() / size_bytes.sum()
    return np.concatenate([[whole], known * to_come / whole * _unseen(UNSEEN_SIGMA, len(samples), chance)])


def _seconds_per_page(experience: Experience, engine: EngineConfig, chance: np.random.Generator) -> Draws:
    """Engine seconds, the middle first."""
    if experience.pace is None:
        typical_s = TYPICAL_SECONDS_PER_PAGE[engine.name]
        factors = np.exp(chance.uniform(-np.log(TYPICAL_SPEED_FACTOR), np.log(TYPICAL_SPEED_FACTOR), DRAWS))
        return typical_s * np.concatenate([[1.0], factors])
    engine_s = np.array([sample.engine_s for sample in experience.paced], float)
    num_pages = np.array([sample.num_pages for sample in experience.paced], float)
    spread = np.ones(DRAWS)
    if engine_s.sum():
        spread = _drawn_ratios(engine_s, num_pages, len(engine_s), chance) / (engine_s.sum() / num_pages.sum())
    unseen = _unseen(UNSEEN_SPEED_SIGMA, len(engine_s), chance)
    return experience.pace.busy_s_per_page * np.concatenate([[1.0], spread * unseen])


def _file_bytes_per_page(samples: Sequence[ShardSample]) -> float:
    num_pages = sum(sample.num_pages for sample in samples)
    return sum(sample.file_bytes for sample in samples) / num_pages if num_pages else TYPICAL_FILE_BYTES_PER_PAGE


def _drawn_ratios(above: Draws, below: Draws, num_drawn: int, chance: np.random.Generator) -> Draws:
    """Ratios of sums over `num_drawn` shards, DRAWS times; a draw of nothing but empty shards counts as the whole."""
    drawn = chance.integers(0, len(above), (DRAWS, num_drawn))
    sums_above, sums_below = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
    whole = above.sum() / below.sum()
    ratios = np.full(DRAWS, whole)
    np.divide(sums_above, sums_below, out=ratios, where=(sums_above > 0.0) & (sums_below > 0.0))
    return ratios


def _unseen(sigma: float, num_samples: int, chance: np.random.Generator) -> Draws:
    return np.exp(chance.normal(0.0, sigma / np.sqrt(num_samples), DRAWS))


def _range(draws: Draws) -> Range:
    """The middle stands first and is inside, however the quantiles fall."""
    middle = float(draws[0])
    low, high = (float(quantile) for quantile in np.quantile(draws[1:], QUANTILES))
    return Range(low=min(low, middle), middle=middle, high=max(high, middle))
