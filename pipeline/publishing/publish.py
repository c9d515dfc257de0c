"""All finished builds of a dataset to one published version: judged, decided, written, gated; then readers are told.

In: the store and a config. Out: the VersionManifest. A version is what publishing from scratch gives: what earlier versions and
earlier publishes have left (judged rows, equal parts) only saves time. Deterministic for any spread. What crashed is run again
and finds what it has put. Knows no Ray and opens no document. Time and memory are in `infra/benchmarks/publish.md`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from uuid import uuid4

import pyarrow as pa

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.close import close_build, put_same
from pipeline.config import BuildConfig, DedupConfig, RulesConfig
from pipeline.errors import GateBroken
from pipeline.interfaces import ObjectStore
from pipeline.parallel import Spread, one_by_one
from pipeline.publishing.candidate import Candidate, GateReading, Gates, encode_refusal, figures, no_gates
from pipeline.publishing.card import write_card
from pipeline.publishing.duplicates import duplicates_of
from pipeline.publishing.evidence import read_evidence
from pipeline.publishing.judged import JudgeTask, judge_id_of, judge_shard
from pipeline.publishing.live import ReadDocuments, living, read_planned_names
from pipeline.publishing.parts import VersionPart, part_tasks
from pipeline.publishing.survey import SurveyedBuild, survey
from pipeline.publishing.verdicts import Decision, decide, encode_verdicts, with_liveness
from pipeline.publishing.versions import (
    Claim,
    Inputs,
    VersionManifest,
    advance_latest,
    claim_version,
    find_version,
    latest_version,
    seal_version,
)
from pipeline.publishing.write_part import put_part
from pipeline.readers.groups import TableFile, index_bytes, index_files, index_key
from pipeline.tables.parquet import to_json
from pipeline.tables.schemas import SCHEMA_VERSION


def publish(
    store: ObjectStore,
    config: BuildConfig,
    *,
    code_version: str,
    name: str | None = None,
    spread: Spread = one_by_one,
    gates: Gates = no_gates,
) -> VersionManifest:
    """Closes `config.build_id` and publishes the whole dataset under the config's rules, or finds that published. The version
    is called `name`, else after the build. Raises BuildIncomplete while the build lacks shards, GateBroken, and Overtaken when
    another version was published meanwhile."""
    close_build(store, read_plan(store, config.build_id))
    parent = latest_version(store)
    builds = survey(store, at_least=[config.build_id, *(parent.inputs.builds if parent else ())])
    claim = claim_version(store, inputs_of(builds, config), parent, base=config.build_id, name=name)
    if isinstance(claim, VersionManifest):
        write_card(store)
        return claim
    manifest = find_version(store, claim.version_id)
    if manifest is None:
        judge_shards(store, builds, config.rules, spread)
        decision = decide_documents(store, builds, claim.inputs.judge_id, config.dedup, spread)
        verdicts = encode_verdicts(decision, claim.inputs.judge_id)
        parts = write_parts(store, config, claim, decision, parent, spread)
        put_same(store, layout.verdicts_key(claim.version_id), verdicts, attempt_id=uuid4().hex)
        put_same(store, index_key(claim.version_id), _index_of(store, parts), attempt_id=uuid4().hex)
        candidate = candidate_of(claim, decision, builds)
        manifest = VersionManifest(
            version_id=claim.version_id,
            parent_id=claim.parent_id,
            generation=parent.generation + 1 if parent else 0,
            schema_version=SCHEMA_VERSION,
            code_version=code_version,
            inputs=claim.inputs,
            recipes={build.figures.recipe_id: build.recipe for build in builds},
            builds=candidate.builds,
            pages_by_reject=decision.evidence.pages_by_reject,
            parts=tuple(parts),
            verdicts_sha256=hashlib.sha256(verdicts).hexdigest(),
            gates=passed(store, candidate, gates),
        )
        manifest = seal_version(store, manifest)
    advance_latest(store, manifest)
    write_card(store)
    return manifest


def _index_of(store: ObjectStore, parts: Iterable[VersionPart]) -> bytes:
    """What lets a reader open the version with one request; one request for each part."""
    return index_bytes(index_files(store, [TableFile(key=part.key, size_bytes=part.size_bytes) for part in parts]))


def inputs_of(builds: Iterable[SurveyedBuild], config: BuildConfig) -> Inputs:
    """What a version of these builds turns on."""
    return Inputs(
        builds=tuple(build.build_id for build in builds),
        judge_id=judge_id_of(config.rules),
        rules=config.rules.model_dump(mode="json"),
        dedup=config.dedup.model_dump(mode="json"),
        publish=config.publish.model_dump(mode="json"),
    )


def judge_shards(store: ObjectStore, builds: Iterable[SurveyedBuild], rules: RulesConfig, spread: Spread) -> None:
    """Every shard that these rules have not judged before."""
    judge_id = judge_id_of(rules)
    for build in builds:
        judged = {layout.shard_id_of(info.key) for info in store.list(layout.judged_prefix(judge_id, build.build_id))}
        tasks = (
            JudgeTask(
                store=store,
                pages_key=source.pages_key,
                pages_sha256=source.pages_sha256,
                judged_key=layout.judged_key(judge_id, build.build_id, source.shard_id),
                rules=rules,
            )
            for source in build.sources
            if source.shard_id not in judged
        )
        for _ in spread(judge_shard, tasks):
            pass


def decide_documents(
    store: ObjectStore, builds: Sequence[SurveyedBuild], judge_id: str, config: DedupConfig, spread: Spread
) -> Decision:
    """Rules, then what the corpus still holds, then duplicates among the rest."""
    evidence = read_evidence(store, [source for build in builds for source in build.sources], judge_id)
    names = [(build.build_id, read_planned_names(store, build.build_id)) for build in builds]
    build_ids = pa.array([source.build_id for source in evidence.sources], pa.string()).take(pa.array(evidence.source))
    alive = living(names, ReadDocuments(doc_id=evidence.doc_id, uri=evidence.uri, build_id=build_ids))
    reject = with_liveness(evidence, alive)
    duplicates = duplicates_of(store, evidence, judge_id, admitted=reject.is_kept(), config=config, spread=spread)
    return decide(evidence, alive, reject, duplicates)


def write_parts(
    store: ObjectStore, config: BuildConfig, claim: Claim, decision: Decision, parent: VersionManifest | None, spread: Spread
) -> list[VersionPart]:
    """Each part of the version: found, copied from the parent, or made."""
    footer = {
        "pagemill.schema": f"documents/{SCHEMA_VERSION}",
        "pagemill.judge": claim.inputs.judge_id,
        "pagemill.config": to_json(claim.inputs.rules),
    }
    parents = {part.content_id: part for part in parent.parts} if parent else {}
    tasks = part_tasks(
        store, claim.version_id, decision, parents, config.publish, judge_id=claim.inputs.judge_id, footer=footer
    )
    return list(spread(put_part, tasks))


def candidate_of(claim: Claim, decision: Decision, builds: Iterable[SurveyedBuild]) -> Candidate:
    return Candidate(
        version_id=claim.version_id,
        parent_id=claim.parent_id,
        builds=tuple(figures(decision, [build.figures for build in builds])),
    )


def passed(store: ObjectStore, candidate: Candidate, gates: Gates) -> tuple[GateReading, ...]:
    """What the gates read. Raises GateBroken, and keeps what was read, when one of them is broken."""
    readings = tuple(gates(candidate))
    broken = [reading for reading in readings if reading.is_broken]
    if broken:
        store.put(layout.refusal_key(candidate.version_id), encode_refusal(candidate, readings))
        raise GateBroken(
            f"version {candidate.version_id!r} is made and stays unpublished: {'; '.join(each.told for each in broken)}. "
            f"Readers keep {candidate.parent_id or 'nothing'}. Look at its verdicts; should this be as it is, let it pass with "
            f"`pagemill publish {' '.join(f'--accept {name}' for name in dict.fromkeys(each.name for each in broken))}`"
        )
    return readings
