"""A whole small build in a store, as the factory would leave it."""

from collections.abc import Sequence

from pipeline.builds.begin import begin_build
from pipeline.builds.commit import commit_shard
from pipeline.builds.plan import BuildPlan
from pipeline.config import BuildConfig, parse_config
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread, one_by_one
from pipeline.publishing import publish as publishing
from pipeline.publishing.candidate import Gates, no_gates
from pipeline.publishing.versions import VersionManifest
from pipeline.records import DocumentRef
from tests.tables.samples import document, pages_file

CORPUS = tuple(document(f"{name}.pdf", aliases=(f"/corpus/copy of {name}.pdf",) if name == "a" else ()) for name in "abcdefgh")
CORPUS += (document("broken.bad"),)


def config(build_id: str = "main", **sections: object) -> BuildConfig:
    values = {"input": {"uri": "/corpus"}, "output": {"uri": "/out"}, "plan": {"shard_documents": 4}, "build_id": build_id}
    return parse_config({**values, **sections})


def publish(
    store: ObjectStore,
    config: BuildConfig,
    *,
    name: str | None = None,
    spread: Spread = one_by_one,
    gates: Gates = no_gates,
) -> VersionManifest:
    return publishing.publish(store, config, code_version="0.1.0", name=name, spread=spread, gates=gates)


def planned_build(
    store: ObjectStore, corpus: Sequence[DocumentRef] = CORPUS, build_id: str = "main", **sections: object
) -> BuildPlan:
    return begin_build(store, config(build_id, **sections), lambda: corpus, code_version="0.1.0")


def finished_build(
    store: ObjectStore, corpus: Sequence[DocumentRef] = CORPUS, build_id: str = "main", **sections: object
) -> BuildPlan:
    """Every shard committed, nothing published."""
    plan = planned_build(store, corpus, build_id, **sections)
    for shard in plan.shards:
        commit_shard(store, build_id, shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    return plan
