"""What a person needs to decide within a minute whether to ship. In: BuildFacts. Out: a verdict, tiles and the funnel.

The verdict follows from stored facts alone and decides nothing: gates do. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from pipeline.builds.cost import MILLION
from pipeline.reporting.build_figures import MEASURES, Measure, measured, median_before
from pipeline.reporting.embedding import render
from pipeline.reporting.facts import BuildFacts
from pipeline.reporting.figure import duration, money, percent, spell

Mood = Literal["good", "warn", "bad"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The first line of the page."""

    mood: Mood
    told: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One number, and where to look for more."""

    label: str
    value: str
    note: str
    figure_id: str
    """"" when there is no more."""
    mood: Mood | Literal[""] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One step of the funnel: how many are left, and what was lost before it."""

    title: str
    number: int
    whole: int
    lost: str


def verdict_of(facts: BuildFacts) -> Verdict:
    """The gravest that holds."""
    version = facts.version
    if not facts.is_balanced:
        return Verdict(
            mood="bad",
            told="Do not ship: the books do not balance",
            why=f"{_books(facts)}; {facts.pages.num_documents:,} of {facts.num_opened:,} opened documents have rows. "
            "`pagemill verify` names what is wrong.",
        )
    if facts.num_shards_done < facts.num_shards:
        return Verdict(
            mood="warn",
            told="Not finished",
            why=f"{facts.num_shards_done:,} of {facts.num_shards:,} shards are read; run the same `pagemill build` again.",
        )
    if version is None:
        return Verdict(
            mood="warn", told="Read, and not published", why="No version was made of it; `pagemill publish` makes one."
        )
    broken = [gate.name for gate in version.gates if gate.is_broken]
    if broken:
        names = ", ".join(dict.fromkeys(broken))
        return Verdict(
            mood="bad",
            told=f"Kept back by a gate: {names}",
            why="Readers keep the version they have. `pagemill publish --accept GATE` lets it pass.",
        )
    accepted = [gate.name for gate in version.gates if gate.is_accepted]
    if accepted:
        return Verdict(
            mood="warn",
            told=f"Published, with a gate that was told to let it pass: {', '.join(dict.fromkeys(accepted))}",
            why=f"Version {version.version_id}.",
        )
    if not version.is_published:
        return Verdict(
            mood="warn",
            told="Made, and not published",
            why=f"Candidate {version.version_id} was kept back once; publish again.",
        )
    passed = f"gates passed: {len(version.gates):,}" if version.gates else "there was too little to ask a gate"
    newest = "" if version.is_latest else "; readers have a newer version by now"
    return Verdict(
        mood="good", told="Published: every page is accounted for", why=f"Version {version.version_id}; {passed}{newest}."
    )


def tiles_of(facts: BuildFacts) -> Iterator[Tile]:
    yield Tile(
        label="Pages in = rows out",
        value=f"{facts.pages.num_pages:,}",
        note=_books(facts),
        figure_id="books",
        mood="good" if facts.is_balanced else "bad",
    )
    yield Tile(
        label="Documents accounted for",
        value=f"{facts.num_opened + facts.num_known + facts.num_quarantined:,} of {facts.plan.num_documents:,}",
        note=f"{facts.num_opened:,} opened, {facts.num_known:,} known before, {facts.num_quarantined:,} gave no page",
        figure_id="quarantine",
        mood="warn" if facts.num_quarantined else "",
    )
    yield _kept(facts)
    yield _golden(facts)
    yield _gates(facts)
    yield _speed(facts)
    yield _cost(facts)


def _lost(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number > 0)


def _books(facts: BuildFacts) -> str:
    pages = facts.pages
    return f"{pages.num_pages_of_documents:,} pages in the documents, {pages.num_pages:,} rows, {facts.num_rows:,} in receipts"


def stages_of(facts: BuildFacts) -> list[Stage]:
    """Documents and pages in, read, kept."""
    blank, failed = facts.num_with_status("blank"), facts.num_with_status("failed")
    num_pages, num_kept = facts.num_rows, facts.num_kept
    read = num_pages - blank - failed
    planned = facts.plan.num_documents
    stages = [
        Stage(title="documents planned", number=planned, whole=planned, lost=""),
        Stage(
            title="documents opened",
            number=facts.num_opened,
            whole=planned,
            lost=_lost({"gave no page": facts.num_quarantined, "known by their bytes": facts.num_known}),
        ),
        Stage(title="pages in them", number=num_pages, whole=num_pages, lost=""),
        Stage(title="pages read", number=read, whole=num_pages, lost=_lost({"blank": blank, "failed": failed})),
        Stage(title="pages kept", number=num_kept, whole=num_pages, lost=_lost({"read and rejected": read - num_kept})),
    ]
    if facts.version is not None:
        num_published = sum(not reject for reject in facts.version.verdicts.column("reject").to_pylist())
        title = "documents published" if facts.version.is_published else "documents to be published"
        left_out = facts.num_opened - num_published
        stages.append(
            Stage(title=title, number=num_published, whole=planned, lost=f"{left_out:,} left out by rules or as duplicates")
        )
    return stages


def headline(facts: BuildFacts, stages_figure: Markup) -> Markup:
    """The verdict, the tiles, the gates and the funnel."""
    return render(
        "headline.html.j2",
        verdict=verdict_of(facts),
        tiles=list(tiles_of(facts)),
        gates=facts.version.gates if facts.version else (),
        rules_differ=facts.version is not None and facts.version.rules_differ,
        stages=[
            (stage, percent(stage.number / stage.whole) if stage.whole else "-", _share(stage)) for stage in stages_of(facts)
        ],
        stages_figure=stages_figure,
    )


def _share(stage: Stage) -> str:
    return f"{100 * stage.number / stage.whole if stage.whole else 0:.3f}%"


def _kept(facts: BuildFacts) -> Tile:
    asked = facts.num_rows - facts.num_with_status("blank")
    if not asked:
        return Tile(label="Pages kept", value="-", note="no page that is not blank", figure_id="reasons")
    return Tile(
        label="Pages kept",
        value=percent(facts.num_kept / asked),
        note=_trailing(facts, _named("kept")) or f"{facts.num_kept:,} of {asked:,} that are not blank",
        figure_id="reasons",
    )


def _golden(facts: BuildFacts) -> Tile:
    label = "Character errors, golden set"
    if facts.golden is None:
        return Tile(label=label, value="not read", note="`golden:` in the config names a set of known texts", figure_id="")
    documents = f"{len(facts.golden.documents):,} documents"
    return Tile(
        label=label,
        value=percent(facts.golden.error_fraction),
        note=_trailing(facts, _named("golden")) or documents,
        figure_id="golden",
    )


def _gates(facts: BuildFacts) -> Tile:
    gates = facts.version.gates if facts.version else ()
    broken = sum(gate.is_broken for gate in gates)
    accepted = sum(gate.is_accepted for gate in gates)
    if not gates:
        return Tile(label="Gates", value="not asked", note="too few pages or builds to tell", figure_id="")
    told = f"{broken:,} broken" if broken else f"{accepted:,} told to let it pass" if accepted else "none broken"
    value = f"{len(gates) - broken - accepted:,} of {len(gates):,} passed"
    return Tile(
        label="Gates", value=value, note=told, figure_id="gates", mood="bad" if broken else "warn" if accepted else "good"
    )


def _speed(facts: BuildFacts) -> Tile:
    ends = [receipt.finished_at.timestamp() for receipt in facts.receipts if receipt.num_rows]
    begins = [receipt.finished_at.timestamp() - receipt.times.total_s for receipt in facts.receipts if receipt.num_rows]
    if not ends or max(ends) <= min(begins):
        return Tile(label="Pages a second", value="-", note="nothing was read", figure_id="throughput")
    wall_s = max(ends) - min(begins)
    num_workers = len({receipt.worker for receipt in facts.receipts if receipt.num_rows})
    return Tile(
        label="Pages a second",
        value=spell(facts.num_rows / wall_s, "number"),
        note=f"{duration(wall_s)}, {num_workers:,} worker{'s' if num_workers > 1 else ''}",
        figure_id="throughput",
    )


def _cost(facts: BuildFacts) -> Tile:
    spent = facts.cost
    total = spent.total if spent else None
    if spent is None or not spent.time.held_s:
        return Tile(label="Cost", value="not told", note="name the config: it says what a worker holds", figure_id="")
    if total is None or spent.prices is None:
        hours, what = (spent.gpu_hours(spent.time.held_s), "GPU") if spent.gpus else (spent.cpu_hours(spent.time.held_s), "CPU")
        note = f"{what}-hours; `prices:` in the config makes sums of them"
        return Tile(label="Cost", value=spell(hours, "number"), note=note, figure_id="cost")
    per_million = spent.per(MILLION, spent.num_pages)
    note = "" if per_million is None else f"{money(per_million)} a million pages"
    return Tile(label="Cost", value=f"{money(total)} {spent.prices.currency}", note=note, figure_id="cost")


def _named(name: str) -> Measure:
    return next(measure for measure in MEASURES if measure.name == name)


def _trailing(facts: BuildFacts, measure: Measure) -> str:
    """What it was in the builds before; "" when there are none."""
    before = median_before(measured(facts.nights, measure)) if len(facts.nights) > 1 else None
    if before is None:
        return ""
    num = len(facts.nights) - 1
    return f"{spell(before, measure.kind)} in the {num} build{'s' if num > 1 else ''} before"
