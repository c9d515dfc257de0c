"""How a build begins or goes on: the plan that is there, or a new one.

In: the store of the dataset, the config, and a way to list the corpus. Out: the BuildPlan that every worker follows. The
first plan put is the plan: a second driver, a resumed run and a later night read it and do not list again. A build that was
planned with another recipe, other rules or another input is refused with the difference. Costs one listing of the corpus.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from uuid import uuid4

from pipeline.builds import layout
from pipeline.builds.hash_set import HashSet
from pipeline.builds.plan import BuildPlan, decode_plan, encode_plan, plan_shards, planned_keys
from pipeline.builds.recipe import difference, recipe_of
from pipeline.config import BuildConfig
from pipeline.errors import BuildError, ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.quality.language import LANGUAGE_DETECTOR
from pipeline.records import DocumentRef
from pipeline.tables.footer import BuildStamp


def begin_build(
    store: ObjectStore,
    config: BuildConfig,
    list_documents: Callable[[], Iterable[DocumentRef]],
    *,
    code_version: str,
) -> BuildPlan:
    """The plan of `config.build_id`, made and put when there is none. A plan of no shards means that earlier builds have
    planned everything listed; it is not put. Raises StoreUnsafe, StoreError, and BuildError for an empty corpus or a build
    that was planned otherwise."""
    if not config.output.single_writer:
        store.probe()
    stamp = stamp_of_config(config, code_version)
    planned = find_plan(store, config.build_id)
    if planned is None:
        planned = _put_plan(store, preview_plan(store, config, list_documents, code_version=code_version))
    refuse_another_build(planned, stamp, input_uri=absolute_uri(config.input.uri))
    return planned


def preview_plan(
    store: ObjectStore,
    config: BuildConfig,
    list_documents: Callable[[], Iterable[DocumentRef]],
    *,
    code_version: str,
) -> BuildPlan:
    """The plan that `begin_build` would put, without putting it. Raises BuildError for an empty corpus."""
    documents = iter(list_documents())
    first = next(documents, None)
    if first is None:
        raise BuildError(f"no documents in {config.input.uri}; check the address, or give one that holds PDFs or images")
    done = keys_of_builds(store, but=config.build_id)
    shards = plan_shards(chain([first], documents), done=done, config=config.plan, workers=config.engine.workers)
    return BuildPlan(
        stamp=stamp_of_config(config, code_version),
        input_uri=absolute_uri(config.input.uri),
        planned_at=datetime.now(UTC),
        shards=tuple(shards),
    )


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


def keys_of_builds(store: ObjectStore, *, but: str) -> HashSet:
    """`document_key` of every document that another build of this dataset than `but` has planned, finished or not. A plan of
    `but` itself can only be that of a second driver a moment ago, and will be found when ours is put."""
    found = [layout.PLAN_KEY.fullmatch(info.key) for info in store.list(layout.BUILDS_PREFIX)]
    plans = [match.string for match in found if match and match["build_id"] != but]
    return HashSet(key for plan in plans for key in planned_keys(store.get(plan)))


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
    """Raises BuildError with the difference, when the build was planned with another recipe, other rules or another input."""
    for what, old, new in (
        ("another recipe", plan.stamp.recipe, stamp.recipe),
        ("other rules", plan.stamp.rules, stamp.rules),
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


def _put_plan(store: ObjectStore, plan: BuildPlan) -> BuildPlan:
    if not plan.shards or store.put_once(layout.plan_key(plan.build_id), encode_plan(plan), attempt_id=uuid4().hex):
        return plan
    return read_plan(store, plan.build_id)
