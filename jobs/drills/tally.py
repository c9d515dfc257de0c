"""Many drills as one table.

In: rehearsals and failures. Out: Markdown lines: faults by kind, how often they struck, rows lost and doubled.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.bench_section import machine_lines
from jobs.drills.rehearsal import Rehearsal


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A drill after which a promise did not hold."""

    seed: int
    error: str


def summary_line(done: Sequence[Rehearsal], failures: Sequence[Failure], seconds: float) -> str:
    """All of it in one line, for a terminal."""
    struck = sum((Counter(drill.struck) for drill in done), Counter())
    rows = sum(drill.num_rows for drill in done)
    lost = sum(drill.num_rows_lost for drill in done)
    return (
        f"{len(done) + len(failures)} drills in {seconds:.0f} s: {sum(struck.values())} faults struck, {rows} rows, "
        f"{lost} lost, {sum(drill.num_rows_doubled for drill in done)} doubled; {len(failures)} drills broke a promise"
    )


def report_lines(over: str, seeds: str, done: Sequence[Rehearsal], failures: Sequence[Failure], seconds: float) -> list[str]:
    """A dated section."""
    drills_with = Counter(kind for drill in done for kind in drill.struck if drill.struck[kind])
    struck = sum((Counter(drill.struck) for drill in done), Counter())
    lines = [f"## Over {over}: seeds {seeds}", "", *machine_lines(), f"* {summary_line(done, failures, seconds)}"]
    num_runs, num_looks = sum(drill.num_runs for drill in done), sum(drill.num_looks for drill in done)
    lines += [
        f"* {num_runs} runs of drivers, {num_looks} looks by a globbing reader",
        "",
        "| fault | drills it struck | times | rows lost | rows doubled |",
        "|---|---|---|---|---|",
    ]
    for kind in sorted(struck):
        hit = [drill for drill in done if drill.struck.get(kind)]
        lost, doubled = sum(drill.num_rows_lost for drill in hit), sum(drill.num_rows_doubled for drill in hit)
        lines.append(f"| {kind} | {drills_with[kind]} | {struck[kind]} | {lost} | {doubled} |")
    return [*lines, *(f"* seed {failure.seed} broke: {failure.error}" for failure in failures), ""]
