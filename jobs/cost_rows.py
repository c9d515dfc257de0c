"""A BuildCost as lines for people: `status`, `build` and `nightly` say it alike. In: a BuildCost. Out: lines, the sum first."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from pipeline.builds.cost import BILLION, MILLION, BuildCost
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.spending import cost_of_build
from pipeline.receipts import ShardReceipt


def cost_lines_of(store: ObjectStore, config: BuildConfig, receipts: Sequence[ShardReceipt]) -> list[str]:
    """Of the config's build, as it stands in the store."""
    return list(cost_lines(cost_of_build(store, config, config.build_id, receipts)))


def add_cost(table: Table, cost: BuildCost) -> None:
    """To the table that ends a build or a night."""
    for index, line in enumerate(cost_lines(cost)):
        table.add_row("" if index else "cost", line)


def cost_lines(cost: BuildCost) -> Iterator[str]:
    """What was held, what was done in it, and what a million pages came to. Nothing for a build that has held no worker yet."""
    if not cost.time.held_s:
        return
    lost = f", {cost.num_workers_lost} of them lost" if cost.num_workers_lost else ""
    noun = "worker" if cost.num_workers == 1 else "workers"
    yield f"{_sum(cost, cost.time.held_s)}{_hours(cost)} of {cost.num_workers:,} {noun}{lost}"
    yield ", ".join(_parts(cost))
    if cost.time.lost_s:
        yield f"lost with workers, at least: {_share(cost, cost.time.lost_s)}"
    if per := _per(cost):
        yield per
    if len(cost.busy_s_by_rung) > 1:
        yield "rungs " + ", ".join(f"{name} {_share(cost, seconds)}" for name, seconds in cost.busy_s_by_rung.items())
    yield f"from {cost.basis}" + ("" if cost.prices else "; `prices:` in the config makes sums of hours")


def money(worth: float) -> str:
    """ "1,234.50", "0.0031": two decimals, or two digits of what is less than one."""
    return f"{worth:,.2f}" if worth >= 1.0 or worth == 0.0 else f"{worth:.2g}"


def _sum(cost: BuildCost, seconds: float) -> str:
    worth = cost.cost(seconds)
    return "" if worth is None or cost.prices is None else f"{money(worth)} {cost.prices.currency} for "


def _hours(cost: BuildCost) -> str:
    hours = f"{cost.cpu_hours(cost.time.held_s):,.3g} CPU-hours"
    return f"{cost.gpu_hours(cost.time.held_s):,.3g} GPU-hours and {hours}" if cost.gpus else hours


def _parts(cost: BuildCost) -> Iterator[str]:
    time = cost.time
    parts = {"busy": time.busy_s, "opening": time.opening_s, "waiting": time.waiting_s, "tail": time.tail_s}
    return (f"{name} {_share(cost, seconds)}" for name, seconds in parts.items() if seconds or name == "busy")


def _share(cost: BuildCost, seconds: float) -> str:
    """ "12.3% (0.04 USD)"."""
    worth = cost.cost(seconds)
    share = f"{seconds / cost.time.held_s:.1%}"
    return share if worth is None or cost.prices is None else f"{share} ({money(worth)} {cost.prices.currency})"


def _per(cost: BuildCost) -> str:
    """ "12.30 USD a million pages read, 14.10 kept; 9.80 a billion tokens (...)"; "" without prices or pages."""
    read, kept = cost.per(MILLION, cost.num_pages), cost.per(MILLION, cost.num_pages_kept)
    if cost.prices is None or read is None:
        return ""
    told = f"{money(read)} {cost.prices.currency} a million pages read" + ("" if kept is None else f", {money(kept)} kept")
    if cost.tokens is not None:
        per_token = cost.per(BILLION, cost.tokens.num_tokens)
        return told if per_token is None else f"{told}; {money(per_token)} a billion tokens ({cost.tokens.told})"
    per_char = cost.per(BILLION, cost.num_kept_chars)
    return told if per_char is None else f"{told}; {money(per_char)} a billion characters kept (nobody has counted tokens)"
