"""`python -m jobs.bench_publish CORPUS`: what publishing costs: MB of text a second of one core, and the memory it takes.

Reads real PDFs once through the real flow (their text layers stand for the engine) and makes documents of pages drawn from
them, each page with a line of its own. Publishes that dataset in a process that may add only so much memory; then after a night
of new documents, then under other rules. Appends a dated section to infra/benchmarks/publish.md.
"""

import argparse
import cProfile
import hashlib
import json
import pstats
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from jobs.bench_scale import Cost, measured
from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, INCOMPLETE, run_command
from pipeline.builds.begin import begin_build
from pipeline.builds.commit import NO_TIMES, commit_shard
from pipeline.builds.plan import shard_of
from pipeline.config import BuildConfig, RenderConfig, parse_config
from pipeline.engines import open_engine
from pipeline.flow import build_shard
from pipeline.publishing.publish import publish
from pipeline.publishing.versions import VersionManifest
from pipeline.receipts import Shard
from pipeline.records import DocumentRef, OpenedDocument, PageId, PageRecord
from pipeline.rendering import render_documents
from pipeline.rendering.confinement import confine_process
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts
from pipeline.tables.pages import encode_pages

PAGES_A_DOCUMENT = 12
"""Documents have 1 to 23 pages."""
POOL_PAGES = 600
PAGES_OF_ONE = 40
"""Of one real document, at most."""
MIN_PAGE_CHARS = 500
NIGHT_FRACTION = 0.02
SMALL_STACKS = 'ulimit -s 1024; exec "$0" "$@"'
"""A thread reserves 8 MB of address space otherwise, of which it uses next to nothing."""
STEPS: Mapping[str, Mapping[str, object]] = {
    "anew": {"build_id": "first"},
    "night": {"build_id": "second"},
    "rules": {"build_id": "second", "rules": {"documents": {"min_words": 400}}},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One publish, and what came of it."""

    cost: Cost
    num_documents: int
    num_text_bytes: int
    num_parts: int
    num_parts_copied: int
    num_file_bytes: int


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_publish",
        description="Throughput and memory of publishing.",
        epilog="example:\n  python -m jobs.bench_publish ../shared/corpus/dev/born_digital --text-mb 600 --memory-mb 500",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("corpus", type=Path, help="a folder of PDFs with text layers")
    parser.add_argument("--text-mb", type=int, default=600, help="text of the dataset")
    parser.add_argument("--memory-mb", type=int, default=500, help="address space that publishing may add to its process")
    parser.add_argument("--part-mb", type=int, default=64)
    parser.add_argument("--row-group-mb", type=int, default=16)
    parser.add_argument("--title", default="by step")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/publish.md"))
    parser.add_argument("--folder", type=Path, help="(within) the dataset")
    parser.add_argument("--step", choices=STEPS, help="(within) one publish of it")
    parser.add_argument("--profile", action="store_true", help="tell where the first publish spends its time")
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    if arguments.step:
        print(json.dumps(asdict(publish_step(arguments))))
        return DONE
    machine = machine_lines()
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        pool = page_pool(arguments.corpus)
        print(f"{len(pool)} pages to draw from", file=sys.stderr, flush=True)
        num_pages = round(arguments.text_mb * 1e6 / (sum(len(page.text.encode()) for page in pool) / len(pool)))
        num_documents = max(50, num_pages // PAGES_A_DOCUMENT)
        for step, growth in (("anew", 1.0), ("night", 1.0 + NIGHT_FRACTION)):
            write_build(config_of(arguments, Path(folder), step), pool, num_documents=round(growth * num_documents))
        costs = []
        for step in STEPS:
            argv = ["bash", "-c", SMALL_STACKS, sys.executable, "-m", "jobs.bench_publish", *sys.argv[1:]]
            argv += ["--folder", folder, "--step", step]
            done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                return INCOMPLETE
            told = json.loads(done.stdout.splitlines()[-1])
            costs.append(Published(**{**told, "cost": Cost(**told["cost"])}))
            print(costs[-1], file=sys.stderr, flush=True)
    limit = f"* each in a process of its own that may add {arguments.memory_mb} MB of address space to what it holds at rest"
    print(append_section(arguments.out, arguments.title, [*machine, limit, "", *table_of(costs), ""]))
    return DONE


def table_of(costs: Sequence[Published]) -> list[str]:
    names = ("publish", "documents", "text MB", "parts (copied)", "files MB", "wall s", "CPU s", "MB/s of CPU", "grown MB")
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|", *map(_line, costs)]


def _line(each: Published) -> str:
    text_mb = each.num_text_bytes / 1e6
    cells = (
        each.cost.step,
        f"{each.num_documents:,}",
        f"{text_mb:.0f}",
        f"{each.num_parts} ({each.num_parts_copied})",
        f"{each.num_file_bytes / 1e6:.0f}",
        f"{each.cost.wall_s:.1f}",
        f"{each.cost.cpu_s:.1f}",
        f"{text_mb / each.cost.cpu_s:.1f}",
        f"{each.cost.grown_bytes / 1e6:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def config_of(arguments: argparse.Namespace, folder: Path, step: str) -> BuildConfig:
    sizes = {"part_bytes": arguments.part_mb * 1_000_000, "row_group_bytes": arguments.row_group_mb * 1_000_000}
    place = {"input": {"uri": str(arguments.corpus.absolute())}, "output": {"uri": str(folder)}}
    return parse_config({**place, "engine": {"name": "scripted"}, "publish": sizes, **STEPS[step]})


def publish_step(arguments: argparse.Namespace) -> Published:
    config = config_of(arguments, arguments.folder, arguments.step)
    store = open_store(config.output)
    versions: list[VersionManifest] = []
    confine_process(memory_bytes=arguments.memory_mb * 1_000_000, cpu_s=3600)
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    cost = measured(arguments.step, 0, lambda: versions.append(publish(store, config, code_version="bench")))
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    (version,) = versions
    parents = {info.size_bytes for info in store.list("documents/") if version.version_id not in info.key}
    return Published(
        cost=cost,
        num_documents=version.num_documents_kept,
        num_text_bytes=sum(build.num_bytes for build in version.builds),
        num_parts=len(version.parts),
        num_parts_copied=sum(part.size_bytes in parents for part in version.parts),
        num_file_bytes=sum(part.size_bytes for part in version.parts),
    )


def page_pool(corpus: Path) -> list[PageRecord]:
    """Pages of real PDFs with enough text, measured and judged."""
    config = parse_config({"input": {"uri": str(corpus.absolute())}, "output": {"uri": "."}, "engine": {"name": "scripted"}})
    source = open_source(config.input)
    pool: list[PageRecord] = []
    for document in list_documents(source):
        result = build_shard(
            shard_of([document]),
            source=source,
            render=lambda documents, source: render_documents(documents, source, config=RenderConfig(dpi=20), known=()),
            engine=open_engine(config.engine),
            config=config,
            on_page=lambda page: None,
        )
        pool += [page for page in result.records if not page.reject and len(page.text) >= MIN_PAGE_CHARS][:PAGES_OF_ONE]
        if len(pool) >= POOL_PAGES:
            break
    return pool


def write_build(config: BuildConfig, pool: Sequence[PageRecord], *, num_documents: int) -> None:
    """Lists so many documents and commits those that are new, of pages drawn from the pool."""
    store = open_store(config.output)
    names = (f"/crawl/{ordinal:08d}.pdf" for ordinal in range(num_documents))
    refs = [DocumentRef(uri=name, size_bytes=500_000, version="1") for name in names]
    plan = begin_build(store, config, lambda: refs, code_version="bench")
    for shard in plan.shards:
        pages_file = _pages_file(shard, pool, plan.stamp)
        commit_shard(store, plan.build_id, shard.shard_id, pages_file, attempt_id=uuid4().hex)


def _pages_file(shard: Shard, pool: Sequence[PageRecord], stamp: BuildStamp) -> bytes:
    drawn = [list(_drawn(ref, pool)) for ref in shard.documents]
    now = pool[0].processed_at
    facts = ShardFacts(shard_id=shard.shard_id, worker="bench", times=NO_TIMES, started_at=now, finished_at=now)
    documents = ShardDocuments(opened=tuple(pages[0].document for pages in drawn), failed=(), known=())
    return encode_pages([page for pages in drawn for page in pages], PagesHead(stamp=stamp, shard=facts, documents=documents))


def _drawn(ref: DocumentRef, pool: Sequence[PageRecord]) -> Iterator[PageRecord]:
    """The pages of one document: some of the pool's, each with a line that no other page has."""
    doc_id = hashlib.sha256(ref.uri.encode()).hexdigest()
    chance = random.Random(doc_id)
    chosen = chance.choices(pool, k=chance.randint(1, 2 * PAGES_A_DOCUMENT - 1))
    opened = OpenedDocument(document=ref, doc_id=doc_id, num_pages=len(chosen), media="pdf")
    for index, page in enumerate(chosen):
        text = f"{page.text}\n\nSheet {index} of {doc_id[:16]}."
        yield replace(page, page_id=PageId(doc_id, index), document=opened, text=text)


if __name__ == "__main__":
    sys.exit(main())
