"""Which fault strikes where: a function of the seed and of what is asked, never of a clock or an order of threads.

In: a seed and the kinds of fault to draw from. Out: for the n-th time that a process does something to a key, the fault that
strikes it, if any. After `NUM_ROUGH_RUNS` restarts of a driver the weather clears, so that every drill comes to an end.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "lost_request",
    "lost_reply",
    "stale_listing",
    "source_trouble",
    "credential_expired",
    "disk_full",
    "driver_killed",
    "worker_killed",
    "zombie",
    "poison",
    "two_drivers",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
ABOUT: dict[Kind, str] = {
    "lost_request": "a store operation fails and has done nothing (500, 503, refused connection, timeout)",
    "lost_reply": "a store operation fails although it was done (reply lost, timeout)",
    "stale_listing": "a listing lacks what was written in the last moments",
    "source_trouble": "a document cannot be fetched for the moment",
    "credential_expired": "from some operation on everything is refused, until the build is started again",
    "disk_full": "from some operation on every write is refused, until the build is started again",
    "driver_killed": "the driver ends before or after a store operation: while planning, splitting, publishing",
    "worker_killed": "a worker ends with both its shards: while reading, before and after each step of the commit",
    "zombie": "a worker is given up for lost and goes on all the same, even after the build is published",
    "poison": "a document ends every worker that reads it",
    "two_drivers": "two drivers on one build at the same time",
}
NUM_ROUGH_RUNS = 5
RATES: dict[str, float] = {"lost_request": 0.02, "lost_reply": 0.05, "stale_listing": 0.3, "source_trouble": 0.05}
SPELL_RATE = 0.02
DRIVER_KILL_RATE = 0.03
WORKER_KILL_RATE = 0.08


def draw(*names: object) -> float:
    """A number in 0..1 that depends on the names alone."""
    return int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True, kw_only=True, slots=True)
class Weather:
    seed: int
    kinds: frozenset[Kind]

    @classmethod
    def of_seed(cls, seed: int, allowed: Collection[Kind]) -> "Weather":
        """Each allowed kind with even chance, and at least one."""
        drawn = {kind for kind in allowed if draw(seed, "kind", kind) < 0.5}
        least = min(allowed, key=lambda kind: draw(seed, "at least", kind))
        return cls(seed=seed, kinds=frozenset(drawn or {least}))

    def strikes(self, kind: Kind, rate: float, *where: object) -> bool:
        return kind in self.kinds and draw(self.seed, kind, *where) < rate

    def is_clear(self, run: int) -> bool:
        return run >= NUM_ROUGH_RUNS

    def poisonous(self, names: Collection[str]) -> str | None:
        """The document that ends its readers."""
        return min(names, key=lambda name: draw(self.seed, "poison", name)) if "poison" in self.kinds else None
