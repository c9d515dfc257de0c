"""`python -m jobs.bench_scale plan|receipts|queue`: time and memory of planning and publishing by the size of the corpus.

Each size runs in a process of its own over a synthetic corpus or build (`jobs/synthetic.py`), so that its peak is its own.
Memory is the peak of the resident set above what the process held before it began; bytes a document are the slope between
the smallest and the largest size. Appends a dated section to infra/benchmarks/scale.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.bench_section import append_section, machine_lines
from jobs.command_line import DONE, INCOMPLETE, run_command
from jobs.synthetic import SyntheticNight, SyntheticSource, SyntheticStore, page_document
from jobs.synthetic_judged import write_judged
from pipeline.builds.begin import begin_build, read_plan, stamp_of_config
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.builds.ledger import decode_manifest, encode_manifest
from pipeline.builds.recipe import recipe_id
from pipeline.builds.schedule import ShardQueue
from pipeline.builds.status import status
from pipeline.config import BuildConfig, parse_config
from pipeline.parallel import one_by_one
from pipeline.publishing.judged import judge_id_of
from pipeline.publishing.parts import part_tasks
from pipeline.publishing.publish import decide_documents, publish
from pipeline.publishing.takedown import NOTHING
from pipeline.publishing.verdicts import encode_verdicts
from pipeline.publishing.verify import verify
from pipeline.receipts import BuildManifest
from pipeline.sources import list_documents
from pipeline.store import open_store
from pipeline.tables.schemas import SCHEMA_VERSION

RECEIPT_SHARDS = {"shard_documents": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """One step at one size."""

    step: str
    size: int
    wall_s: float
    cpu_s: float
    rest_bytes: int
    """Held before the step."""
    peak_bytes: int

    @property
    def grown_bytes(self) -> int:
        return self.peak_bytes - self.rest_bytes


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.bench_scale",
        description="Time and memory of planning and publishing by size.",
        epilog="example:\n  python -m jobs.bench_scale plan resume --sizes 10000 100000 1000000 --unit document",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("steps", nargs="+", choices=sorted(STEPS), help="in this order, each in a process of its own")
    parser.add_argument(
        "--sizes", type=int, nargs="+", required=True, help="documents (plan, resume) or shards of one document"
    )
    parser.add_argument("--title", default="by size")
    parser.add_argument("--out", type=Path, default=Path("infra/benchmarks/scale.md"))
    parser.add_argument("--folder", type=Path, help="(within) one step of one size, here")
    parser.add_argument("--debug", action="store_true")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    if arguments.folder:
        (step,), (size,) = arguments.steps, arguments.sizes
        print(json.dumps(asdict(STEPS[step](arguments.folder, size))))
        return DONE
    machine = machine_lines()
    costs: list[Cost] = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(prefix="pm") as folder:
            for step in arguments.steps:
                argv = [sys.executable, "-m", "jobs.bench_scale", step, "--sizes", str(size), "--folder", folder]
                done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
                if done.returncode:
                    return INCOMPLETE
                costs.append(Cost(**json.loads(done.stdout)))
                print(costs[-1], file=sys.stderr, flush=True)
    print(append_section(arguments.out, arguments.title, [*machine, "", *table_of(costs), ""]))
    return DONE


def table_of(costs: Sequence[Cost]) -> list[str]:
    """One row for each step and size, and the slope of memory between a step's smallest and largest size."""
    lines = [
        "| step | size | wall s | CPU s | peak RSS MB | of it grown MB | slope, bytes each |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in dict.fromkeys(cost.step for cost in costs):
        of_step = sorted((cost for cost in costs if cost.step == step), key=lambda cost: cost.size)
        for cost in of_step:
            least = of_step[0]
            slope = f"{(cost.grown_bytes - least.grown_bytes) / (cost.size - least.size):.0f}" if cost is not least else ""
            lines.append(
                f"| {step} | {cost.size:,} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} | {cost.peak_bytes / 1e6:.0f} "
                f"| {cost.grown_bytes / 1e6:.0f} | {slope} |"
            )
    return lines


def measured(step: str, size: int, work: Callable[[], object]) -> Cost:
    """What `work` takes. The peak is that of the process, so this is asked once in a process."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten, see proc(5)
    rest_bytes = status_bytes("VmRSS")
    started_s, cpu_s = time.monotonic(), time.process_time()
    work()
    return Cost(
        step=step,
        size=size,
        wall_s=time.monotonic() - started_s,
        cpu_s=time.process_time() - cpu_s,
        rest_bytes=rest_bytes,
        peak_bytes=max(rest_bytes, status_bytes("VmHWM")),  # the kernel counts the two apart, up to 0.5 MB off
    )


def status_bytes(name: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


def config_in(folder: Path, **plan: int) -> BuildConfig:
    return parse_config(
        {
            "input": {"uri": "/synthetic"},
            "output": {"uri": str(folder)},
            "engine": {"name": "scripted"},
            "plan": plan,
            "dedup": {"near_threshold": None, "contained_fraction": None},  # its documents differ in one word
        }
    )


def plan_corpus(folder: Path, size: int) -> Cost:
    """Lists, merges equal bytes, cuts, and puts the plan."""
    config = config_in(folder / "corpus")
    store, source = open_store(config.output), SyntheticSource(size)
    return measured("plan", size, lambda: begin_build(store, config, lambda: list_documents(source), code_version="bench"))


def resume_corpus(folder: Path, size: int) -> Cost:
    """Reads the plan and empties the queue, as every later run of the build does."""
    config = config_in(folder / "corpus")
    store = open_store(config.output)

    def resume() -> None:
        plan = read_plan(store, config.build_id)
        queue = ShardQueue(open_shards(plan, read_receipts(store, plan.build_id)))
        while queue.take(in_work=()):
            pass

    return measured("resume", size, resume)


def replan_corpus(folder: Path, size: int) -> Cost:
    """Plans the next build over the same corpus, of which nothing is new."""
    config = config_in(folder / "corpus").model_copy(update={"build_id": "next"})
    store, source = open_store(config.output), SyntheticSource(size)
    return measured("replan", size, lambda: begin_build(store, config, lambda: list_documents(source), code_version="bench"))


def plan_night(folder: Path, size: int) -> Cost:
    """Plans the next build over the corpus a night later: a hundredth is new, as much has changed, as much is gone."""
    config = config_in(folder / "corpus").model_copy(update={"build_id": "night"})
    store, source = open_store(config.output), SyntheticNight(size)
    return measured("night", size, lambda: begin_build(store, config, lambda: list_documents(source), code_version="bench"))


def decide_corpus(folder: Path, size: int) -> Cost:
    """From judged rows to verdicts and the list of parts: what the driver of a publish holds. No part is written."""
    config = config_in(folder / "corpus")
    store = open_store(config.output)
    judge_id = judge_id_of(config.rules, benchmarks_id="", tokenizer=None)
    build = write_judged(store, read_plan(store, config.build_id), judge_id)
    footer: dict[str, str] = {}

    def decide() -> None:
        decision = decide_documents(store, [build], judge_id, NOTHING, config.dedup, one_by_one)
        encode_verdicts(decision, judge_id)
        for _ in part_tasks(store, "main", decision, {}, config.publish, judge_id=judge_id, footer=footer):
            pass

    return measured("decide", size, decide)


def plan_pages(folder: Path, size: int) -> Cost:
    """The plan of a build of one page a shard, for the steps that read one."""
    config = config_in(folder / "pages", **RECEIPT_SHARDS)
    store = open_store(config.output)
    listed = (page_document(ordinal) for ordinal in range(size))
    return measured("plan-pages", size, lambda: begin_build(store, config, lambda: listed, code_version="bench"))


def manifest_of_pages(folder: Path, size: int) -> Cost:
    """The manifest of that build, encoded and decoded: what closing and every later reading of it take. Receipts are held
    before."""
    config = config_in(folder / "pages", **RECEIPT_SHARDS)
    store = SyntheticStore(open_store(config.output), stamp_of_config(config, "bench"), config, num_shards=size)
    plan = read_plan(store, config.build_id)
    manifest = BuildManifest(
        build_id=plan.build_id,
        schema_version=SCHEMA_VERSION,
        recipe_id=recipe_id(plan.stamp.recipe),
        recipe=plan.stamp.recipe,
        rules=plan.stamp.rules,
        code_version=plan.stamp.code_version,
        planned_at=plan.planned_at,
        receipts=tuple(read_receipts(store, plan.build_id).values()),
        num_documents_planned=plan.num_documents,
    )
    return measured("manifest", size, lambda: decode_manifest(encode_manifest(manifest), "manifest"))


def over_pages(step: str, work: Callable[[SyntheticStore, BuildConfig], object]) -> Callable[[Path, int], Cost]:
    """A step over the build that `plan-pages` has planned, with every shard committed."""

    def cost(folder: Path, size: int) -> Cost:
        config = config_in(folder / "pages", **RECEIPT_SHARDS)
        stamp = stamp_of_config(config, "bench")
        store = SyntheticStore(open_store(config.output), stamp, config, num_shards=size)
        return measured(step, size, lambda: work(store, config))

    return cost


STEPS: Mapping[str, Callable[[Path, int], Cost]] = {
    "plan": plan_corpus,
    "resume": resume_corpus,
    "replan": replan_corpus,
    "night": plan_night,
    "decide": decide_corpus,
    "plan-pages": plan_pages,
    "manifest": manifest_of_pages,
    "receipts": over_pages("receipts", lambda store, config: read_receipts(store, config.build_id)),
    "status": over_pages("status", lambda store, config: status(store, config.build_id)),
    "publish": over_pages("publish", lambda store, config: publish(store, config, code_version="bench")),
    "verify": over_pages("verify", lambda store, config: verify(store, config.build_id)),
}

if __name__ == "__main__":
    sys.exit(main())
