"""A build's manifest and quarantine against its plan and its receipts. In: the store, the plan, the receipts. Out: findings."""

from collections.abc import Iterator, Mapping

from pipeline.builds import layout
from pipeline.builds.ledger import read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.quarantine import QUARANTINE_SCHEMA, quarantine_table
from pipeline.builds.recipe import recipe_id
from pipeline.builds.verify_shard import Finding
from pipeline.errors import ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.receipts import BuildManifest, ShardReceipt
from pipeline.tables.parquet import decode


def check_manifest(store: ObjectStore, plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> Iterator[Finding]:
    """None when the build has no manifest: it is not finished."""
    key = layout.manifest_key(plan.build_id)
    try:
        manifest = read_manifest(store, plan.build_id)
    except ObjectMissing:
        return
    except VerifyError as error:
        yield Finding(kind="damaged", key=key, message=str(error))
        return
    listed = {receipt.shard_id: receipt for receipt in manifest.receipts}
    for shard_id in sorted(listed.keys() | receipts.keys()):
        if listed.get(shard_id) != receipts.get(shard_id):
            message = f"its receipt of shard {shard_id} is not the one in the bucket"
            yield Finding(kind="manifest", key=key, message=message)
    for name, found, expected in (
        ("number of documents is", manifest.num_documents_planned, plan.num_documents),
        ("recipe is", manifest.recipe, plan.stamp.recipe),
        ("recipe id is", manifest.recipe_id, recipe_id(plan.stamp.recipe)),
        ("rules are", manifest.rules, plan.stamp.rules),
        ("code version is", manifest.code_version, plan.stamp.code_version),
        ("date is", manifest.planned_at, plan.planned_at),
    ):
        if found != expected:
            message = f"its {name} not the plan's: {found!r}, planned was {expected!r}"
            yield Finding(kind="manifest", key=key, message=message)
    yield from _check_quarantine(store, manifest)


def _check_quarantine(store: ObjectStore, manifest: BuildManifest) -> Iterator[Finding]:
    key = layout.quarantine_key(manifest.build_id)
    try:
        found = decode(store.get(key), QUARANTINE_SCHEMA.names)
    except (ObjectMissing, VerifyError) as error:
        yield Finding(kind="damaged", key=key, message=str(error))
        return
    expected = quarantine_table((receipt.shard_id, each) for receipt in manifest.receipts for each in receipt.quarantined)
    if not found.equals(expected):
        yield Finding(kind="manifest", key=key, message="not the documents that the receipts name as failed")
