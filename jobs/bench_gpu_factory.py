"""Part `factory` of the GPU bench: a whole `pagemill build` with the engine, its receipts, and what `verify` finds.

In: a config and a folder of PDFs. Out: a FactoryRun. Needs vLLM, Ray and PyMuPDF. The build runs in a process of its own and
writes into a temporary folder; quality gates are on. With a forced length every answer ends for want of tokens and its text
is random, so rules reject all pages and a ladder would climb on all of them: measure without one (`ladder: []`), or with real
weights.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.builds.commit import read_receipts
from pipeline.config import BuildConfig
from pipeline.errors import BuildIncomplete
from pipeline.publishing.verify import verify
from pipeline.receipts import ShardReceipt
from pipeline.store import open_store

LOG_LINES = 30
"""Of the build's own words, when it fails."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FactoryRun:
    """One build."""

    num_documents: int
    num_pages: int
    num_read: int
    """Pages that the engine answered; with a forced length their status is `failed`, because every answer ends too long."""
    num_kept: int
    pages_by_status: Mapping[str, int]
    pages_by_reject: Mapping[str, int]
    pages_by_mode: Mapping[str, int]
    pages_by_rung: Mapping[str, int]
    vision_tokens: int
    output_tokens: int
    elapsed_s: float
    """From the command to its end: Ray and the engine started, published."""
    span_s: float
    """From the beginning of the first shard to the end of the last one."""
    engine_busy_fraction: float
    """Seconds in which pages were with the engine, over the workers' time: near 1, the engine never waited."""
    shard_fractions: Mapping[str, float]
    """Of the shards' own seconds, which overlap: waiting for the engine, for rendering, judging, other."""
    findings: tuple[str, ...]
    """Of `verify`; not empty means that the build is wrong."""

    @property
    def pages_per_s(self) -> float:
        return self.num_pages / self.span_s


def build(config: BuildConfig, folder: Path) -> FactoryRun:
    """Builds into `config.output`; `folder` takes the config file and the log. Raises BuildIncomplete."""
    config_path, log_path = folder / "config.yaml", folder / "build.log"
    config_path.write_text(json.dumps(config.model_dump(mode="json")), encoding="utf-8")
    command = [sys.executable, "-m", "jobs.pagemill", "build", str(config_path)]
    started_s = time.monotonic()
    with log_path.open("w", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    elapsed_s = time.monotonic() - started_s
    if code != 0:
        last = "\n".join(log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
        raise BuildIncomplete(f"the build ended with {code}; its last words:\n{last}")
    store = open_store(config.output)
    receipts = list(read_receipts(store, config.build_id).values())
    return run_of(receipts, elapsed_s=elapsed_s, findings=tuple(map(str, verify(store, config.build_id).findings)))


def run_of(receipts: Sequence[ShardReceipt], *, elapsed_s: float, findings: tuple[str, ...]) -> FactoryRun:
    """The figures of a build, from its receipts."""
    starts = {receipt.shard_id: receipt.finished_at - timedelta(seconds=receipt.times.total_s) for receipt in receipts}
    by_worker: dict[str, list[ShardReceipt]] = {}
    for receipt in receipts:
        by_worker.setdefault(receipt.worker, []).append(receipt)
    workers_s = sum(_span_s(mine, starts) for mine in by_worker.values())
    modes = _summed(receipt.pages_by_mode for receipt in receipts)
    return FactoryRun(
        num_documents=sum(receipt.num_documents for receipt in receipts),
        num_pages=sum(receipt.num_rows for receipt in receipts),
        num_read=sum(modes.values()),
        num_kept=sum(receipt.num_kept for receipt in receipts),
        pages_by_status=_summed(receipt.pages_by_status for receipt in receipts),
        pages_by_reject=_summed(receipt.pages_by_reject for receipt in receipts),
        pages_by_mode=modes,
        pages_by_rung=_summed(receipt.pages_by_rung for receipt in receipts),
        vision_tokens=sum(sum(receipt.vision_tokens_by_mode.values()) for receipt in receipts),
        output_tokens=sum(receipt.num_output_tokens for receipt in receipts),
        elapsed_s=elapsed_s,
        span_s=_span_s(receipts, starts),
        engine_busy_fraction=sum(receipt.times.engine_busy_s for receipt in receipts) / workers_s,
        shard_fractions=_fractions(receipts),
        findings=findings,
    )


def _span_s(receipts: Iterable[ShardReceipt], starts: Mapping[str, datetime]) -> float:
    finished = [(starts[receipt.shard_id], receipt.finished_at) for receipt in receipts]
    return (max(end for _, end in finished) - min(start for start, _ in finished)).total_seconds()


def _fractions(receipts: Sequence[ShardReceipt]) -> dict[str, float]:
    total_s = sum(receipt.times.total_s for receipt in receipts)
    fractions = {
        "engine": sum(receipt.times.engine_s for receipt in receipts) / total_s,
        "rendering": sum(receipt.times.render_wait_s for receipt in receipts) / total_s,
        "judging": sum(receipt.times.judge_s for receipt in receipts) / total_s,
    }
    return {**fractions, "other": 1.0 - sum(fractions.values())}


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
