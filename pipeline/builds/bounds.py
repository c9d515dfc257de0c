"""What breaks first: each limit of one dataset, with the number of pages at which it is met.

In: nothing, but the figures of `capacity_figures`. Out: Bounds, the first to break first. A bound is of one dataset with the
default shards. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.builds import capacity_figures as of
from pipeline.builds.capacity import DEEPSEEK
from pipeline.builds.capacity_figures import PAGES_PER_DOCUMENT, PAGES_PER_SHARD

PATIENCE = f"{of.PATIENCE_S.value:,.0f} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A limit."""

    what: str
    formula: str
    """With the figures in it."""
    num_pages: float
    """At which it is met."""
    is_of_shards: bool
    """Shards ten times larger meet it at ten times the pages; documents are what the others count."""
    remedy: str


def bounds() -> Sequence[Bound]:
    """The first to break first."""
    receipts_per_s = of.PARALLEL_GETS / of.GET_S.value
    keys_per_s = of.KEYS_PER_LIST / of.LIST_S.value
    receipt_bytes = of.RECEIPT_BYTES.value + of.MANIFEST_MEMORY_BYTES.value
    shards, documents = PAGES_PER_SHARD, PAGES_PER_DOCUMENT
    found = [
        Bound(
            what="A driver that begins again reads every receipt of its build",
            formula=f"{of.PARALLEL_GETS} at once, {of.GET_S.value} s each: {receipts_per_s:,.0f} a second, for {PATIENCE}",
            num_pages=receipts_per_s * of.PATIENCE_S.value * shards,
            is_of_shards=True,
            remedy="several builds or datasets; larger shards (`plan.shard_bytes`): ten times larger, ten times fewer",
        ),
        Bound(
            what="Planning runs in one thread of the driver",
            formula=f"{of.DOCUMENT_S.value} CPU s a million documents for {PATIENCE}",
            num_pages=of.PATIENCE_S.value / of.DOCUMENT_S.value * 1e6 * documents,
            is_of_shards=False,
            remedy="several datasets, one prefix of the corpus each",
        ),
        Bound(
            what="The driver that publishes holds every document's verdict",
            formula=f"{of.VERDICT_BYTES.value:,.0f} bytes a document in {of.DRIVER_BYTES.value / 1e9:,.0f} GB",
            num_pages=of.DRIVER_BYTES.value / of.VERDICT_BYTES.value * documents,
            is_of_shards=False,
            remedy="a machine with more memory; several datasets, blended by the readers",
        ),
        Bound(
            what="The driver that plans holds every document and each earlier one's key",
            formula=f"{of.DOCUMENT_BYTES.value:,.0f} bytes a document in {of.DRIVER_BYTES.value / 1e9:,.0f} GB",
            num_pages=of.DRIVER_BYTES.value / of.DOCUMENT_BYTES.value * documents,
            is_of_shards=False,
            remedy="a machine with more memory; several datasets, one prefix of the corpus each",
        ),
        Bound(
            what="plan.parquet is one PUT",
            formula=f"{of.PLAN_BYTES.value:,.0f} bytes a document in {of.MOST_PUT_BYTES.value / 1e9:,.0f} GB",
            num_pages=of.MOST_PUT_BYTES.value / of.PLAN_BYTES.value * documents,
            is_of_shards=False,
            remedy="several builds: each plans what earlier ones have not",
        ),
        Bound(
            what="manifest.json, all receipts of a build, is one PUT",
            formula=f"{of.MANIFEST_BYTES.value:,.0f} bytes a shard in {of.MOST_PUT_BYTES.value / 1e9:,.0f} GB",
            num_pages=of.MOST_PUT_BYTES.value / of.MANIFEST_BYTES.value * shards,
            is_of_shards=True,
            remedy="several builds, or larger shards",
        ),
        Bound(
            what="A driver that begins again lists pages and receipts",
            formula=f"{of.KEYS_PER_LIST:,} keys in {of.LIST_S.value} s, two listings, for {PATIENCE}",
            num_pages=keys_per_s / 2 * of.PATIENCE_S.value * shards,
            is_of_shards=True,
            remedy="several builds, or larger shards",
        ),
        Bound(
            what="The driver that closes a build holds its receipts and its manifest",
            formula=f"{receipt_bytes:,.0f} bytes a shard in {of.DRIVER_BYTES.value / 1e9:,.0f} GB",
            num_pages=of.DRIVER_BYTES.value / receipt_bytes * shards,
            is_of_shards=True,
            remedy="several builds, or larger shards",
        ),
    ]
    return sorted(found, key=lambda bound: bound.num_pages)


def workers_at_the_put_limit() -> float:
    """GPUs at which the pages files of one build meet the PUTs of one prefix."""
    return of.PREFIX_PUTS.value * PAGES_PER_SHARD / (DEEPSEEK.pages_per_day / of.SECONDS_PER_DAY)


def workers_at_the_get_limit() -> float:
    """GPUs at which documents that lie under one prefix are fetched as fast as it gives them."""
    return of.PREFIX_GETS.value * PAGES_PER_DOCUMENT / (DEEPSEEK.pages_per_day / of.SECONDS_PER_DAY)
