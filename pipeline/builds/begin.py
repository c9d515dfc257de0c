"""How a build begins or goes on: the plan that is there, or a new one.

In: the store of the dataset, the config, and a way to list the corpus. Out: the BuildPlan that every worker follows. The
first plan put is the plan: a second driver, a resumed run and a later night read it and do not list again. A build that was
planned with another recipe or another input is refused with the difference. Its pages are judged with the rules that it was
planned with, so that all of them agree, whatever the config says by now; the rules of the config are applied when it is
published. Costs one listing of the corpus and one reading of every earlier plan (`infra/benchmarks/scale.md`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from pipeline.builds import layout
from pipeline.builds.audit import read_forgotten
from pipeline.builds.changes import ListingCounts, NameChange, encode_changes
from pipeline.builds.listing import chosen, listing_of, rows_beyond
from pipeline.builds.names import NameDifferences, compare_names
from pipeline.builds.past import Past, changes_of, read_past, removals
from pipeline.builds.plan import BuildPlan, decode_plan, encode_plan, plan_shards
from pipeline.builds.recipe import difference, recipe_of
from pipeline.builds.retries import documents_to_retry, retriable_keys, retry_id
from pipeline.config import BuildConfig, RulesConfig
from pipeline.errors import BuildError, ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.quality.language import LANGUAGE_DETECTOR
from pipeline.records import DocumentRef
from pipeline.tables.footer import BuildStamp

ListDocuments = Callable[[], Iterable[DocumentRef]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A plan that is not put yet, and what it rests on."""

    plan: BuildPlan
    past: Past
    differences: NameDifferences

    def changes(self, store: ObjectStore) -> Iterator[NameChange]:
        yield from self.differences.changes()
        yield from removals(store, self.past, self.differences.removed, input_uri=self.plan.input_uri)


def begin_build(store: ObjectStore, config: BuildConfig, list_documents: ListDocuments, *, code_version: str) -> BuildPlan:
    """The plan of `config.build_id`, made and put when there is none. A plan without work (nothing to read, no name has come or
    gone) is not put: `put_plan` records it for whoever wants that. Raises StoreUnsafe, StoreError, and BuildError for an empty
    corpus or a build that was planned otherwise."""
    probe(store, config)
    planned = find_plan(store, config.build_id)
    if planned is None:
        draft = draft_plan(store, config, list_documents, code_version=code_version)
        planned = _put_draft(store, draft)
    refuse_another_build(planned, stamp_of_config(config, code_version), input_uri=absolute_uri(config.input.uri))
    return planned


def draft_plan(store: ObjectStore, config: BuildConfig, list_documents: ListDocuments, *, code_version: str) -> Draft:
    """What `begin_build` would put, without putting it. Raises BuildError for an empty corpus."""
    documents = iter(list_documents())
    first = next(documents, None)
    if first is None:
        raise BuildError(f"no documents in {config.input.uri}; check the address, or give one that holds PDFs or images")
    input_uri = absolute_uri(config.input.uri)
    past = read_past(store, input_uri=input_uri, but=config.build_id)
    forgotten = read_forgotten(store)
    listing = listing_of(document for document in chain([first], documents) if not forgotten.names(document))
    again = retriable_keys(past, config.retry)
    is_new = rows_beyond(listing, past.planned)
    is_retried = ~rows_beyond(listing, again)
    is_planned = is_new | is_retried
    shards = plan_shards(chosen(listing, is_planned), config=config.plan, workers=config.engine.workers)
    differences = compare_names(listing, past.held, is_planned=is_planned, is_retried=is_retried)
    plan = BuildPlan(
        stamp=stamp_of_config(config, code_version),
        input_uri=input_uri,
        planned_at=time_after(past),
        shards=tuple(shards),
        counts=differences.counts,
    )
    return Draft(plan=plan, past=past, differences=differences)


def begin_retry(store: ObjectStore, config: BuildConfig, reasons: Collection[str], *, code_version: str) -> BuildPlan | None:
    """The plan of a build that tries again what is in quarantine for one of `reasons`, or the one that was begun and is not
    finished; lists nothing. None when there is nothing to try again. Raises StoreError, BuildError."""
    probe(store, config)
    input_uri = absolute_uri(config.input.uri)
    past = read_past(store, input_uri=input_uri, but="")
    build_id = retry_id(config.build_id, past.builds)
    stamp = stamp_of_config(config.model_copy(update={"build_id": build_id}), code_version)
    planned = find_plan(store, build_id)
    if planned is None:
        forgotten = read_forgotten(store)
        again = listing_of(each for each in documents_to_retry(past, reasons) if not forgotten.names(each))
        if not len(again.keys):
            return None
        planned = put_plan(
            store,
            BuildPlan(
                stamp=stamp,
                input_uri=input_uri,
                planned_at=time_after(past),
                shards=tuple(plan_shards(again, config=config.plan, workers=config.engine.workers)),
                counts=ListingCounts(num_retried=len(again.keys)),
            ),
        )
    refuse_another_build(planned, stamp, input_uri=input_uri)
    return planned


def time_after(past: Past) -> datetime:
    """Now; but later than every build that was seen, whatever the clocks of other machines said."""
    now = datetime.now(UTC)
    return max(now, past.builds[-1].planned_at + timedelta(microseconds=1)) if past.builds else now


def put_plan(store: ObjectStore, plan: BuildPlan) -> BuildPlan:
    """The plan of the build: this one, or the one that another driver has put before."""
    if store.put_once(layout.plan_key(plan.build_id), encode_plan(plan), attempt_id=uuid4().hex):
        return plan
    return read_plan(store, plan.build_id)


def read_changes(store: ObjectStore, plan: BuildPlan) -> Iterator[NameChange]:
    """The names that the build's listing found removed, returned or renamed. Raises VerifyError, ObjectMissing."""
    return changes_of(store, plan.changes_key)


def probe(store: ObjectStore, config: BuildConfig) -> None:
    """Raises StoreUnsafe when the store cannot put once and the config does not promise a single writer."""
    if not config.output.single_writer:
        store.probe()


def config_of_plan(config: BuildConfig, plan: BuildPlan) -> BuildConfig:
    """The config that workers read by: its rules are the plan's. Raises BuildError when this version does not know those."""
    try:
        rules = RulesConfig.model_validate(plan.stamp.rules)
    except ValidationError as error:
        raise BuildError(
            f"build {plan.build_id!r} was planned with rules that this version does not know; finish it with version "
            f"{plan.stamp.code_version}"
        ) from error
    return config.model_copy(update={"rules": rules})


def find_plan(store: ObjectStore, build_id: str) -> BuildPlan | None:
    """The plan of a build; None when it was never planned."""
    key = layout.plan_key(build_id)
    try:
        data = store.get(key)
    except ObjectMissing:
        return None
    try:
        return decode_plan(data)
    except VerifyError as error:
        raise VerifyError(f"{key} is no plan: {error}") from error


def read_plan(store: ObjectStore, build_id: str) -> BuildPlan:
    """Raises BuildError when the build was never planned."""
    plan = find_plan(store, build_id)
    if plan is None:
        raise BuildError(f"there is no build {build_id!r} in {store.uri}; `pagemill build` makes it")
    return plan


def stamp_of_config(config: BuildConfig, code_version: str) -> BuildStamp:
    """The build as its plan knows it; a worker adds the engine's version."""
    return BuildStamp(
        build_id=config.build_id,
        recipe=recipe_of(config),
        rules=config.rules.model_dump(mode="json"),
        engine=config.engine.name,
        code_version=code_version,
        lang_detector=LANGUAGE_DETECTOR,
    )


def refuse_another_build(plan: BuildPlan, stamp: BuildStamp, *, input_uri: str) -> None:
    """Raises BuildError with the difference, when the build was planned with another recipe or another input."""
    for what, old, new in (
        ("another recipe", plan.stamp.recipe, stamp.recipe),
        ("another input", {"uri": plan.input_uri}, {"uri": input_uri}),
    ):
        changed = difference(old, new)
        if changed:
            raise BuildError(
                f"build {plan.build_id!r} was planned with {what} ({changed}); put the old value back to go on "
                f"with it, or give another output to read everything anew"
            )


def absolute_uri(uri: str) -> str:
    """A URI that does not depend on the working directory."""
    return uri if "://" in uri else str(Path(uri).absolute())


def _put_draft(store: ObjectStore, draft: Draft) -> BuildPlan:
    """The changes first, so that a plan never names a table that is not there; a crash between the two leaves a table that no
    plan names."""
    plan, counts = draft.plan, draft.plan.counts
    if counts.num_removed + counts.num_returned + counts.num_renamed:
        attempt_id = uuid4().hex
        plan = replace(plan, changes_key=layout.changes_key(plan.build_id, attempt_id))
        store.put_once(plan.changes_key, encode_changes(draft.changes(store), plan.stamp), attempt_id=attempt_id)
    return put_plan(store, plan) if plan.has_work else plan
