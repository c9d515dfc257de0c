"""Text as an engine with errors reads it: characters confused, lost and doubled at a given rate. For measurements and tests.

In: a text, a rate, a random generator. Out: a text. The rate is of all characters, as a character error rate counts, and errors
fall evenly. Of ten errors in letters six are another letter, two a letter lost, two a letter too many; a space or line end that
is hit is lost.
"""

import random
import string

CONFUSABLE = {"l": "1i", "i": "lj", "o": "0e", "e": "co", "n": "uh", "m": "nw", "s": "5z", "a": "ao", "h": "bn", "c": "eo"}
SUBSTITUTED, LOST = 0.6, 0.8
"""Shares of errors, cumulated; the rest is doubled."""


def misread(text: str, error_rate: float, rng: random.Random) -> str:
    """`text` with about `error_rate` of its characters read wrong, 0..1."""
    return "".join(_misread(char, rng) if rng.random() < error_rate else char for char in text)


def _misread(char: str, rng: random.Random) -> str:
    if char.isspace():
        return ""
    fate = rng.random()
    if fate < SUBSTITUTED:
        return rng.choice(CONFUSABLE.get(char, string.ascii_lowercase))
    return "" if fate < LOST else char + rng.choice(string.ascii_lowercase)
