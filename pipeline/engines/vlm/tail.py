"""Does a page run in circles while it is being generated? In: its token ids so far. Out: yes or no. Pure.

vLLM's own `repetition_detection` looks at every page at every step: 75 us with patterns of up to 200 tokens (measured, 1,000
tokens, one core), which is 19 ms a step at 256 pages, as much as the step itself. This test looks once in `stream_interval`
tokens, finds patterns of any length up to `max_pattern_tokens`, and costs about 15 us.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.config import RepetitionStop

NEEDLE_TOKENS = 16
"""The last tokens, looked for further up: longer than what a page repeats by chance."""


def is_looping(token_ids: Sequence[int], stop: RepetitionStop) -> bool:
    """True when the end of `token_ids` is one piece at least `min_count` times over, on at least `min_tokens` tokens."""
    if len(token_ids) < stop.min_tokens:
        return False
    reach = stop.max_pattern_tokens + max(stop.min_tokens, stop.min_count * stop.max_pattern_tokens)
    tail = np.asarray(token_ids[-reach:], dtype=np.int64)
    period = _nearest_copy(tail, min(stop.max_pattern_tokens, len(tail) - NEEDLE_TOKENS))
    if not period:
        return False
    differs = np.flatnonzero(tail[period:] != tail[:-period])
    covered = len(tail) - (int(differs[-1]) + 1 if len(differs) else 0)
    return covered >= stop.min_tokens and covered >= stop.min_count * period


def _nearest_copy(tail: npt.NDArray[np.int64], max_distance: int) -> int:
    """How far back the last 16 tokens stand once more, 0 when they do not."""
    distances = np.flatnonzero(tail[::-1][1 : max_distance + 1] == tail[-1]) + 1
    needle = tail[-NEEDLE_TOKENS:]
    for distance in distances:
        if np.array_equal(tail[len(tail) - NEEDLE_TOKENS - distance : len(tail) - distance], needle):
            return int(distance)
    return 0
