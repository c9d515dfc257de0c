"""Real texts read twice with errors: which second readings are found, by banding and error rate; and datatrove beside it.

In: pages of text. Out: a title and Markdown lines. Documents are single pages. Pages that are near each other to begin with
(from .3 on) are left out, so that each text has exactly one true duplicate. Both of a pair are misread at the rate given.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from jobs.bench_rounds import ONE_THREAD
from jobs.misreadings import misread
from pipeline.config import DedupConfig, OutputConfig
from pipeline.dedup.find import Duplicates, find_duplicates
from pipeline.dedup.resolve import KEPT
from pipeline.dedup.signatures import (
    SIGNATURE_FIELDS,
    Signature,
    normal_form,
    shingle_hashes,
    sign_document,
    signature_columns,
)
from pipeline.dedup.signed import SignedBuild, SignedFile
from pipeline.parallel import one_by_one
from pipeline.store import open_store
from pipeline.tables.parquet import encode

ERROR_RATES = (0.002, 0.005, 0.01, 0.02)
BANDINGS = ((21, 6), (25, 5), (16, 8))
MIN_CHARS = 800
SEED = 20261124
"""Of the errors."""
ALIKE = DedupConfig(bands=42, band_rows=3, near_threshold=0.3)


class Answer(NamedTuple):
    """What one side says of its run."""

    cpu_s: dict[str, float]
    """By stage."""
    left: list[str]
    """Ids of the documents that it keeps."""


def texts_in(folder: Path) -> list[str]:
    """Pages of at least MIN_CHARS that are not near another."""
    paths = sorted(folder.glob("*.txt"))
    pages = [page for path in paths for page in path.read_text("utf-8").split("\f") if len(page) >= MIN_CHARS]
    signatures = [sign_document([page]) for page in pages]
    with tempfile.TemporaryDirectory(prefix="pm") as scratch:
        kind = duplicates_of(signatures, ALIKE, Path(scratch)).kind
    return [page for page, page_kind in zip(pages, kind.tolist(), strict=True) if page_kind == KEPT]


def duplicates_of(signatures: Sequence[Signature], config: DedupConfig, scratch: Path) -> Duplicates:
    """The earlier one is kept."""
    store = open_store(OutputConfig(uri=str(scratch)))
    store.put("signed.parquet", encode(pa.table(signature_columns(signatures), schema=pa.schema(SIGNATURE_FIELDS)), {}))
    build = SignedBuild(
        files=(SignedFile(key="signed.parquet", num_documents=len(signatures)),), index_prefix=f"index-{time.time_ns()}/"
    )
    return find_duplicates(
        [build],
        store=store,
        admitted=np.ones(len(signatures), np.bool_),
        priority=np.arange(len(signatures)),
        config=config,
        spread=one_by_one,
    )


def planted(texts: Sequence[str]) -> tuple[str, list[str]]:
    """Recall and precision by error rate and banding."""
    rng = random.Random(SEED)
    lines = [
        f"{len(texts):,} pages of real text, mean {statistics.mean(map(len, texts)):.0f} characters, each read twice.",
        "",
        "| errors in each reading | Jaccard mean (p5) | bands x rows | threshold | recall | false |",
        "|---|---|---|---|---|---|",
    ]
    for rate in ERROR_RATES:
        readings = [misread(text, rate, rng) for text in (*texts, *texts)]
        jaccards = [_jaccard(*pair) for pair in zip(readings[: len(texts)], readings[len(texts) :], strict=True)]
        signatures = [sign_document([reading]) for reading in readings]
        for bands, band_rows in BANDINGS:
            for threshold in (0.6, 0.5):
                config = DedupConfig(bands=bands, band_rows=band_rows, near_threshold=threshold)
                with tempfile.TemporaryDirectory(prefix="pm") as scratch:
                    recall, num_false = _score(duplicates_of(signatures, config, Path(scratch)), len(texts))
                lines.append(
                    f"| {rate:.1%} | {statistics.mean(jaccards):.3f} ({np.percentile(jaccards, 5):.3f}) "
                    f"| {bands} x {band_rows} | {threshold} | {recall:.4f} | {num_false} |"
                )
    lines += ["", "`false`: rejected documents that name another text than their own first reading."]
    return "planted second readings of real pages", lines


def _score(duplicates: Duplicates, num_texts: int) -> tuple[float, int]:
    first = np.concatenate([np.arange(num_texts)] * 2)
    rejected = duplicates.kind != KEPT
    found = rejected[num_texts:] & (duplicates.canonical[num_texts:] == first[num_texts:])
    return float(found.mean()), int(np.count_nonzero(rejected & (duplicates.canonical != first)))


def _jaccard(one: str, other: str) -> float:
    left, right = (set(shingle_hashes(normal_form(text)).tolist()) for text in (one, other))
    return len(left & right) / max(len(left | right), 1)


def ours(pages_path: Path) -> str:
    """The whole search over rows of `id` and `text`, timed stage by stage, as `jobs/dedup_peer.py` does: one line of JSON."""
    rows = [json.loads(line) for line in pages_path.read_text("utf-8").splitlines()]
    sign_document(["The tables are made before the clock starts."])
    marks = [(time.perf_counter(), time.process_time())]
    signatures = [sign_document([row["text"]]) for row in rows]
    marks.append((time.perf_counter(), time.process_time()))
    with tempfile.TemporaryDirectory(prefix="pm") as scratch:
        kind = duplicates_of(signatures, DedupConfig(), Path(scratch)).kind
    left = [row["id"] for row, row_kind in zip(rows, kind.tolist(), strict=True) if row_kind == KEPT]
    marks.append((time.perf_counter(), time.process_time()))
    spans = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(marks)]
    return json.dumps({"seconds": dict(zip(("sign", "find"), spans, strict=True)), "left": left})


def beside(texts: Sequence[str], peer_python: Path, num_rounds: int) -> tuple[str, list[str]]:
    """Both over the same readings in turns, each in a process of its own with one thread."""
    rng = random.Random(SEED)
    readings = [misread(text, 0.01, rng) for text in (*texts, *texts)]
    totals: dict[str, list[float]] = {"datatrove": [], "pagemill": []}
    stages: dict[str, dict[str, list[float]]] = {"datatrove": {}, "pagemill": {}}
    left: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="pm") as scratch:
        pages_path = Path(scratch) / "pages.jsonl"
        rows = [json.dumps({"id": str(number), "text": reading}) for number, reading in enumerate(readings)]
        pages_path.write_text("\n".join(rows), "utf-8")
        for turn in range(num_rounds):
            commands = {
                "datatrove": [str(peer_python), "-m", "jobs.dedup_peer", str(pages_path), f"{scratch}/peer-{turn}"],
                "pagemill": [sys.executable, "-m", "jobs.bench_dedup", "ours", "--pages", str(pages_path)],
            }
            for name, command in commands.items():
                answer = _run(command)
                left[name] = answer.left
                totals[name].append(sum(answer.cpu_s.values()))
                for stage, cpu_s in answer.cpu_s.items():
                    stages[name].setdefault(stage, []).append(cpu_s)
                print(name, totals[name][-1], file=sys.stderr, flush=True)
    ratios = [theirs / own for theirs, own in zip(totals["datatrove"], totals["pagemill"], strict=True)]
    lines = [
        f"* {_version(peer_python)}; its defaults: 14 buckets of 8 over 5-word n-grams",
        f"* {num_rounds} rounds in turns, each in a process of its own; medians of CPU seconds, one thread",
        "",
        f"{len(readings):,} pages, mean {statistics.mean(map(len, readings)):.0f} characters: {len(texts):,} real pages read "
        "twice with 1 % of errors in each reading.",
        "",
        "| | stages, CPU s | all, CPU s | pages a second | second readings found | texts lost |",
        "|---|---|---|---|---|---|",
    ]
    for name, seconds in totals.items():
        median = statistics.median(seconds)
        found, lost = _pairs_found({int(each) for each in left[name]}, len(texts))
        by_stage = ", ".join(f"{stage} {statistics.median(values):.2f}" for stage, values in stages[name].items())
        lines.append(
            f"| {name} | {by_stage} | {median:.2f} | {len(readings) / median:.0f} | {found / len(texts):.4f} | {lost} |"
        )
    lines += ["", f"Ratio by round: {', '.join(f'{ratio:.1f}' for ratio in ratios)}; median {statistics.median(ratios):.1f}."]
    return "beside datatrove's MinHash stages", lines


def _pairs_found(left: set[int], num_texts: int) -> tuple[int, int]:
    """Texts of which one reading is left, and texts of which none is."""
    counts = [(text in left) + (text + num_texts in left) for text in range(num_texts)]
    return counts.count(1), counts.count(0)


def _run(command: Sequence[str]) -> Answer:
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, env=environment)
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return Answer(cpu_s={stage: cpu_s for stage, (_, cpu_s) in answer["seconds"].items()}, left=answer["left"])


def _version(python: Path) -> str:
    names = ("datatrove", "spacy", "xxhash", "numpy")
    code = f"import importlib.metadata as m; print(', '.join(f'{{n}} {{m.version(n)}}' for n in {names}))"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
