"""How far a build is. In: the store. Out: BuildStatus, every number a sum over receipts. Opens no pages file."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.commit import leaf_shards, read_receipts
from pipeline.builds.plan import BuildPlan
from pipeline.interfaces import ObjectStore
from pipeline.receipts import ShardReceipt

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildStatus:
    """Counts of one build; shards are those that hold rows or will, split ones counted by their halves."""

    build_id: str
    planned_at: datetime
    num_shards: int
    num_shards_done: int
    num_documents_planned: int
    num_documents_opened: int
    num_documents_known: int
    """Whose bytes had been read before."""
    quarantined_by_reason: Mapping[str, int]
    num_pages: int
    num_pages_kept: int
    num_kept_chars: int
    pages_by_status: Mapping[str, int]
    pages_by_reject: Mapping[str, int]
    pages_by_rung: Mapping[str, int]
    seconds_by_rung: Mapping[str, float]
    pages_by_mode: Mapping[str, int]
    """This and the next two: of pages whose vision and text tokens are known."""
    vision_tokens_by_mode: Mapping[str, int]
    text_tokens_by_mode: Mapping[str, int]
    size_bytes: int
    """Of the pages files."""
    engine_s: float
    """Summed over workers."""
    is_finished: bool
    """Every shard is read and its manifest is put: versions are made of it."""

    @property
    def num_shards_open(self) -> int:
        return self.num_shards - self.num_shards_done

    @property
    def num_documents_quarantined(self) -> int:
        return sum(self.quarantined_by_reason.values())


def status(store: ObjectStore, build_id: str) -> BuildStatus:
    """Raises BuildError when the build was never planned."""
    return status_of(store, read_plan(store, build_id), read_receipts(store, build_id))


def status_of(store: ObjectStore, plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> BuildStatus:
    """The same, of a plan and its receipts that were read already."""
    leaves = list(leaf_shards(plan, receipts))
    manifest_key = layout.manifest_key(plan.build_id)
    return BuildStatus(
        build_id=plan.build_id,
        planned_at=plan.planned_at,
        num_shards=len(leaves),
        num_shards_done=sum(shard.shard_id in receipts for shard in leaves),
        num_documents_planned=plan.num_documents,
        num_documents_opened=sum(receipt.num_documents for receipt in receipts.values()),
        num_documents_known=sum(receipt.num_known for receipt in receipts.values()),
        quarantined_by_reason=Counter(failure.reason for receipt in receipts.values() for failure in receipt.quarantined),
        num_pages=sum(receipt.num_rows for receipt in receipts.values()),
        num_pages_kept=sum(receipt.num_kept for receipt in receipts.values()),
        num_kept_chars=sum(receipt.num_kept_chars for receipt in receipts.values()),
        pages_by_status=summed(receipt.pages_by_status for receipt in receipts.values()),
        pages_by_reject=summed(receipt.pages_by_reject for receipt in receipts.values()),
        pages_by_rung=summed(receipt.pages_by_rung for receipt in receipts.values()),
        seconds_by_rung=summed(receipt.seconds_by_rung for receipt in receipts.values()),
        pages_by_mode=summed(receipt.pages_by_mode for receipt in receipts.values()),
        vision_tokens_by_mode=summed(receipt.vision_tokens_by_mode for receipt in receipts.values()),
        text_tokens_by_mode=summed(receipt.text_tokens_by_mode for receipt in receipts.values()),
        size_bytes=sum(receipt.size_bytes for receipt in receipts.values()),
        engine_s=sum(receipt.times.engine_s for receipt in receipts.values()),
        is_finished=any(info.key == manifest_key for info in store.list(manifest_key)),
    )


def summed(parts: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    """The sum by name over receipts."""
    totals: dict[str, Number] = {}
    for part in parts:
        for name, number in part.items():
            totals[name] = totals[name] + number if name in totals else number
    return dict(sorted(totals.items()))
