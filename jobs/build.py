"""`pagemill build`: plan, read, publish; run again, it goes on where it was."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from rich.console import Console

from jobs.command_line import (
    DONE,
    add_config_arguments,
    code_version,
    config_of,
    end_process,
    parser_for,
    ray_address,
    run_command,
    stay_interruptible,
)
from jobs.cost_rows import add_cost
from jobs.event_log import log_event
from jobs.golden import is_golden_unread, read_golden
from jobs.journal import journal_of
from jobs.logs import WORKER_HOOK, adopt_loggers, may_draw, say, worker_environment
from jobs.progress import Display, Tally, summary
from jobs.report import publish_and_report
from pipeline.builds import layout
from pipeline.builds.begin import begin_build, begin_retry, config_of_plan
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.builds.cost import BuildCost
from pipeline.builds.images import agree_on_images
from pipeline.builds.ledger import read_manifest
from pipeline.builds.plan import BuildPlan
from pipeline.builds.stop import StopWatch
from pipeline.cluster import DriverMeters, connect, disconnect, object_store_bytes, over_tasks, run_shards
from pipeline.config import BuildConfig
from pipeline.config.values import QuarantineReason
from pipeline.errors import BuildIncomplete, ConfigError, SourceError, StoreError
from pipeline.events import Listener
from pipeline.interfaces import ObjectStore
from pipeline.log_ids import ids_of_this_work, now_about
from pipeline.parallel import Spread, one_by_one
from pipeline.publishing.gate_figures import gates_of
from pipeline.publishing.known import known_ids
from pipeline.publishing.spending import cost_of_build
from pipeline.publishing.tokens import keep_tokenizer
from pipeline.publishing.versions import VersionManifest
from pipeline.receipts import Shard, ShardReceipt
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store

LOOK_AT_FOLDER = (
    '{python} -c "import pyarrow.dataset as d; '
    "[print(r['file_path'], r['n_pages'], r['language'], r['text'][:300], sep='\\n', end='\\n\\n') "
    "for r in d.dataset('{documents}').to_table().to_pylist()]\""
)
LOOK_AT_BUCKET = "pagemill verify CONFIG (with the same arguments) recounts it; README.md beside the data says how to load it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A build that was read to its end and published."""

    version: VersionManifest
    tally: Tally
    elapsed_s: float
    num_pages_now: int
    """Read by this run; earlier runs of the build read the others."""
    cost: BuildCost
    """Of all its runs."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "build",
        "Read a corpus into pages and documents. Run the same command again and it goes on where it was.",
        "pagemill build configs/quickstart.yaml --input s3://corpus/pdf --output out/books --set engine.workers=2",
    )
    add_config_arguments(parser)
    parser.add_argument(
        "--retry-quarantined",
        action="store_true",
        help="list nothing, and try again what earlier builds left in quarantine, as a build of its own: BUILD_ID-retry-1, ...",
    )
    parser.add_argument(
        "--reasons", nargs="+", choices=get_args(QuarantineReason), help="with that: these and not those of retry.reasons"
    )
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    if arguments.reasons and not arguments.retry_quarantined:
        raise ConfigError("--reasons says what --retry-quarantined tries again; give both, or set retry.reasons")
    store = open_store(config.output)
    stop = StopWatch(store, config.build_id)
    plan = (
        plan_retry(config, store, arguments.reasons or config.retry.reasons)
        if arguments.retry_quarantined
        else plan_build(config, store)
    )
    if plan is None:
        return DONE
    outcome = read_and_publish(config.model_copy(update={"build_id": plan.build_id}), store, plan, check=_go_on, stop=stop)
    console = Console(file=sys.stdout, highlight=False)
    table = summary(outcome.tally, elapsed_s=outcome.elapsed_s, num_pages_now=outcome.num_pages_now)
    add_cost(table, outcome.cost)
    console.print(table)
    console.print(where_it_lies(config, outcome.version), soft_wrap=True)
    return DONE


def plan_build(config: BuildConfig, store: ObjectStore) -> BuildPlan | None:
    """The plan of the build; None, and a word about it, when there is nothing to do."""
    now_about(build_id=config.build_id)
    say(f"build {config.build_id}: {config.input.uri} -> {config.output.uri}")
    plan = begin_build(store, config, partial(list_documents, open_source(config.input)), code_version=code_version())
    if plan.has_work:
        return plan
    say("nothing new: earlier builds of this dataset have planned every document of this corpus, and no name is gone")
    return None


def plan_retry(config: BuildConfig, store: ObjectStore, reasons: Sequence[str]) -> BuildPlan | None:
    """The same of a build that tries again what is in quarantine."""
    plan = begin_retry(store, config, reasons, code_version=code_version())
    if plan is None:
        say(f"nothing to try again: no document that is still listed is in quarantine for {', '.join(reasons)}")
        return None
    now_about(build_id=plan.build_id)
    say(f"build {plan.build_id}: tries {plan.num_documents} documents of {config.output.uri} again")
    return plan


def read_and_publish(
    config: BuildConfig, store: ObjectStore, plan: BuildPlan, *, check: Callable[[], None], stop: StopWatch
) -> Outcome:
    """Reads what is still to do, and publishes. `check` is called every second or so, and before publishing. Raises
    BuildIncomplete when a store or the source gave up or `stop` is asked before it publishes, GateBroken."""
    try:
        return _read_and_publish(config, store, plan, check, stop)
    except (StoreError, SourceError) as error:
        raise BuildIncomplete(f"{error}; what is committed stays, the same command goes on from there") from error


def _read_and_publish(
    config: BuildConfig, store: ObjectStore, plan: BuildPlan, check: Callable[[], None], stop: StopWatch
) -> Outcome:
    agree_on_images(store, plan.build_id, config.images)
    keep_tokenizer(store, config)
    receipts = read_receipts(store, plan.build_id)
    todo = open_shards(plan, receipts)
    tally = tally_of(plan, receipts)
    say(f"{tally.num_documents_planned} documents in {len(plan.shards)} shards, {len(todo)} to do")
    started_s = time.monotonic()
    num_pages_before = tally.num_pages
    has_golden_to_read = bool(plan.shards) and is_golden_unread(config, store)
    with contextlib.ExitStack() as stack:
        spread: Spread = one_by_one
        if todo or has_golden_to_read:
            cpus_wanted = config.engine.workers * config.engine.cpus
            stack.enter_context(cluster(num_cpus=max(1, round(cpus_wanted)), object_store_bytes=object_store_bytes(config)))
            spread = over_tasks
        if todo:
            read(todo, config, plan, store, tally, check=check, stop=stop)
        if has_golden_to_read:
            read_golden(config, store, check=check, stop=stop)
        check()
        stop.check()
        gates = gates_of(store, config, accepted=())
        version = publish_and_report(store, config, spread=spread, gates=gates)
    return Outcome(
        version=version,
        tally=tally,
        elapsed_s=time.monotonic() - started_s,
        num_pages_now=tally.num_pages - num_pages_before,
        cost=cost_of_build(store, config, plan.build_id, read_manifest(store, plan.build_id).receipts),
    )


def read(
    todo: Sequence[Shard],
    config: BuildConfig,
    plan: BuildPlan,
    store: ObjectStore,
    tally: Tally,
    *,
    check: Callable[[], None],
    stop: StopWatch,
) -> None:
    """Spreads the shards over Ray; what happens is told to every listener. Raises BuildStopped when it was asked to, with
    nothing in work."""
    known = known_ids(store, but=plan.build_id)
    config = config_of_plan(config, plan)
    was_asked = False
    with (
        journal_of(store, plan, num_shards=len(todo)) as journal,
        Display(tally, shard_bytes={shard.shard_id: shard.size_bytes for shard in todo}) as display,
    ):
        listeners: tuple[Listener, ...] = (journal.hear, log_event, display.hear, DriverMeters(config).hear)
        for event in run_shards(todo, config, stamp=plan.stamp, store=store, known=known, is_draining=stop.is_asked):
            check()
            if stop.is_asked() and not was_asked:
                was_asked = True
                say("asked to stop: no more shards are handed out, those in work are finished and committed")
            for listen in listeners:
                listen(event)
    stop.check()


@contextlib.contextmanager
def cluster(*, num_cpus: int, object_store_bytes: int) -> Iterator[None]:
    """Ray, as long as it is open; Ctrl-C and SIGTERM end it in order. Only while Ray leaves, for about a second, does a SIGTERM
    end the process at once: what a build then has to say is lost, and everything is published."""
    with contextlib.ExitStack() as stack:
        rays_stdout = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))  # a lost task is a row; Ray also prints it
        stack.enter_context(contextlib.redirect_stdout(rays_stdout))
        connect(
            ray_address(),
            num_cpus=num_cpus,
            object_store_bytes=object_store_bytes,
            environment=worker_environment(ids_of_this_work().get("build_id", "")),
            setup_hook="" if may_draw() else WORKER_HOOK,
        )
        adopt_loggers()
        stack.callback(stay_interruptible)
        stack.callback(disconnect)
        stay_interruptible()
        yield


@contextlib.contextmanager
def spreading() -> Iterator[Spread]:
    """Over the running cluster that `RAY_ADDRESS` names, else here: for commands that only publish."""
    if ray_address() == "local":
        yield one_by_one
        return
    with cluster(num_cpus=1, object_store_bytes=0):
        yield over_tasks


def tally_of(plan: BuildPlan, receipts: Mapping[str, ShardReceipt]) -> Tally:
    """What earlier runs of this build have done."""
    tally = Tally(num_documents_planned=plan.num_documents)
    for receipt in receipts.values():
        tally.add(receipt)
    tally.num_resumed_pages = tally.num_pages
    return tally


def where_it_lies(config: BuildConfig, version: VersionManifest) -> str:
    """The last words of a publish: what stands in the version, where, and how to look at it."""
    root = config.output.uri.rstrip("/")
    rejected = ", ".join(f"{count} {reason}" for reason, count in version.documents_by_reject.items())
    documents = f"{root}/{layout.documents_prefix(version.version_id)}"
    look = LOOK_AT_BUCKET if "://" in root else LOOK_AT_FOLDER.format(python=sys.executable, documents=documents)
    found = "".join(
        f"  benchmark  {each.name}: in {each.num_documents:,} documents, {each.num_documents_kept:,} of them published; "
        f"{each.num_short:,} texts too short to look for\n"
        for each in version.contamination
    )
    return (
        f"  version    {version.version_id}\n"
        f"  builds     {', '.join(version.inputs.builds[-3:])}"
        + (" and earlier ones\n" if len(version.builds) > 3 else "\n")
        + f"  published  {version.num_documents_kept} documents"
        + (f"; left out: {rejected}" if rejected else "")
        + "\n"
        f"{found}"
        f"  pages      {root}/pages/\n"
        f"  documents  {documents}\n"
        f"  report     {root}/{layout.report_key(config.build_id)}\n"
        f"  manifest   {root}/{layout.version_manifest_key(version.version_id)}\n\n"
        f"look at it:\n  {look}"
    )


def _go_on() -> None:
    """Nobody else's word is needed."""


if __name__ == "__main__":
    end_process(main())
