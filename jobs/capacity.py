"""`python -m jobs.capacity`: writes infra/capacity.md, how much 1 M, 100 M and 10 B pages take and what breaks first.

Every figure is computed by `pipeline/builds/capacity.py` and `bounds.py` from `capacity_figures.py`, which names measurements;
a test says that the page in the repository is what this writes. Prices are an example, and arguments.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from jobs.command_line import DONE, run_command
from pipeline.builds.bounds import Bound, bounds, workers_at_the_get_limit, workers_at_the_put_limit
from pipeline.builds.capacity import DEEPSEEK, PPOCR, ExamplePrices, Need, Setup, need_of
from pipeline.builds.capacity_figures import (
    ASSUMED,
    DRIVEN_WORKERS,
    GUNDAM_PAGES_PER_S,
    MEASURED,
    PAGES_PER_DOCUMENT,
    PAGES_PER_SHARD,
    SECONDS_PER_DAY,
)
from pipeline.config import Serving

SCALES = ((1e6, 1.0), (1e8, 10.0), (1e10, 100.0))
"""Pages, and the days that they may take."""
HEAD = f"""# Capacity: what 1 M, 100 M and 10 B pages take, and what breaks first

Written by `python -m jobs.capacity`; do not edit. Figures are computed from measurements in `infra/benchmarks/` and from
assumptions, all of which stand below; `pipeline/builds/capacity.py` and `bounds.py` have the formulas. A document has
{PAGES_PER_DOCUMENT:.1f} pages on the mean and a shard {PAGES_PER_SHARD:.0f}: another corpus has others, and every row scales
with them. **Speed on a GPU is its makers' word** and was not measured here; `pagemill plan` forecasts your own corpus from what
your own builds took.
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.capacity",
        description="Writes the capacity page.",
        epilog="example:\n  python -m jobs.capacity --gpu-hour 1.50 --out /tmp/capacity.md",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for field in fields(ExamplePrices):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    parser.add_argument("--out", type=Path, default=Path("infra/capacity.md"))
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    prices = ExamplePrices(**{field.name: getattr(arguments, field.name) for field in fields(ExamplePrices)})
    arguments.out.write_text(page_of(prices), encoding="utf-8")
    print(f"wrote {arguments.out}")
    return DONE


def page_of(prices: ExamplePrices) -> str:
    """The whole page, Markdown."""
    sections = (
        [HEAD],
        _needs("With DeepSeek-OCR on GPUs", DEEPSEEK, prices),
        _needs("With the embedded engine on CPUs", PPOCR, prices),
        _bounds(),
        _other_limits(),
        _figures(),
    )
    return "\n".join(line for section in sections for line in section)


def _needs(title: str, setup: Setup, prices: ExamplePrices) -> Iterator[str]:
    needs = [need_of(num_pages, days, setup) for num_pages, days in SCALES]
    yield f"## {title}\n"
    yield (
        f"Prices are an example and no quote: {prices.gpu_hour:g} {prices.currency} a GPU-hour, {prices.cpu_hour:g} a "
        f"CPU-hour, {prices.gb_month:g} a GB-month, {prices.million_puts:g} a million PUTs or LISTs, "
        f"{prices.million_gets:g} a million GETs. Network, verifying, the driver and machines that stand idle are not in it.\n"
    )
    yield "| | " + " | ".join(f"{_count(need.num_pages)} pages in {need.days:g} d" for need in needs) + " | formula |"
    yield "|---|" + "---|" * (len(needs) + 1)
    for name, formula, spell in _rows(setup, prices):
        yield f"| {name} | " + " | ".join(spell(need) for need in needs) + f" | {formula} |"
    yield ""


def _rows(setup: Setup, prices: ExamplePrices) -> Sequence[tuple[str, str, Callable[[Need], str]]]:
    """Name, formula, and how a column is spelled."""
    on_gpus = (
        ("GPUs", "pages / (pages a day of one * efficiency * days)", lambda need: f"{need.num_workers:,}"),
        ("GPU-hours", "the same, not rounded, * 24", lambda need: _count(need.gpu_hours)),
        ("cores at work on rendering and preparing", "pages a second * CPU s a page", lambda need: f"{need.front_cores:,.1f}"),
    )
    on_cpus = (("cores", "pages / (pages a day of one * efficiency * days)", lambda need: f"{need.num_workers:,}"),)
    return (
        *(on_gpus if setup.gpus else on_cpus),
        ("CPU-hours held by workers", f"{setup.cpus:g} for each worker", lambda need: _count(need.cpu_hours)),
        ("CPU-hours to publish", "characters / MB of text a second", lambda need: _count(need.publish_cpu_hours)),
        ("documents", "pages / pages a document", lambda need: _count(need.num_documents)),
        ("shards", "pages / pages a shard", lambda need: _count(need.num_shards)),
        ("input", "bytes a page", lambda need: _size(need.input_bytes)),
        ("output kept", "pages files and documents", lambda need: _size(need.output_bytes)),
        ("objects", "pages file, receipt and judged rows a shard; parts", lambda need: _count(need.num_objects)),
        ("PUTs; a second", "as many as objects", lambda need: f"{_count(need.num_puts)}; {_count(need.puts_per_s)}"),
        (
            "GETs; a second",
            "5 a shard until it is published, 1 a document",
            lambda need: f"{_count(need.num_gets)}; {_count(need.gets_per_s)}",
        ),
        ("LISTs of a driver that begins again", "2 of 1,000 keys", lambda need: f"{math.ceil(need.num_lists):,}"),
        ("driver's memory, planning and reading", "documents and shards", lambda need: _size(need.planning_bytes)),
        ("driver's memory, publishing", "documents", lambda need: _size(need.publishing_bytes)),
        (f"workers, {prices.currency}", "hours * prices", lambda need: _count(need.worker_cost(prices))),
        (
            f"a million pages, {prices.currency}",
            "the same / pages",
            lambda need: _count(need.worker_cost(prices) / need.num_pages * 1e6),
        ),
        (f"requests, {prices.currency}", "PUTs, LISTs, GETs", lambda need: _count(need.request_cost(prices))),
        (f"keeping it for a month, {prices.currency}", "output * price", lambda need: _count(need.month_cost(prices))),
    )


def _bounds() -> Iterator[str]:
    found = bounds()
    yield "## What breaks first\n"
    yield "Of one dataset and one driver, with default shards; the share of each limit that a scale takes, over 1 is broken.\n"
    yield "| breaks | at pages | " + " | ".join(_count(pages) for pages, _ in SCALES) + " | because | then |"
    yield "|---|---|" + "---|" * (len(SCALES) + 2)
    for bound in found:
        shares = " | ".join(_share(pages / bound.num_pages) for pages, _ in SCALES)
        yield f"| {bound.what} | {_count(bound.num_pages)} | {shares} | {bound.formula} | {bound.remedy} |"
    yield ""
    yield from _verdicts(found)


def _verdicts(found: Sequence[Bound]) -> Iterator[str]:
    """What that means at each scale."""
    first_pages = found[0].num_pages
    least_pages = min(10 * bound.num_pages if bound.is_of_shards else bound.num_pages for bound in found)
    for num_pages, days in SCALES:
        num_datasets = math.ceil(num_pages / first_pages)
        num_workers = need_of(num_pages, days, DEEPSEEK).num_workers
        drivers = math.ceil(num_workers / DRIVEN_WORKERS.value)
        told = f"nothing breaks: the first limit is {_two_digits(first_pages / num_pages)} times away"
        if num_datasets > 1:
            told = (
                f"{num_datasets} datasets of at most {_count(first_pages)} pages; with shards ten times larger "
                f"{math.ceil(num_pages / least_pages)}, of at most {_count(least_pages)}"
            )
        beyond = f"; {num_workers} GPUs need {drivers} drivers of {DRIVEN_WORKERS.value:g} each" if drivers > 1 else ""
        yield f"* **{_count(num_pages)} pages**: {told}{beyond}."
    yield ""


def _other_limits() -> Iterator[str]:
    speed = DEEPSEEK.pages_per_day / SECONDS_PER_DAY
    num_threads, each = Serving().image_threads, GUNDAM_PAGES_PER_S.value
    yield "Limits that do not grow with the corpus:\n"
    yield (
        f"* vLLM's image processor: {each:g} gundam pages a second in each of a worker's {num_threads} threads, "
        f"{num_threads * each / speed:.0f} times the {speed:.2f} of the makers' word; a faster GPU needs more of them "
        "(`engine.serving.image_threads`)."
    )
    yield (
        f"* A bucket's prefix: {workers_at_the_put_limit():,.0f} GPUs would put pages files at its limit, "
        f"{workers_at_the_get_limit():,.0f} would fetch documents at it. Requests are not what breaks."
    )
    yield (
        f"* Workers of one driver: {DRIVEN_WORKERS.value:g} were simulated over the real scheduling, 16 real ones were run. "
        "Nobody has tried more."
    )
    yield (
        "* Finding duplicates was measured to a million documents (`infra/benchmarks/dedup.md`), publishing to 80,000: "
        "beyond that the rows above are their slopes, and no measurement.\n"
    )


def _figures() -> Iterator[str]:
    yield "## Figures\n"
    yield "| measured | | | in infra/benchmarks |"
    yield "|---|---|---|---|"
    for each in MEASURED:
        yield f"| {each.what} | {each.number} | {each.unit} | {each.source} |"
    yield ""
    yield "| assumed | | | why |"
    yield "|---|---|---|---|"
    for assumed in ASSUMED:
        yield f"| {assumed.what} | {assumed.value:,.10g} | {assumed.unit} | {assumed.why} |"
    yield ""


def _count(number: float) -> str:
    """ "5.1", "530", "1.9 k", "62 M", "10 B": two digits are what these figures are worth."""
    for size, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{_two_digits(number / size)}{name}"
    return _two_digits(number)


def _size(num_bytes: float) -> str:
    for size, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB")):
        if num_bytes >= size:
            return f"{_two_digits(num_bytes / size)} {name}"
    return f"{_two_digits(num_bytes / 1e6)} MB"


def _share(share: float) -> str:
    return f"**{_two_digits(share)}**" if share > 1 else f"{share:.2g}"


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.10g}"


if __name__ == "__main__":
    sys.exit(main())
