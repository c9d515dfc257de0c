"""The gates of a dataset, with all that they measure fetched. In: the store and a config. Out: what `publish` takes as `gates`.

Reads plans, manifests and golden scores of the new builds and of the trailing ones, when a candidate is there. Costs a few
requests a build.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import partial

from pipeline.builds.changes import ListingCounts
from pipeline.builds.ledger import read_manifest
from pipeline.builds.past import past_builds
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import Candidate, GateReading, Gates
from pipeline.publishing.gates import NightFigures, read_gates
from pipeline.publishing.golden import find_scores
from pipeline.publishing.versions import find_version
from pipeline.receipts import ShardReceipt


def gates_of(store: ObjectStore, config: BuildConfig, *, accepted: Collection[str]) -> Gates:
    """The gates under the limits of the config; those in `accepted` let everything pass and say so."""
    return partial(_read, store, config, accepted)


def _read(store: ObjectStore, config: BuildConfig, accepted: Collection[str], candidate: Candidate) -> Sequence[GateReading]:
    parent = find_version(store, candidate.parent_id) if candidate.parent_id else None
    counts = {build.build_id: build.counts for build in past_builds(store)}
    return read_gates(
        candidate,
        beside=lambda build_id: night_figures(store, build_id, counts[build_id]),
        published=parent.inputs.builds if parent else (),
        config=config.gates,
        accepted=accepted,
    )


def night_figures(store: ObjectStore, build_id: str, counts: ListingCounts) -> NightFigures:
    """Of a finished build. Raises VerifyError, ObjectMissing."""
    scores = find_scores(store, build_id)
    return NightFigures(
        num_names_held=counts.num_held,
        num_names_removed=counts.num_removed,
        worker_s=worker_seconds(read_manifest(store, build_id).receipts),
        golden_error_fraction=None if scores is None else scores.error_fraction,
    )


def worker_seconds(receipts: Iterable[ShardReceipt]) -> float:
    """Wall seconds in which a worker was at work on some shard, summed over workers: two shards at once count once."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for receipt in receipts:
        finished_s = receipt.finished_at.timestamp()
        spans[receipt.worker].append((finished_s - receipt.times.total_s, finished_s))
    return sum(_covered_s(sorted(of_worker)) for of_worker in spans.values())


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals that are sorted by their start."""
    total_s, reached_s = 0.0, float("-inf")
    for start_s, end_s in spans:
        total_s += max(0.0, end_s - max(start_s, reached_s))
        reached_s = max(reached_s, end_s)
    return total_s
