"""What the workers of a build did with the time for which they were held, and what that cost. In: BuildFacts. Out: Figures.

By the journals of the drivers where they kept one, and by receipts where they did not. Pure.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds.cost import BuildCost
from pipeline.builds.worker_spans import WorkerSpan
from pipeline.reporting.facts import BuildFacts
from pipeline.reporting.figure import Cell, Column, Figure, Formula, Query

WORKERS_SQL = """select worker, sum(num_rows)::bigint as num_pages, count(*) as num_shards, sum(engine_busy_s) as busy_s,
  max(epoch(finished_at)) - min(epoch(finished_at) - total_s) as at_work_s, least(1, busy_s / at_work_s) as busy_fraction
from receipts where total_s > 0 group by worker order by num_pages desc, worker"""


def worker_figures(facts: BuildFacts) -> Iterator[Figure]:
    if facts.spans:
        yield held(facts.build_id, facts.spans)
    else:
        receipts = facts.receipts_table
        yield workers(receipts.filter(pc.greater(receipts.column("total_s"), 0)))
    if facts.cost is not None and facts.cost.time.held_s:
        yield cost(facts.cost)


def held(build_id: str, spans: Sequence[WorkerSpan]) -> Figure:
    rows: list[tuple[Cell, ...]] = [
        (
            span.worker,
            span.opened_at,
            span.num_pages_read,
            span.opening_s,
            span.alive_s,
            span.ended + (f": {span.reason}" if span.reason else ""),
            min(1.0, span.engine_busy_s / span.alive_s) if span.alive_s else None,
        )
        for span in spans
    ]
    return Figure(
        figure_id="workers",
        title="Engine busy share, by worker",
        told="The part of the time from the start of its process to its end in which the worker's engine held a page.",
        columns=(
            Column(name="worker", title="Worker", kind="text"),
            Column(name="opened_at", title="Opened", kind="time"),
            Column(name="num_pages", title="Pages"),
            Column(name="opening_s", title="Opening", kind="seconds"),
            Column(name="alive_s", title="Held", kind="seconds"),
            Column(name="ended", title="End", kind="text"),
            Column(name="busy_fraction", title="Busy", kind="percent"),
        ),
        rows=rows,
        source=Formula(
            text=f"From the journal, `_builds/{build_id}/events/`: engine_busy_s / alive_s of each worker of each driver."
        ),
        bar="busy_fraction",
        whole=1.0,
        is_wide=True,
    )


def workers(receipts: pa.Table) -> Figure:
    end_s = pc.cast(pc.cast(receipts.column("finished_at"), pa.int64()), pa.float64())
    table = pa.table(
        {
            "worker": receipts.column("worker"),
            "pages": receipts.column("num_rows"),
            "busy_s": receipts.column("engine_busy_s"),
            "end_s": pc.divide(end_s, 1e6),
            "start_s": pc.subtract(pc.divide(end_s, 1e6), receipts.column("total_s")),
        }
    )
    wanted = [("pages", "sum"), ("pages", "count"), ("busy_s", "sum"), ("start_s", "min"), ("end_s", "max")]
    found = table.group_by("worker").aggregate(wanted).sort_by([("pages_sum", "descending"), ("worker", "ascending")])
    rows: list[tuple[Cell, ...]] = []
    for row in found.to_pylist():
        at_work_s = row["end_s_max"] - row["start_s_min"]
        busy_s = row["busy_s_sum"]
        rows.append((row["worker"], row["pages_sum"], row["pages_count"], busy_s, at_work_s, min(1.0, busy_s / at_work_s)))
    return Figure(
        figure_id="workers",
        title="Engine busy share, by worker",
        told="Engine time that the pages report, over the time from the worker's first shard to the end of its last.",
        columns=(
            Column(name="worker", title="Worker", kind="text"),
            Column(name="num_pages", title="Pages"),
            Column(name="num_shards", title="Shards"),
            Column(name="busy_s", title="Reading", kind="seconds"),
            Column(name="at_work_s", title="At work", kind="seconds"),
            Column(name="busy_fraction", title="Busy", kind="percent"),
        ),
        rows=rows,
        source=Query(sql=WORKERS_SQL),
        bar="busy_fraction",
        whole=1.0,
        is_wide=True,
    )


def cost(spent: BuildCost) -> Figure:
    time = spent.time
    parts = {
        "busy": time.busy_s,
        "opening": time.opening_s,
        "waiting": time.waiting_s,
        "tail": time.tail_s,
        "in all": time.held_s,
    }
    currency = spent.prices.currency if spent.prices else "no prices"
    return Figure(
        figure_id="cost",
        title="What the workers were held for",
        told="busy: reading pages. opening: before the engine could. waiting: for pages. tail: with nothing left to do.",
        columns=(
            Column(name="part", title="Part", kind="text"),
            Column(name="held_s", title="Workers held", kind="seconds"),
            Column(name="gpu_hours", title="GPU-hours", kind="number"),
            Column(name="cpu_hours", title="CPU-hours", kind="number"),
            Column(name="cost", title=f"Cost ({currency})", kind="number"),
        ),
        rows=[
            (name, part_s, spent.gpu_hours(part_s), spent.cpu_hours(part_s), spent.cost(part_s))
            for name, part_s in parts.items()
        ],
        source=Formula(
            text=f"From {spent.basis}; {spent.gpus:g} GPUs and {spent.cpus:g} CPUs a worker. Cost = held / 3600 * "
            "(GPUs * gpu_hour + CPUs * cpu_hour) by `prices:` in the config; `pipeline/builds/cost.py` has the formulas of the "
            "parts."
        ),
        bar="held_s",
        is_wide=True,
    )
