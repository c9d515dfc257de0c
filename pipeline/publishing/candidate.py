"""A version before it is published: its figures, build by build, and the gates that decide whether readers get it.

In: a Decision and the receipts. Out: a Candidate. All builds are counted under the candidate's own rules, so the newest build
compares with the ones before it by equal measure, and no history has to be kept. A gate is a function of the candidate; what
it reads is kept in the manifest, and one that is broken keeps `_latest` where it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow.compute as pc
from pydantic import TypeAdapter

from pipeline.builds.ledger import decode_record, encode_record
from pipeline.builds.receipt import counted
from pipeline.builds.status import summed
from pipeline.publishing.evidence import names_of
from pipeline.publishing.verdicts import Decision
from pipeline.quality.contamination import BenchmarkNgrams
from pipeline.receipts import BuildManifest, ShardReceipt


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceFigures:
    """What reading a build gave and cost: sums over its receipts, whatever the rules."""

    build_id: str
    recipe_id: str
    planned_at: datetime
    """UTC."""
    num_documents_planned: int
    num_documents_opened: int
    num_documents_known: int
    quarantined_by_reason: Mapping[str, int]
    num_pages: int
    pages_by_status: Mapping[str, int]
    engine_busy_s: float
    """Engine time that the pages report, summed over workers."""
    num_output_tokens: int
    num_vision_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFigures:
    """The same with what the version makes of it."""

    evidence: EvidenceFigures
    num_pages_kept: int
    """Pages whose text stands in a document that was opened, published or not."""
    num_pages_lost: int
    """Neither blank nor kept: failed or rejected."""
    num_documents_kept: int
    """Published."""
    documents_by_reject: Mapping[str, int]
    """A document with two reasons counts under both."""
    documents_by_language: Mapping[str, int]
    """Published ones."""
    num_chars: int
    """Of published documents."""
    num_bytes: int
    """Of their texts in UTF-8."""
    num_tokens: int
    """Of their texts, by the version's tokenizer; 0 without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkFigures:
    """What searching for one benchmark gave."""

    name: str
    num_ngrams: int
    """Different 13-grams of its texts that no benchmark before it by name has."""
    num_short: int
    """Texts of fewer than 13 words: nothing can be said of them."""
    num_documents: int
    """Opened documents that hold any."""
    num_documents_kept: int
    """Published ones among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GateReading:
    """What one gate has seen."""

    name: str
    told: str
    """The figure and its limit, for people."""
    is_broken: bool
    is_accepted: bool
    """Its figure is out of bounds, and somebody has let it pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A version of which all is put but its manifest."""

    version_id: str
    parent_id: str | None
    builds: tuple[BuildFigures, ...]
    """In dataset order; the newest is the last."""


Gates = Callable[[Candidate], Sequence[GateReading]]


def no_gates(candidate: Candidate) -> Sequence[GateReading]:
    """Lets everything pass."""
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why a candidate was not published the last time that it was tried."""

    candidate: Candidate
    gates: tuple[GateReading, ...]


REFUSAL: TypeAdapter[Refusal] = TypeAdapter(Refusal)


def encode_refusal(candidate: Candidate, gates: Sequence[GateReading]) -> bytes:
    return encode_record(REFUSAL, Refusal(candidate=candidate, gates=tuple(gates)))


def decode_refusal(data: bytes, key: str) -> Refusal:
    """Raises VerifyError."""
    return decode_record(REFUSAL, data, key)


def evidence_figures(manifest: BuildManifest) -> EvidenceFigures:
    """Those of a finished build."""
    receipts = manifest.receipts
    return EvidenceFigures(
        build_id=manifest.build_id,
        recipe_id=manifest.recipe_id,
        planned_at=manifest.planned_at,
        num_documents_planned=manifest.num_documents_planned,
        num_documents_opened=sum(receipt.num_documents for receipt in receipts),
        num_documents_known=sum(receipt.num_known for receipt in receipts),
        quarantined_by_reason=counted(failure.reason for receipt in receipts for failure in receipt.quarantined),
        num_pages=sum(receipt.num_rows for receipt in receipts),
        pages_by_status=summed(receipt.pages_by_status for receipt in receipts),
        engine_busy_s=sum(receipt.times.engine_busy_s for receipt in receipts),
        num_output_tokens=sum(receipt.num_output_tokens for receipt in receipts),
        num_vision_tokens=_vision_tokens(receipts),
    )


def figures(decision: Decision, builds: Sequence[EvidenceFigures]) -> list[BuildFigures]:
    """Those of each build under a version's rules."""
    evidence = decision.evidence
    build_ids = np.array([source.build_id for source in evidence.sources], dtype=object)
    is_kept = decision.reject.is_kept()
    found = []
    for build in builds:
        is_of = (build_ids == build.build_id)[evidence.source] if len(build_ids) else np.zeros(0, dtype=np.bool_)
        kept = np.flatnonzero(is_of & is_kept)
        codes, times = np.unique(decision.reject.code[is_of], return_counts=True)
        rejected = [
            {reason: int(number)}
            for code, number in zip(codes, times, strict=True)
            for reason in decision.reject.combinations[code]
        ]
        languages = pc.value_counts(evidence.language.take(kept).cast("string")).to_pylist()
        found.append(
            BuildFigures(
                evidence=build,
                num_pages_kept=int(evidence.num_kept_pages[is_of].sum()),
                num_pages_lost=int(evidence.lost_pages[is_of].sum()),
                num_documents_kept=len(kept),
                documents_by_reject=summed(rejected),
                documents_by_language={
                    row["values"]: row["counts"] for row in sorted(languages, key=lambda row: row["values"])
                },
                num_chars=int(evidence.num_chars[kept].sum()),
                num_bytes=int(evidence.num_bytes[kept].sum()),
                num_tokens=int(evidence.num_tokens[kept].sum()),
            )
        )
    return found


def contamination(decision: Decision, benchmarks: BenchmarkNgrams) -> tuple[BenchmarkFigures, ...]:
    """What was found of each benchmark."""
    evidence, is_kept = decision.evidence, decision.reject.is_kept()
    combinations = [names_of(joined) for joined in evidence.benchmarks.dictionary.to_pylist()]
    codes = evidence.benchmarks.indices.to_numpy()
    found, published = (np.bincount(some, minlength=len(combinations)) for some in (codes, codes[is_kept]))
    ngrams = np.bincount(benchmarks.name_G, minlength=len(benchmarks.names))
    return tuple(
        BenchmarkFigures(
            name=name,
            num_ngrams=int(ngrams[place]),
            num_short=benchmarks.num_short[name],
            num_documents=sum(int(found[code]) for code, names in enumerate(combinations) if name in names),
            num_documents_kept=sum(int(published[code]) for code, names in enumerate(combinations) if name in names),
        )
        for place, name in enumerate(benchmarks.names)
    )


def _vision_tokens(receipts: Sequence[ShardReceipt]) -> int:
    return sum(tokens for receipt in receipts for tokens in receipt.vision_tokens_by_mode.values())
