"""The gates of a dataset, with all that they measure fetched. In: the store and a config. Out: what `publish` takes as `gates`.

Reads plans, manifests and golden scores of the new builds and of the trailing ones, when a candidate is there. Costs a few
requests a build.
"""

from collections.abc import Collection, Sequence
from functools import partial

from pipeline.builds.changes import ListingCounts
from pipeline.builds.cost import build_cost, read_spans, time_at_work
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
        beside=lambda build_id: night_figures(store, config, build_id, counts[build_id]),
        published=parent.inputs.builds if parent else (),
        config=config.gates,
        accepted=accepted,
    )


def night_figures(store: ObjectStore, config: BuildConfig | None, build_id: str, counts: ListingCounts) -> NightFigures:
    """Of a finished build, at the prices of the config, if there is one. Raises VerifyError, ObjectMissing."""
    scores = find_scores(store, build_id)
    receipts = read_manifest(store, build_id).receipts
    return NightFigures(
        num_names_held=counts.num_held,
        num_names_removed=counts.num_removed,
        worker_s=sum(time.held_s for time in time_at_work(receipts).values()),
        cost=_cost(store, config, build_id, receipts),
        golden_error_fraction=None if scores is None else scores.error_fraction,
    )


def _cost(store: ObjectStore, config: BuildConfig | None, build_id: str, receipts: Sequence[ShardReceipt]) -> float | None:
    if config is None or config.prices is None:
        return None
    return build_cost(read_spans(store, build_id), receipts, engine=config.engine, prices=config.prices).total
