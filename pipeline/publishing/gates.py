"""Whether readers get a version: its new builds against absolute limits and against the builds before them.

In: a Candidate, what its builds did beside what it counts (NightFigures), and the limits. Out: a GateReading for each limit
that could be asked. Every build that the published version does not hold yet is measured, and all of them as one: so a build
which broke a gate does not slip through beside the next one, and many small ones tell something together. Where there is too
little to tell, nothing is asked. Pure.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.config import GatesConfig
from pipeline.publishing.candidate import BuildFigures, Candidate, GateReading


@dataclass(frozen=True, kw_only=True, slots=True)
class NightFigures:
    """What a build did, beside what stands in its BuildFigures."""

    num_names_held: int
    """By the corpus before it."""
    num_names_removed: int
    worker_s: float
    """Wall seconds in which a worker was at work, summed over workers."""
    cost: float | None
    """Of its workers, in the currency of the config's prices; None without prices."""
    golden_error_fraction: float | None
    """Character error rate of the golden set; None when it was not read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """A build as the gates see it."""

    figures: BuildFigures
    beside: NightFigures


Nights = Sequence[Night]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """What a gate measures."""

    what: str
    """For people."""
    spelling: str
    """Format of the value."""
    measure: Callable[[Nights, Nights, GatesConfig], float | None]
    """Of the new builds as one, beside those before them; None when there is too little to tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """How a figure is held against a limit."""

    asked: str
    """For people; {limit} and {median} stand for those."""
    beyond: Callable[[float, float, float], float]
    """How far it is beyond the limit, given the figure, the median before it and the limit: above 0 the gate is broken."""
    is_relative: bool = False
    """Asks for the median of the builds before."""
    is_ratio: bool = False
    """The limit is a number of times."""


def read_gates(
    candidate: Candidate,
    *,
    beside: Callable[[str], NightFigures],
    published: Collection[str],
    config: GatesConfig,
    accepted: Collection[str],
) -> list[GateReading]:
    """`beside` is asked for the builds that matter, and `published` are the builds of the version that readers have now. A
    gate in `accepted` lets its figure pass, and says so."""
    new_builds = [each for each in candidate.builds if each.evidence.build_id not in published]
    if not new_builds:
        return []
    trailing = [each for each in candidate.builds if each.evidence.build_id in published][-config.trailing_builds :]
    new, before = (
        [Night(figures=each, beside=beside(each.evidence.build_id)) for each in builds] for builds in (new_builds, trailing)
    )
    found = (_readings(gate, key, check, new, before, config, accepted) for gate, key, check in LIMITS)
    return [reading for readings in found for reading in readings]


def _readings(
    gate: str, key: str, check: Check, new: Nights, before: Nights, config: GatesConfig, accepted: Collection[str]
) -> Iterator[GateReading]:
    """One reading, of the worst among each new build and all of them as one; none where the limit is off or there is too little
    to tell."""
    figure = FIGURES[gate]
    limit: float | None = getattr(config, key)
    values = [value for night in before if (value := figure.measure([night], (), config)) is not None]
    if limit is None or (check.is_relative and len(values) < config.min_trailing_builds):
        return
    median = statistics.median(values) if check.is_relative else 0.0
    parts = [[night] for night in new] + ([new] if len(new) > 1 else [])
    measured = [(value, part) for part in parts if (value := figure.measure(part, before, config)) is not None]
    if not measured:
        return
    now, part = max(measured, key=lambda each: check.beyond(each[0], median, limit))
    is_beyond = check.beyond(now, median, limit) > 0.0
    passes = is_beyond and gate in accepted
    bound = f"{limit:g} times" if check.is_ratio else format(limit, figure.spelling)
    asked = check.asked.format(limit=bound, median=format(median, figure.spelling))
    where = part[0].figures.evidence.build_id if len(part) == 1 else f"{len(part)} builds"
    yield GateReading(
        name=gate,
        told=f"{gate}: {figure.what} {format(now, figure.spelling)} in {where}, {asked} (gates.{key})"
        + (", accepted" if passes else ""),
        is_broken=is_beyond and not passes,
        is_accepted=passes,
    )


def kept_fraction(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Of the pages that are not blank."""
    kept = sum(night.figures.num_pages_kept for night in new)
    lost = sum(night.figures.num_pages_lost for night in new)
    return kept / (kept + lost) if kept + lost >= config.min_pages else None


def failed_fraction(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Of the documents that were tried; a known one was not."""
    opened = sum(night.figures.evidence.num_documents_opened for night in new)
    failed = sum(sum(night.figures.evidence.quarantined_by_reason.values()) for night in new)
    return failed / (opened + failed) if opened + failed >= config.min_documents else None


def removed_fraction(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Of the names that there were before the new builds."""
    num_held = new[0].beside.num_names_held
    num_removed = sum(night.beside.num_names_removed for night in new)
    return num_removed / num_held if num_held >= config.min_documents else None


def language_distance(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Total variation distance between the languages of the published documents, new and before: half the sum of the
    differences of their shares, 0..1."""
    mixes = [_mix(new), _mix(before)]
    if len(before) < config.min_trailing_builds or any(mix.total() < config.min_documents for mix in mixes):
        return None
    now, then = mixes
    return sum(abs(now[name] / now.total() - then[name] / then.total()) for name in now.keys() | then.keys()) / 2


def mean_chars(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Of a published document."""
    num_documents = sum(night.figures.num_documents_kept for night in new)
    return sum(night.figures.num_chars for night in new) / num_documents if num_documents >= config.min_documents else None


def pages_per_s(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Of one worker."""
    num_pages, worker_s = _pages_and_seconds(new)
    return num_pages / worker_s if num_pages >= config.min_pages and worker_s > 0.0 else None


def cost_per_million_pages(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """Of pages that were read, in the currency of the prices."""
    num_pages, _ = _pages_and_seconds(new)
    costs = [night.beside.cost for night in new if night.beside.cost is not None]
    return sum(costs) / num_pages * 1e6 if len(costs) == len(new) and num_pages >= config.min_pages else None


def golden_error_fraction(new: Nights, before: Nights, config: GatesConfig) -> float | None:
    """The worst of the new builds."""
    return max((each for night in new if (each := night.beside.golden_error_fraction) is not None), default=None)


def _mix(nights: Nights) -> Counter[str]:
    mix: Counter[str] = Counter()
    for night in nights:
        mix.update(night.figures.documents_by_language)
    return mix


def _pages_and_seconds(nights: Nights) -> tuple[int, float]:
    return sum(night.figures.evidence.num_pages for night in nights), sum(night.beside.worker_s for night in nights)


FIGURES: Mapping[str, Figure] = {
    "kept": Figure(what="pages kept", spelling=".1%", measure=kept_fraction),
    "failures": Figure(what="documents that gave no page", spelling=".1%", measure=failed_fraction),
    "removed": Figure(what="names removed", spelling=".1%", measure=removed_fraction),
    "language": Figure(what="distance of the languages", spelling=".2f", measure=language_distance),
    "length": Figure(what="characters a document", spelling=",.0f", measure=mean_chars),
    "speed": Figure(what="pages a second of a worker", spelling=".3g", measure=pages_per_s),
    "cost": Figure(what="cost of a million pages", spelling=",.2f", measure=cost_per_million_pages),
    "golden": Figure(what="character errors in the golden set", spelling=".2%", measure=golden_error_fraction),
}
"""By gate."""
FLOOR = Check(asked="at least {limit} is asked", beyond=lambda now, median, limit: limit - now)
CEILING = Check(asked="at most {limit} is allowed", beyond=lambda now, median, limit: now - limit)
DROP = Check(
    asked="at most {limit} below the median {median} is allowed",
    beyond=lambda now, median, limit: median - now - limit,
    is_relative=True,
)
RISE = Check(
    asked="at most {limit} above the median {median} is allowed",
    beyond=lambda now, median, limit: now - median - limit,
    is_relative=True,
)
APART = Check(
    asked="at most {limit} the median {median}, or a part of it, is allowed",
    beyond=lambda now, median, limit: max(now, median) - limit * min(now, median),
    is_relative=True,
    is_ratio=True,
)
SLOWER = Check(
    asked="at most {limit} slower than the median {median} is allowed",
    beyond=lambda now, median, limit: median - limit * now,
    is_relative=True,
    is_ratio=True,
)
LIMITS: Sequence[tuple[str, str, Check]] = (
    ("kept", "kept_fraction_below", FLOOR),
    ("kept", "kept_drop_above", DROP),
    ("failures", "failed_fraction_above", CEILING),
    ("failures", "failed_rise_above", RISE),
    ("removed", "removed_fraction_above", CEILING),
    ("language", "language_distance_above", CEILING),
    ("length", "length_ratio_above", APART),
    ("speed", "pages_per_s_below", FLOOR),
    ("speed", "slowdown_above", SLOWER),
    ("cost", "cost_per_million_pages_above", CEILING),
    ("golden", "golden_error_above", CEILING),
    ("golden", "golden_rise_above", RISE),
)
"""Gate, key in `gates:` of the config, and how the two are compared."""
