"""A build whose shards are all read is closed: its quarantine and its manifest are put, and nothing is added to it any more.

In: the store and a plan. Out: the BuildManifest. Only closed builds are published. Deterministic: whoever closes a build puts
these bytes, and a close that crashed is done again. Costs one get for each receipt.
"""

from collections.abc import Iterator
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.commit import leaf_shards, open_shards, read_receipts
from pipeline.builds.ledger import encode_manifest, read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.quarantine import encode_quarantine
from pipeline.builds.recipe import recipe_id
from pipeline.errors import BuildError, BuildIncomplete, ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.receipts import BuildManifest
from pipeline.tables.schemas import SCHEMA_VERSION


def close_build(store: ObjectStore, plan: BuildPlan) -> BuildManifest:
    """The manifest that is there, or a new one. Raises BuildIncomplete while shards are missing."""
    try:
        return read_manifest(store, plan.build_id)
    except ObjectMissing:
        return _put_manifest(store, plan)


def finished_builds(store: ObjectStore) -> Iterator[str]:
    """Ids of all closed builds, by id."""
    matches = (layout.MANIFEST_KEY.fullmatch(info.key) for info in store.list(layout.BUILDS_PREFIX))
    return (match["build_id"] for match in matches if match)


def put_same(store: ObjectStore, key: str, data: bytes, *, attempt_id: str) -> None:
    """Puts an object, or finds these very bytes there: what crashed is run again. Raises BuildError for other bytes."""
    if store.put_once(key, data, attempt_id=attempt_id) or store.get(key) == data:
        return
    raise BuildError(
        f"{key} in {store.uri} is there with other bytes than this version of the code makes; finish with the version that "
        "began, or delete it first"
    )


def _put_manifest(store: ObjectStore, plan: BuildPlan) -> BuildManifest:
    receipts = read_receipts(store, plan.build_id)
    todo = open_shards(plan, receipts)
    if todo:
        num_shards = sum(1 for _ in leaf_shards(plan, receipts))
        raise BuildIncomplete(
            f"build {plan.build_id!r} lacks {len(todo)} of {num_shards} shards; run `pagemill build` again to finish them"
        )
    attempt_id = uuid4().hex
    failures = [(receipt.shard_id, failure) for receipt in receipts.values() for failure in receipt.quarantined]
    manifest = BuildManifest(
        build_id=plan.build_id,
        schema_version=SCHEMA_VERSION,
        recipe_id=recipe_id(plan.stamp.recipe),
        recipe=plan.stamp.recipe,
        rules=plan.stamp.rules,
        code_version=plan.stamp.code_version,
        planned_at=plan.planned_at,
        receipts=tuple(receipts.values()),
        num_documents_planned=plan.num_documents,
    )
    put_same(store, layout.quarantine_key(plan.build_id), encode_quarantine(failures, plan.stamp), attempt_id=attempt_id)
    put_same(store, layout.manifest_key(plan.build_id), encode_manifest(manifest), attempt_id=attempt_id)
    return manifest
