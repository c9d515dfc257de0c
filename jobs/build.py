"""`pagemill build`: plan, read, publish; run again, it goes on where it was."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

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
from jobs.progress import Display, Tally, summary
from pipeline.builds import layout
from pipeline.builds.begin import begin_build, config_of_plan
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.builds.known import known_ids
from pipeline.builds.plan import BuildPlan
from pipeline.cluster import Pulse, connect, disconnect, object_store_bytes, over_tasks, run_shards
from pipeline.config import BuildConfig
from pipeline.errors import BuildIncomplete, SourceError, StoreError
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread, one_by_one
from pipeline.publishing.publish import publish
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


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "build",
        "Read a corpus into pages and documents. Run the same command again and it goes on where it was.",
        "pagemill build configs/quickstart.yaml --input s3://corpus/pdf --output out/books --set engine.workers=2",
    )
    add_config_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    store = open_store(config.output)
    say(f"build {config.build_id}: {config.input.uri} -> {config.output.uri}")
    plan = begin_build(store, config, partial(list_documents, open_source(config.input)), code_version=code_version())
    if not plan.has_work:
        say("nothing new: earlier builds of this dataset have planned every document of this corpus, and no name is gone")
        return DONE
    try:
        return finish(config, store, plan)
    except (StoreError, SourceError) as error:
        raise BuildIncomplete(f"{error}; what is committed stays, the same command goes on from there") from error


def finish(config: BuildConfig, store: ObjectStore, plan: BuildPlan) -> int:
    """Reads what is still to do, and publishes."""
    receipts = read_receipts(store, plan.build_id)
    todo = open_shards(plan, receipts)
    tally = tally_of(plan, receipts)
    say(f"{tally.num_documents_planned} documents in {len(plan.shards)} shards, {len(todo)} to do")
    started_s = time.monotonic()
    num_pages_before = tally.num_pages
    console = Console(file=sys.stdout, highlight=False)
    with contextlib.ExitStack() as stack:
        spread: Spread = one_by_one
        if todo:
            cpus_wanted = config.engine.workers * config.engine.cpus
            stack.enter_context(cluster(num_cpus=max(1, round(cpus_wanted)), object_store_bytes=object_store_bytes(config)))
            read(todo, config, plan, store, tally)
            spread = over_tasks
        version = publish(store, config, code_version=code_version(), spread=spread)
        num_pages_now = tally.num_pages - num_pages_before
        console.print(summary(tally, elapsed_s=time.monotonic() - started_s, num_pages_now=num_pages_now))
        console.print(where_it_lies(config, version), soft_wrap=True)
        console.file.flush()  # Ray takes a second to leave, in which a SIGTERM ends the process at once
    return DONE


def read(todo: Sequence[Shard], config: BuildConfig, plan: BuildPlan, store: ObjectStore, tally: Tally) -> None:
    """Spreads the shards over Ray and shows how it goes."""
    shard_bytes = {shard.shard_id: shard.size_bytes for shard in todo}
    known = known_ids(store, but=plan.build_id)
    with Display(tally, bytes_total=sum(shard_bytes.values())) as display:
        for event in run_shards(todo, config_of_plan(config, plan), stamp=plan.stamp, store=store, known=known):
            match event:
                case Pulse():
                    display.pulse(event)
                case ShardReceipt():
                    display.receipt(event, shard_bytes=shard_bytes.get(event.shard_id, 0))


@contextlib.contextmanager
def cluster(*, num_cpus: int, object_store_bytes: int) -> Iterator[None]:
    """Ray, as long as it is open; Ctrl-C and SIGTERM end it in order."""
    with contextlib.ExitStack() as stack:
        rays_stdout = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))  # a lost task is a row; Ray also prints it
        stack.enter_context(contextlib.redirect_stdout(rays_stdout))
        connect(ray_address(), num_cpus=num_cpus, object_store_bytes=object_store_bytes)
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
    return (
        f"  version    {version.version_id}, of {len(version.builds)} builds\n"
        f"  published  {version.num_documents_kept} documents" + (f"; left out: {rejected}" if rejected else "") + "\n"
        f"  pages      {root}/pages/\n"
        f"  documents  {documents}\n"
        f"  manifest   {root}/{layout.version_manifest_key(version.version_id)}\n\n"
        f"look at it:\n  {look}"
    )


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    end_process(main())
