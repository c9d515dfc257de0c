"""A build beside the builds before it: the funnel, drift, gates, the golden set. In: BuildFacts. Out: Figures. Pure."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.config import GatesConfig
from pipeline.publishing import gates
from pipeline.publishing.gates import Night, Nights
from pipeline.publishing.golden import GoldenScores
from pipeline.reporting.facts import BuildFacts
from pipeline.reporting.figure import Cell, Column, Figure, Formula, Kind, Query

EVERY_NIGHT = GatesConfig(min_pages=1, min_documents=1, min_trailing_builds=1)
"""Measures small builds too: here nothing is kept back."""
FUNNEL_SQL = """select (sum(num_documents) + sum(num_known) + sum(num_quarantined))::bigint as accounted,
  sum(num_quarantined)::bigint as quarantined, sum(num_known)::bigint as known, sum(num_documents)::bigint as opened,
  sum(num_rows)::bigint as num_pages, sum(num_kept)::bigint as kept
from receipts"""
FUNNEL_COLUMNS = ("accounted", "quarantined", "known", "opened", "num_pages", "kept")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A figure of a build that has a history."""

    name: str
    title: str
    kind: Kind
    of: Callable[[Nights, Nights, GatesConfig], float | None]


MEASURES: Sequence[Measure] = (
    Measure(name="kept", title="Kept", kind="percent", of=gates.kept_fraction),
    Measure(name="failures", title="Documents failed", kind="percent", of=gates.failed_fraction),
    Measure(name="golden", title="CER golden", kind="percent", of=gates.golden_error_fraction),
    Measure(name="language", title="Language drift", kind="number", of=gates.language_distance),
    Measure(name="length", title="Characters a document", kind="count", of=gates.mean_chars),
    Measure(name="speed", title="Pages a second and worker", kind="number", of=gates.pages_per_s),
    Measure(name="cost", title="Cost of a million pages", kind="number", of=gates.cost_per_million_pages),
)


def build_figures(facts: BuildFacts) -> Iterator[Figure]:
    if len(facts.nights) > 1:
        yield drift(facts.nights)
    if facts.golden is not None:
        yield golden(facts.golden)


def funnel(facts: BuildFacts) -> Figure:
    """Documents and pages in, read, kept. What is lost between has figures of its own."""
    accounted = facts.num_opened + facts.num_known + facts.num_quarantined
    numbers = (accounted, facts.num_quarantined, facts.num_known, facts.num_opened, facts.num_rows, facts.num_kept)
    return Figure(
        figure_id="funnel",
        title="From documents to kept pages",
        columns=tuple(Column(name=name, title=name.removeprefix("num_").capitalize()) for name in FUNNEL_COLUMNS),
        rows=[numbers],
        source=Query(sql=FUNNEL_SQL),
        is_wide=True,
    )


def measured(nights: Nights, measure: Measure) -> list[float | None]:
    """One figure of each night, the last being the build itself; languages are held against the nights before."""
    return [measure.of([night], nights[:place], EVERY_NIGHT) for place, night in enumerate(nights)]


def median_before(values: Sequence[float | None]) -> float | None:
    """Of the trailing builds that have the figure; None when none has."""
    known = [value for value in values[:-1] if value is not None]
    return statistics.median(known) if known else None


def drift(nights: Sequence[Night]) -> Figure:
    found = [(measure, measured(nights, measure)) for measure in MEASURES]
    known = [(measure, values) for measure, values in found if any(value is not None for value in values)]
    columns = [values for _, values in known]
    rows: list[tuple[Cell, ...]] = [
        (night.figures.evidence.build_id, night.figures.evidence.num_pages, *(column[place] for column in columns))
        for place, night in enumerate(nights)
    ]
    return Figure(
        figure_id="drift",
        title="This build beside the ones before it",
        told="The newest is last, counted under the rules of the same version; the row of medians is of the builds before it.",
        columns=(
            Column(name="build", title="Build", kind="text"),
            Column(name="pages", title="Pages"),
            *(Column(name=measure.name, title=measure.title, kind=measure.kind) for measure, _ in known),
        ),
        rows=[
            *rows,
            (
                "median before",
                statistics.median(night.figures.evidence.num_pages for night in nights[:-1]),
                *map(median_before, columns),
            ),
        ],
        source=Formula(
            text="From `builds` in the manifest of the version, the manifest of each build and its golden scores, as the gates "
            "measure them (`pipeline/publishing/gates.py`), whatever the size of the build: kept = pages kept / pages that are "
            "not blank; documents failed = quarantined / (opened + quarantined); language drift = half the sum of the "
            "differences of the shares of languages, against all builds before; pages a second = pages / wall seconds in which "
            "a worker was at work."
        ),
        is_wide=True,
    )


def golden(scores: GoldenScores) -> Figure:
    rows: list[tuple[Cell, ...]] = [
        (uri, score.num_chars, score.num_errors, score.num_errors / max(1, score.num_chars))
        for uri, score in sorted(scores.documents.items(), key=lambda item: -item[1].num_errors / max(1, item[1].num_chars))
    ]
    return Figure(
        figure_id="golden",
        title="Character errors in the golden set",
        told="Edits from what was read to the true text, over its characters, white space left out.",
        columns=(
            Column(name="uri", title="Document", kind="text"),
            Column(name="chars", title="Characters"),
            Column(name="errors", title="Errors"),
            Column(name="error_fraction", title="CER", kind="percent"),
        ),
        rows=rows,
        source=Formula(
            text=f"From `_golden/{scores.build_id}/scores.json`: errors / characters of each document; of all, the sums."
        ),
        bar="error_fraction",
        is_wide=True,
    )
