"""Builds in which everything happens: modes, rungs, languages, rejected and failed pages, several workers."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from pipeline.builds.begin import begin_build
from pipeline.builds.commit import commit_shard
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard
from pipeline.records import Attempt, DocumentFailure, DocumentRef, OpenedDocument, PageRecord
from pipeline.tables.footer import BuildStamp, PagesHead
from pipeline.tables.pages import encode_pages
from tests.builds.factory import config
from tests.tables.samples import NOON, WORDS, blank_page, document, head, opened, page, unread_page

MODES = {"tiny": 64, "small": 100, "base": 256, "large": 400}
"""Vision tokens."""
LANGUAGES = ("en", "en", "en", "de", "fr", "zh", "ar")
NUM_WORKERS = 10
SHARD_S = 90.0
PAGES_PER_DOCUMENT = 5
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202egnp.exe"


def varied_build(
    store: ObjectStore, build_id: str, *, num_documents: int, shard_documents: int = 20, earlier: Sequence[str] = ()
) -> BuildConfig:
    """Read and not published. The same arguments give the same bytes. The corpus still has the documents of `earlier` builds of
    this size."""
    built = config(build_id, plan={"shard_documents": shard_documents}, rules={"documents": {"min_words": 1, "min_letters": 1}})
    nights = (*earlier, build_id)
    listing = [document(f"{night}/{number:06d}.pdf", version=night) for night in nights for number in range(num_documents)]
    plan = begin_build(store, built, lambda: listing, code_version="0.1.0")
    for number, shard in enumerate(plan.shards):
        data = _pages_file(shard, number, plan.stamp)
        commit_shard(store, build_id, shard.shard_id, data, attempt_id="a")
    return built


def _pages_file(shard: Shard, number: int, stamp: BuildStamp) -> bytes:
    chance = random.Random(shard.shard_id)
    failed = [_failure(ref) for ref in shard.documents if chance.random() < 0.03]
    made: PagesHead = head(shard, stamp=stamp, failed=failed)
    documents = tuple(replace(opened(each.document, PAGES_PER_DOCUMENT), title=HOSTILE) for each in made.documents.opened)
    finished_at = NOON + timedelta(seconds=SHARD_S * (1 + number // NUM_WORKERS) + chance.uniform(-20, 20))
    times = replace(made.shard.times, total_s=SHARD_S * 0.9, engine_s=75.0, engine_busy_s=60.0, render_wait_s=3.0, judge_s=1.0)
    facts = replace(made.shard, worker=f"worker-{number % NUM_WORKERS}", times=times, finished_at=finished_at)
    rows = [record for each in documents for record in _pages(each, chance)]
    return encode_pages(rows, replace(made, shard=facts, documents=replace(made.documents, opened=documents)))


def _failure(ref: DocumentRef) -> DocumentFailure:
    return DocumentFailure(document=ref, doc_id=None, reason="encrypted", error="asks for a password")


def _pages(of: OpenedDocument, chance: random.Random) -> Iterator[PageRecord]:
    language = chance.choice(LANGUAGES)
    for index in range(of.num_pages):
        luck = chance.random()
        if luck < 0.05:
            yield blank_page(of, index)
        elif luck < 0.08:
            yield unread_page(of, index, error=f"MuPDF: {HOSTILE}")
        else:
            yield _read(of, index, language, luck, chance)


def _read(of: OpenedDocument, index: int, language: str, luck: float, chance: random.Random) -> PageRecord:
    """One page in eight climbs; a rejected one has one reason or two."""
    text = " ".join(chance.choice(WORDS) for _ in range(chance.randrange(20, 120)))
    reject = ("loop", "low_conf") if luck > 0.97 else ("low_conf",) if luck > 0.94 else ("garbled",) if luck > 0.92 else ()
    made = page(of, index, text, reject=reject)
    mode = chance.choice(tuple(MODES))
    is_climber = chance.random() < 0.125
    attempts = (Attempt(rung="first", mode="tiny", reasons=("overfull",), seconds=0.25, output_tokens=None),)
    confidence = chance.uniform(0.3, 0.6) if reject else 1 - chance.random() ** 3 * 0.3
    assert made.page is not None
    read = replace(
        made.page,
        mode=mode,
        vision_tokens=MODES[mode],
        text_tokens=None if luck < 0.1 else len(text.split()),
        rung="larger" if is_climber else "first",
        attempts=attempts if is_climber else (),
        confidence=confidence,
        seconds=chance.lognormvariate(-1, 0.7) + 0.25 * is_climber,
    )
    return replace(made, page=read, signals=replace(made.signals, language=language, dup_line_fraction=chance.random() ** 6))
