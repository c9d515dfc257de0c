"""The steps in which each signal is counted and its thresholds move in a report, and signals as numbers of steps.

In: values of a signal, as float64. Out: codes, uint16: how many points of the scale lie below a value plus how many do not lie
above it, so 2i + 1 is the i-th point itself, 2i + 2 lies between it and the next, and UNKNOWN is no value. With a threshold on
a point, `value < point[i]` is `code < 2i + 1`, exactly, for each value that a build can hold: two bytes decide as eight would.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.config import PageRules

UNKNOWN = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Points (first + n * stride) / per_unit up to last / per_unit: a quotient of whole numbers is the float that stands in
    YAML as its decimals, 3 / 10 is 0.3."""

    first: int
    last: int
    stride: int = 1
    per_unit: int = 1

    def points(self, extra: Iterable[float]) -> npt.NDArray[np.float64]:
        """Ascending, with `extra` ones between: the thresholds that stand in a config."""
        steps = np.arange(self.first, self.last + 1, self.stride) / self.per_unit
        return np.unique(np.concatenate([steps, np.array(list(extra), dtype=np.float64)]))


FRACTION = Scale(first=0, last=1000, per_unit=1000)
SMALL_COUNT = Scale(first=1, last=100)
COUNT = Scale(first=0, last=5000, stride=5)
SCALES: Mapping[str, Scale] = {
    "tail_repeats": SMALL_COUNT,
    "tail_repeat_chars": COUNT,
    "equal_line_run": SMALL_COUNT,
    "equal_line_run_chars": COUNT,
    "zlib_fraction": FRACTION,
    "num_chars": COUNT,
    "dup_10gram_fraction": FRACTION,
    "num_words": Scale(first=0, last=1000, stride=1),
    "garbled_fraction": FRACTION,
    "mean_word_chars": Scale(first=0, last=500, per_unit=10),
    "num_letters": COUNT,
    "language_score_fraction": Scale(first=0, last=200, per_unit=100),
    "confidence": FRACTION,
    "mean_logprob": Scale(first=-500, last=0, per_unit=100),
    "layer_recall": FRACTION,
    "layer_precision": FRACTION,
    "layer_chars": COUNT,
    "layer_garbled_fraction": FRACTION,
    "layer_hidden_fraction": FRACTION,
}
"""By the field name of the signal."""


def points_of(signal: str, thresholds: Iterable[str], rules: PageRules) -> npt.NDArray[np.float64]:
    """The scale of a signal with what `rules` say of these thresholds on it."""
    return SCALES[signal].points(float(getattr(rules, name)) for name in thresholds)


def codes_of(values: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> npt.NDArray[np.uint16]:
    """One code for each value; NaN, which stands for null, is UNKNOWN."""
    codes = np.searchsorted(points, values, "left") + np.searchsorted(points, values, "right")
    return np.where(np.isnan(values), UNKNOWN, codes).astype(np.uint16)
