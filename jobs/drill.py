"""`python -m jobs.drill`: builds under seeded schedules of faults, each checked from its store alone; a failing seed replays.

Exit codes: 0 every promise held, 1 a drill broke one, 2 wrong use.
"""

import argparse
import logging
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from jobs.drills.cluster import CLUSTER_KINDS, rehearse_on_a_cluster
from jobs.drills.network import CREDENTIALS, credentials, rehearse_over_network, s3_server
from jobs.drills.rehearsal import Rehearsal, rehearse
from jobs.drills.stage import Stuck
from jobs.drills.tally import Failure, report_lines, summary_line
from jobs.drills.watch import Broken
from jobs.drills.weather import ABOUT, KINDS, Kind
from pipeline.store import FolderStore

EPILOG = """example:
  python -m jobs.drill --seeds 0-99
  python -m jobs.drill --seeds 17 --kinds lost_reply,zombie
  python -m jobs.drill --over s3 --seeds 0-49 --report infra/benchmarks/drills.md

kinds of fault:
{kinds}
over s3 a proxy also loses, refuses, delays, cuts and changes requests and answers. Over ray, real processes are lost:
{cluster}

exit codes: 0 every promise held, 1 a drill broke one, 2 wrong use"""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    started_s = time.monotonic()
    done: list[Rehearsal] = []
    failures: list[Failure] = []
    with ExitStack() as stack:
        logging.disable(logging.ERROR)
        stack.callback(logging.disable, logging.NOTSET)
        drill = _drill_over(arguments.over, arguments.kinds, stack)
        for seed in arguments.seeds:
            try:
                done.append(drill(seed))
            except (Broken, Stuck) as error:
                failures.append(Failure(seed=seed, error=str(error)))
                print(f"seed {seed} broke: {error}", flush=True)
    seconds = time.monotonic() - started_s
    print(summary_line(done, failures, seconds))
    if arguments.report:
        seeds = f"{arguments.seeds[0]} to {arguments.seeds[-1]}"
        with arguments.report.open("a", encoding="utf-8") as report:
            report.write("\n".join(["", *report_lines(arguments.over, seeds, done, failures, seconds)]))
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {kind:<20}{about}" for kind, about in ABOUT.items())
    cluster = "\n".join(f"  {kind:<20}{about}" for kind, about in CLUSTER_KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m jobs.drill",
        description="Build a small corpus under seeded schedules of faults, and prove that nothing is lost or doubled.",
        epilog=EPILOG.format(kinds=kinds, cluster=cluster),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=_seeds, default=_seeds("0-19"), metavar="A-B", help="0-99, or one seed to replay")
    parser.add_argument("--over", choices=("folder", "s3", "ray"), default="folder", help="what the drills run on")
    parser.add_argument("--kinds", type=_kinds, default=KINDS, metavar="KIND,...", help="draw from these kinds only")
    parser.add_argument("--report", type=Path, metavar="FILE", help="append the table to this Markdown file")
    return parser


def _drill_over(over: str, kinds: Sequence[Kind], stack: ExitStack) -> Callable[[int], Rehearsal]:
    if over == "folder":
        return partial(_over_folder, kinds)
    if over == "ray":
        return rehearse_on_a_cluster
    stack.enter_context(credentials(CREDENTIALS))
    server_url = stack.enter_context(s3_server())
    return lambda seed: rehearse_over_network(seed, kinds, server_url)


def _over_folder(kinds: Sequence[Kind], seed: int) -> Rehearsal:
    with tempfile.TemporaryDirectory(prefix="drill") as folder:
        store = FolderStore(root=Path(folder))
        return rehearse(seed, kinds, store=store, bare=store)


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed and no range of seeds like 0-99")
    return range(int(match[1]), int(match[2] or match[1]) + 1)


def _kinds(text: str) -> tuple[Kind, ...]:
    names = text.split(",")
    if unknown := [name for name in names if name not in KINDS]:
        raise argparse.ArgumentTypeError(f"there is no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in names)


if __name__ == "__main__":
    sys.exit(main())
