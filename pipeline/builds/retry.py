"""Quarantined documents, read once more. In: a build's plan and receipts. Out: who stands in quarantine, and the plan with a
round of retries.

A round is a small plan beside the plan, `retries/<attempt>.parquet`, put once like it: of two drivers that begin one the first
has won, and both read its shards. A round begins when every shard before it is committed, so that what it holds follows from
the bucket alone. Its shards carry their attempt in their id, so they never meet the keys of earlier ones. The last attempt is
what counts of a document: read at last, it has left the quarantine; failed again, its attempts are added up. Publishing puts
an empty round, which no other can follow.

A published build never changes. What it left in quarantine is read by a later build: `keys_left` are planned again.
Costs a listing and a get for each round.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.commit import leaf_shards, open_shards
from pipeline.builds.plan import BuildPlan, decode_plan, document_key, encode_plan, plan_shards, planned_keys
from pipeline.builds.verdicts import decode_quarantine
from pipeline.config import PlanConfig
from pipeline.errors import BuildError, BuildIncomplete, ObjectMissing
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard, ShardReceipt
from pipeline.records import DocumentFailure

RETRIED = frozenset({"crashed", "deadline", "missing", "too_large"})
"""Reasons that may not hold another time: a lost machine, a slow one, a file that came back, a limit that was raised. The
others follow from the document's bytes."""


def quarantined(plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> list[tuple[str, DocumentFailure]]:
    """The documents whose last attempt failed, by the shard of that attempt; `attempts` are those of all rounds."""
    standing: dict[str, tuple[str, DocumentFailure]] = {}
    for shard in leaf_shards(plan, receipts):
        receipt = receipts.get(shard.shard_id)
        if receipt is None:
            continue
        failures = {document_key(failure.document): failure for failure in receipt.quarantined}
        before = {key: standing.pop(key, None) for key in _keys_again(shard)}
        for key, failure in failures.items():
            earlier = before.get(key)
            num_earlier = earlier[1].attempts if earlier else 0
            standing[key] = (shard.shard_id, replace(failure, attempts=failure.attempts + num_earlier))
    return sorted(standing.values(), key=lambda pair: pair[0])


def begin_retry(store: ObjectStore, plan: BuildPlan, receipts: Mapping[str, ShardReceipt], config: PlanConfig) -> BuildPlan:
    """The plan with one more round, of all quarantined documents that a retry may help; the plan as it is when there are none.
    Raises BuildIncomplete while shards are open, BuildError for a build that is published or about to be."""
    if open_shards(plan, receipts):
        raise BuildIncomplete(f"build {plan.build_id!r} has open shards; finish them before their documents are tried again")
    documents = [failure.document for _, failure in quarantined(plan, receipts) if failure.reason in RETRIED]
    attempt = next_attempt(plan)
    shards = plan_shards(documents, done=(), config=config, attempt=attempt)
    if not shards:
        return plan
    found = _put_round(store, plan, shards, attempt)
    if not found:
        raise BuildError(
            f"build {plan.build_id!r} is published, and a published build never changes; `pagemill build --build-id NEW "
            "--retry-quarantined` reads in a new build what this one left in quarantine"
        )
    return replace(plan, retries=(*plan.retries, *found))


def close_retries(store: ObjectStore, plan: BuildPlan) -> None:
    """Lets no further round begin. Raises BuildIncomplete when another driver has just begun one."""
    if _put_round(store, plan, (), next_attempt(plan)):
        raise BuildIncomplete(f"another driver has begun to retry documents of build {plan.build_id!r}; run this again")


def read_retries(store: ObjectStore, build_id: str) -> tuple[Shard, ...]:
    """The shards of all rounds, in their order. Raises VerifyError."""
    keys = [info.key for info in store.list(layout.retries_prefix(build_id))]
    return tuple(shard for key in keys for shard in decode_plan(store.get(key)).shards)


def next_attempt(plan: BuildPlan) -> int:
    """2 for the first round: the planned reading is the first attempt."""
    return 1 + max((shard.attempt for shard in plan.retries), default=1)


def keys_left(store: ObjectStore) -> set[str]:
    """`document_key` of what published builds left in quarantine for reasons that may have passed, and no later build has
    planned since. Costs reading every plan of the dataset."""
    left: set[str] = set()
    for build_id, data in _plans_by_age(store):
        left.difference_update(planned_keys(data))
        left.update(_left_by(store, build_id))
    return left


def _keys_again(shard: Shard) -> Iterator[str]:
    """Documents that earlier attempts may have left in quarantine; none of a first attempt, which spares hashing the plan."""
    return (document_key(document) for document in shard.documents if shard.attempt > 1)


def _put_round(store: ObjectStore, plan: BuildPlan, shards: Iterable[Shard], attempt: int) -> tuple[Shard, ...]:
    """The shards of the round that is there now, ours or another driver's. It bears the plan's date: the same for all."""
    key = layout.retry_key(plan.build_id, attempt)
    ours = replace(plan, shards=tuple(shards), retries=())
    if store.put_once(key, encode_plan(ours, attempt=attempt), attempt_id=uuid4().hex):
        return ours.shards
    return decode_plan(store.get(key)).shards


def _plans_by_age(store: ObjectStore) -> list[tuple[str, bytes]]:
    matches = [layout.PLAN_KEY.fullmatch(info.key) for info in store.list(layout.BUILDS_PREFIX)]
    plans = [(match["build_id"], store.get(match[0])) for match in matches if match]
    return sorted(plans, key=lambda pair: decode_plan(pair[1]).planned_at)


def _left_by(store: ObjectStore, build_id: str) -> Iterator[str]:
    """Of a build whose manifest is there; one that goes on can still read them itself."""
    try:
        store.head(layout.manifest_key(build_id))
    except ObjectMissing:
        return
    for reason, document in decode_quarantine(store.get(layout.quarantine_key(build_id))):
        if reason in RETRIED:
            yield document_key(document)
