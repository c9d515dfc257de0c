"""Everything that is stored of one build, read once. In: the store and a build. Out: BuildFacts, which figures are made of.

Costs one get for each receipt, the columns of numbers of every pages file, the verdicts of one version, and the manifests of
the builds before it. Writes nothing but receipts that a crash prevented.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.commit import leaf_shards, read_receipts
from pipeline.builds.cost import BuildCost, read_spans
from pipeline.builds.past import past_builds
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipts_table import receipts_table
from pipeline.builds.worker_spans import WorkerSpan
from pipeline.config import BuildConfig
from pipeline.errors import ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import BuildFigures, GateReading, decode_refusal
from pipeline.publishing.gate_figures import night_figures
from pipeline.publishing.gates import Night
from pipeline.publishing.golden import GoldenScores, find_scores
from pipeline.publishing.spending import cost_of_build
from pipeline.publishing.verdicts import VERDICTS_SCHEMA
from pipeline.publishing.versions import VersionManifest, latest_version, list_versions
from pipeline.publishing.withdrawn import list_withdrawals
from pipeline.receipts import ShardReceipt
from pipeline.records import PageStatus
from pipeline.reporting.pages_tally import PagesTally, tally_pages
from pipeline.tables.parquet import decode

NUM_TRAILING = 7
"""Builds before this one that it is held against, as `gates.trailing_builds`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionFacts:
    """What a version, or a candidate that a gate kept back, made of the build."""

    version_id: str
    is_published: bool
    is_latest: bool
    gates: tuple[GateReading, ...]
    builds: tuple[BuildFigures, ...]
    """Of all its builds, in dataset order."""
    rules_differ: bool
    """It judged the pages by other rules than those they were read under."""
    verdicts: pa.Table
    """Its rows of this build."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuildFacts:
    dataset_uri: str
    plan: BuildPlan
    num_shards: int
    """That hold rows or will, split ones counted by their halves."""
    num_shards_done: int
    is_finished: bool
    receipts: tuple[ShardReceipt, ...]
    receipts_table: pa.Table
    pages: PagesTally
    version: VersionFacts | None
    """None while no version was made of the build."""
    golden: GoldenScores | None
    spans: tuple[WorkerSpan, ...]
    """Of every driver; () where none kept a journal."""
    cost: BuildCost | None
    """None when nobody said what a worker holds."""
    nights: Sequence[Night]
    """The trailing builds and, last, this one; empty without a version."""

    @property
    def build_id(self) -> str:
        return self.plan.build_id

    @property
    def num_opened(self) -> int:
        return sum(receipt.num_documents for receipt in self.receipts)

    @property
    def num_known(self) -> int:
        return sum(receipt.num_known for receipt in self.receipts)

    @property
    def num_quarantined(self) -> int:
        return sum(len(receipt.quarantined) for receipt in self.receipts)

    @property
    def num_rows(self) -> int:
        """By the receipts."""
        return sum(receipt.num_rows for receipt in self.receipts)

    @property
    def num_kept(self) -> int:
        return sum(receipt.num_kept for receipt in self.receipts)

    def num_with_status(self, status: PageStatus) -> int:
        """By the receipts."""
        return sum(receipt.pages_by_status.get(status, 0) for receipt in self.receipts)

    @property
    def is_balanced(self) -> bool:
        """Every planned document is accounted for, once all shards are read; the tables hold every opened document, a row for
        each page that it has, and as many as the receipts count."""
        accounted = self.num_opened + self.num_known + self.num_quarantined
        is_whole = accounted == self.plan.num_documents if self.num_shards_done == self.num_shards else True
        num_pages = self.pages.num_pages
        has_all_pages = num_pages == self.pages.num_pages_of_documents == self.num_rows
        return is_whole and has_all_pages and self.pages.num_documents == self.num_opened


def read_facts(store: ObjectStore, build_id: str, config: BuildConfig | None) -> BuildFacts:
    """`config` says what a worker holds and what that costs; without it no cost is told. Raises BuildError when the build was
    never planned, VerifyError, StoreError."""
    plan = read_plan(store, build_id)
    receipts = read_receipts(store, build_id)
    leaves = [shard.shard_id for shard in leaf_shards(plan, receipts)]
    manifest_key = layout.manifest_key(build_id)
    version = _version_facts(store, plan)
    in_order = tuple(receipts.values())
    return BuildFacts(
        dataset_uri=store.uri,
        plan=plan,
        num_shards=len(leaves),
        num_shards_done=sum(shard_id in receipts for shard_id in leaves),
        is_finished=any(info.key == manifest_key for info in store.list(manifest_key)),
        receipts=in_order,
        receipts_table=receipts_table(in_order),
        pages=tally_pages(store, build_id),
        version=version,
        golden=find_scores(store, build_id),
        spans=tuple(read_spans(store, build_id)),
        cost=None if config is None else cost_of_build(store, config, build_id, in_order),
        nights=_nights(store, config, build_id, version.builds if version else ()),
    )


def _version_facts(store: ObjectStore, plan: BuildPlan) -> VersionFacts | None:
    """The latest version when it holds the build, else a candidate that was kept back with it, else the newest that does."""
    latest = latest_version(store)
    if latest is not None and plan.build_id in latest.inputs.builds:
        return _of_version(store, latest, plan, is_latest=True)
    refused = _refusal(store, plan)
    if refused is not None:
        return refused
    gone = {each.version_id for each in list_withdrawals(store)}
    holding = [each for each in list_versions(store) if plan.build_id in each.inputs.builds and each.version_id not in gone]
    return _of_version(store, holding[-1], plan, is_latest=False) if holding else None


def _of_version(store: ObjectStore, version: VersionManifest, plan: BuildPlan, *, is_latest: bool) -> VersionFacts:
    return VersionFacts(
        version_id=version.version_id,
        is_published=True,
        is_latest=is_latest,
        gates=version.gates,
        builds=version.builds,
        rules_differ=version.inputs.rules.get("pages") != plan.stamp.rules.get("pages"),
        verdicts=_verdicts(store, version.version_id, plan.build_id),
    )


def _refusal(store: ObjectStore, plan: BuildPlan) -> VersionFacts | None:
    """The newest candidate with this build that a gate kept back."""
    found = [info for info in store.list(layout.VERSIONS_PREFIX) if layout.REFUSAL_KEY.fullmatch(info.key)]
    for info in sorted(found, key=lambda info: info.modified_at, reverse=True):
        refusal = decode_refusal(store.get(info.key), info.key)
        candidate = refusal.candidate
        if any(build.evidence.build_id == plan.build_id for build in candidate.builds):
            return VersionFacts(
                version_id=candidate.version_id,
                is_published=False,
                is_latest=False,
                gates=refusal.gates,
                builds=candidate.builds,
                rules_differ=False,
                verdicts=_verdicts(store, candidate.version_id, plan.build_id),
            )
    return None


def _verdicts(store: ObjectStore, version_id: str, build_id: str) -> pa.Table:
    """The rows of the build; of a version that was deleted, none."""
    names = ["id", "file_path", "build_id", "n_pages", "kept_pages", "reject", "kind"]
    try:
        table = decode(store.get(layout.verdicts_key(version_id)), names)
    except ObjectMissing:
        table = VERDICTS_SCHEMA.empty_table().select(names)
    return table.filter(pc.equal(table.column("build_id"), build_id))


def _nights(store: ObjectStore, config: BuildConfig | None, build_id: str, builds: Sequence[BuildFigures]) -> list[Night]:
    """This build and the trailing ones, as the gates see them."""
    ids = [each.evidence.build_id for each in builds]
    if build_id not in ids:
        return []
    here = ids.index(build_id)
    counts = {build.build_id: build.counts for build in past_builds(store)}
    return [
        Night(figures=each, beside=night_figures(store, config, each.evidence.build_id, counts[each.evidence.build_id]))
        for each in builds[max(0, here - NUM_TRAILING) : here + 1]
    ]
