"""How a build was read: pages over time by worker, where the time went. In: BuildFacts. Out: Figures.

All from receipts: a shard's pages are spread evenly over the time from its beginning to its end. Pure.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipeline.reporting.drawing import NUM_COLOURS, Axis, Series, stacked_bar, stacked_columns
from pipeline.reporting.facts import BuildFacts
from pipeline.reporting.figure import NOTHING, Cell, Column, Figure, Query, duration, percent

NUM_BINS = 60
THROUGHPUT_SQL = f"""with spans as (
  select worker, num_rows / total_s as rate, epoch(finished_at) - total_s as start_s, epoch(finished_at) as end_s
  from receipts where total_s > 0 and num_rows > 0),
bins as (select min(start_s) as t0, (max(end_s) - min(start_s)) / {NUM_BINS} as width_s from spans),
shares as (
  select bin, worker, rate, width_s,
    least(end_s, t0 + (bin + 1) * width_s) - greatest(start_s, t0 + bin * width_s) as overlap_s
  from spans, bins, (select unnest(range({NUM_BINS})) as bin))
select bin, worker, sum(rate * greatest(0, overlap_s) / width_s) as pages_per_s
from shares group by bin, worker having pages_per_s > 0 order by bin, worker"""
TIME_SQL = """select sum(engine_busy_s) as reading, sum(engine_s - engine_busy_s) as engine_waits,
  sum(render_wait_s) as rendering, sum(judge_s) as judging,
  sum(total_s - engine_s - render_wait_s - judge_s) as rest
from receipts"""
TIME_PARTS = (
    "engine reads",
    "engine is busy with the worker's other shard",
    "waits for rendered pages",
    "cleans, measures and judges",
    "fetches, encodes, puts",
)

Floats = npt.NDArray[np.float64]


def reading_figures(facts: BuildFacts) -> Iterator[Figure]:
    receipts = facts.receipts_table
    yield throughput(
        receipts.filter(pc.and_(pc.greater(receipts.column("total_s"), 0), pc.greater(receipts.column("num_rows"), 0)))
    )
    yield where_time_went(receipts)


def throughput(receipts: pa.Table) -> Figure:
    names, start_s, end_s, rate = _spans(receipts)
    rows: list[tuple[Cell, ...]] = []
    drawn = NOTHING
    if len(names):
        rate_WB, order, begin_s, width_s = _rates(names, start_s, end_s, rate)
        rows = [
            (column, worker, float(rate_WB[number, column]))
            for column in range(NUM_BINS)
            for number, worker in sorted(enumerate(order), key=lambda each: each[1])
            if rate_WB[number, column] > 0.0
        ]
        drawn = _drawn(rate_WB, order, begin_s, width_s)
    return Figure(
        figure_id="throughput",
        title="Pages a second over time, by worker",
        told="A shard's pages, spread evenly from its beginning to its end: a dip is a worker without work, or a slow page.",
        columns=(
            Column(name="bin", title=f"Time, of {NUM_BINS} parts"),
            Column(name="worker", title="Worker", kind="text"),
            Column(name="pages_per_s", title="Pages a second", kind="number"),
        ),
        rows=rows,
        source=Query(sql=THROUGHPUT_SQL),
        drawing=drawn,
        is_wide=True,
    )


def _spans(receipts: pa.Table) -> tuple[list[str], Floats, Floats, Floats]:
    """Worker, beginning, end and pages a second of each shard."""
    end_s = pc.cast(receipts.column("finished_at"), pa.int64()).to_numpy() / 1e6
    total_s = receipts.column("total_s").to_numpy()
    return receipts.column("worker").to_pylist(), end_s - total_s, end_s, receipts.column("num_rows").to_numpy() / total_s


def _rates(names: list[str], start_s: Floats, end_s: Floats, rate: Floats) -> tuple[Floats, list[str], float, float]:
    """Pages a second by worker (most pages first) and time bin, when the first bin begins, and how long each is."""
    unique, worker = np.unique(np.array(names), return_inverse=True)
    begin_s = float(start_s.min())
    width_s = (float(end_s.max()) - begin_s) / NUM_BINS
    rate_WB = np.zeros((len(unique), NUM_BINS))
    for column in range(NUM_BINS):
        left_s = begin_s + column * width_s
        overlap_s = np.minimum(end_s, left_s + width_s) - np.maximum(start_s, left_s)
        np.add.at(rate_WB[:, column], worker, rate * np.maximum(0.0, overlap_s) / width_s)
    order = np.argsort(-rate_WB.sum(axis=1), kind="stable")
    return rate_WB[order], [str(unique[number]) for number in order], begin_s, width_s


def _drawn(rate_WB: Floats, order: list[str], begin_s: float, width_s: float) -> Markup:
    num_named = len(order) if len(order) <= NUM_COLOURS else NUM_COLOURS - 1
    series = [Series(name=order[number], values=rate_WB[number].tolist()) for number in range(num_named)]
    if num_named < len(order):
        others = rate_WB[num_named:].sum(axis=0).tolist()
        series.append(Series(name=f"{len(order) - num_named:,} others", values=others))
    whole_s = width_s * NUM_BINS
    times = [datetime.fromtimestamp(begin_s + whole_s * part, UTC) for part in (0.0, 0.5, 1.0)]
    spelled = [f"{each:%H:%M:%S}" if whole_s < 86_400 else f"{each:%d %b %H:%M}" for each in times]
    labels = [f"{datetime.fromtimestamp(begin_s + width_s * (column + 0.5), UTC):%H:%M:%S}" for column in range(NUM_BINS)]
    total = rate_WB.sum(axis=0)
    return stacked_columns(
        series,
        Axis(
            places=list(zip((0.0, 0.5, 1.0), spelled, strict=True)),
            title=f"{times[0]:%Y-%m-%d}, UTC; {duration(whole_s)} in all",
        ),
        unit="pages a second",
        labels=labels,
        described=f"Pages a second over {duration(whole_s)} by {len(order)} workers: "
        f"mean {total.mean():.3g}, most {total.max():.3g}",
    )


def where_time_went(receipts: pa.Table) -> Figure:
    spent = {
        name: float(pc.sum(receipts.column(name)).as_py() or 0.0)
        for name in ("total_s", "engine_s", "render_wait_s", "judge_s", "engine_busy_s")
    }
    parts = (
        spent["engine_busy_s"],
        spent["engine_s"] - spent["engine_busy_s"],
        spent["render_wait_s"],
        spent["judge_s"],
        spent["total_s"] - spent["engine_s"] - spent["render_wait_s"] - spent["judge_s"],
    )
    shown = [max(0.0, part) for part in parts]
    whole_s = sum(shown) or 1.0
    return Figure(
        figure_id="time",
        title="Where the time of the shards went",
        told="Wall seconds of all shards; a worker reads two at once, so they are up to twice the workers' own.",
        columns=tuple(
            Column(name=name, title=title, kind="seconds")
            for name, title in zip(("reading", "engine_waits", "rendering", "judging", "rest"), TIME_PARTS, strict=True)
        ),
        rows=[parts] if receipts.num_rows else [],
        source=Query(sql=TIME_SQL),
        drawing=stacked_bar(
            list(zip(TIME_PARTS, shown, strict=True)),
            spelled=[f"{duration(part)}, {percent(part / whole_s)}" for part in shown],
            described="; ".join(f"{name} {percent(part / whole_s)}" for name, part in zip(TIME_PARTS, shown, strict=True)),
        )
        if receipts.num_rows
        else NOTHING,
        is_wide=True,
    )
