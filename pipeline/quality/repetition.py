"""Does a text run in circles? The period of its tail, its compressed size, and the verdict over all four loop tests.

In: one text, or figures already measured. Out: a `Tail`, a fraction, a yes or no. Knows nothing of pages or engines. The four
tests and what each catches on simulated loops are in A3 of the reference: the tail test finds line, phrase and table-cell
loops of any length, equal lines the loops that recover, duplicate 10-grams and compression the long units. Costs 60 us per
3 kB page, most of it zlib.
"""

import zlib
from typing import NamedTuple

import numpy as np

from pipeline.config import PageRules
from pipeline.quality.rule_table import LOOPS, Evidence, comparisons
from pipeline.records import PageSignals

LOOP_SIGNALS = tuple(dict.fromkeys(each.signal for each in comparisons(LOOPS)))

NEEDLE_CHARS = 40
"""Length of the tail that is looked for further up: longer than a phrase that prose repeats by chance, short enough that a
loop of 120 characters with a period of 30 still holds it twice."""
MIN_HEAD_CHARS = 200
"""A text whose loop starts earlier is not worth keeping (A4, fallback chain)."""


class Tail(NamedTuple):
    """What repeats at the end of a text."""

    repeats: int
    """Copies of the last piece, 1 when it does not repeat; the last copy may lack the space or newline that parts them."""
    chars: int
    """Characters that the copies cover, a cut first copy included; 0 when nothing repeats."""
    period_chars: int
    """Length of the piece, 0 when nothing repeats."""


NO_TAIL = Tail(repeats=1, chars=0, period_chars=0)


def periodic_tail(text: str) -> Tail:
    """Finds the nearest earlier copy of the last 40 characters with one `rfind`; their distance is the period. White space at
    the end is no part of the tail."""
    body = text.rstrip()
    needle = body[-NEEDLE_CHARS:]
    if len(body) <= NEEDLE_CHARS:
        return NO_TAIL
    at = body.rfind(needle, 0, len(body) - 1)
    if at < 0:
        return NO_TAIL
    period = len(body) - NEEDLE_CHARS - at
    matching = _matching_from_end(body, period)
    if matching < period:
        return NO_TAIL
    chars = matching + period
    return Tail(repeats=(chars + (period > 1)) // period, chars=chars, period_chars=period)


def _matching_from_end(body: str, period: int) -> int:
    """How many characters, counted from the end, equal the one a period earlier."""
    codes = np.frombuffer(body.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    differs = np.flatnonzero(codes[period:] != codes[:-period])
    return len(body) - period - (int(differs[-1]) + 1 if len(differs) else 0)


def zlib_fraction(text: str) -> float:
    """Compressed over plain UTF-8 bytes at level 1, above 1 for a few bytes only; 1.0 for an empty text."""
    data = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(data, 1)) / len(data) if data else 1.0


def has_loop(signals: PageSignals, rules: PageRules) -> bool:
    """A4 rule 3 without the engine's word: any of tail, equal lines, compression, duplicate 10-grams."""
    evidence = Evidence(numbers={name: getattr(signals, name) for name in LOOP_SIGNALS}, facts=())
    return LOOPS.holds(evidence, rules)


def loop_start(text: str, rules: PageRules) -> int | None:
    """Where to cut a text whose tail loops: after the first copy of what repeats. None when the tail does not loop by the
    rules, or when less than 200 characters would be left before the loop."""
    tail = periodic_tail(text)
    if tail.repeats < rules.loop_tail_repeats or tail.chars < rules.loop_tail_chars:
        return None
    start = len(text.rstrip()) - tail.chars
    return start + tail.period_chars if start >= MIN_HEAD_CHARS else None
