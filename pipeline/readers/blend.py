"""Several tables in one order, by weight: which table stands at a position, and how many of its samples stood before.

In: weights and the numbers of rows. Out: arrays over positions. A pattern of 10,000 positions, in which each table stands as
often as its weight says and as evenly as can be, is repeated without end: after every 10,000 samples the shares are exact
(weights of up to four digits are kept exactly), and between them no table is ever more than one sample per other table off.
A position is looked up, not counted to, so resume costs nothing. Each table counts its epochs by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.errors import ConfigError
from pipeline.readers.order import Int64

PATTERN_SAMPLES = 10_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Blend:
    """The pattern of P positions over T tables."""

    table_P: npt.NDArray[np.int64]
    """Which table stands at each position."""
    before_P: Int64
    """How many samples of the same table stand before it in the pattern."""
    samples_T: Int64
    """How many samples of each table a pattern holds."""
    rows_T: Int64
    """How many rows each table has: its epoch."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Places:
    """What stands at S positions."""

    table_S: Int64
    epoch_S: Int64
    position_S: Int64
    """Within the epoch of the table."""


def blend(weights: Sequence[float], rows: Sequence[int]) -> Blend:
    """Raises ConfigError for weights that are not positive, or below 1/10,000 of the whole, and for a table of no rows."""
    if len(weights) != len(rows) or not rows:
        raise ConfigError(f"{len(weights)} weights were given for {len(rows)} tables; give one for each table")
    if min(rows) < 1:
        raise ConfigError(f"table {list(rows).index(min(rows))} has no row to read; loosen its conditions or leave it out")
    if len(rows) == 1:
        return _pattern(np.ones(1, dtype=np.int64), np.array(rows, dtype=np.int64))
    if not all(np.isfinite(weights)) or min(weights) <= 0:
        raise ConfigError(f"weights {list(weights)}: each must be above 0; leave a table out instead")
    exact = np.array(weights, dtype=np.float64) / sum(weights) * PATTERN_SAMPLES
    samples = np.floor(exact + 1e-9).astype(np.int64)
    most_cut = np.argsort(samples - exact, kind="stable")
    samples[most_cut[: PATTERN_SAMPLES - samples.sum()]] += 1
    if samples.min() < 1:
        raise ConfigError(
            f"weights {list(weights)}: the smallest is below 1/{PATTERN_SAMPLES} of their sum and would never be read"
        )
    return _pattern(samples, np.array(rows, dtype=np.int64))


def _pattern(samples_T: Int64, rows_T: Int64) -> Blend:
    """Sample i of the k of a table wants to stand at (i + 1/2) / k of the pattern."""
    table = np.repeat(np.arange(samples_T.size), samples_T)
    before = np.concatenate([np.arange(k) for k in samples_T])
    by_place = np.argsort((before + 0.5) / samples_T[table], kind="stable")
    return Blend(table_P=table[by_place], before_P=before[by_place], samples_T=samples_T, rows_T=rows_T)


def epochs_before(blended: Blend, end: int) -> Int64:
    """For each table, how many of its epochs are begun before position `end`."""
    patterns, rest = divmod(end, blended.table_P.size)
    begun = np.bincount(blended.table_P[:rest], minlength=blended.rows_T.size)
    return -(-(patterns * blended.samples_T + begun) // blended.rows_T)


def places_of(blended: Blend, positions_S: Int64) -> Places:
    """What stands at these positions of the endless order."""
    pattern, offset = np.divmod(positions_S, blended.table_P.size)
    table = blended.table_P[offset]
    nth = pattern * blended.samples_T[table] + blended.before_P[offset]
    epoch, position = np.divmod(nth, blended.rows_T[table])
    return Places(table_S=table, epoch_S=epoch, position_S=position)
