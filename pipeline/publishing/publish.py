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
from pipeline.publishing.benchmarks import benchmarks_id, encode_benchmarks
from pipeline.publishing.candidate import Candidate, GateReading, Gates, contamination, encode_refusal, figures, no_gates
from pipeline.publishing.card import write_card
from pipeline.publishing.duplicates import duplicates_of
from pipeline.publishing.evidence import read_evidence
from pipeline.publishing.judged import JudgeTask, judge_id_of, judge_shard
from pipeline.publishing.lists import Lists, read_lists
from pipeline.publishing.live import ReadDocuments, living, read_planned_names
from pipeline.publishing.parts import VersionPart, part_tasks
from pipeline.publishing.survey import SurveyedBuild, survey
from pipeline.publishing.takedown import Takedown, encode_takedown, takedown_id, taken_down, with_takedown
from pipeline.publishing.tokens import keep_tokenizer
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
from pipeline.quality.contamination import BenchmarkNgrams
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
    lists = read_lists(store, config)
    return publish_builds(
        store, config, builds, lists, parent=parent, code_version=code_version, name=name, spread=spread, gates=gates
    )


def publish_builds(
    store: ObjectStore,
    config: BuildConfig,
    builds: Sequence[SurveyedBuild],
    lists: Lists,
    *,
    parent: VersionManifest | None,
    code_version: str,
    name: str | None = None,
    spread: Spread = one_by_one,
    gates: Gates = no_gates,
) -> VersionManifest:
    """The same of these builds alone, which are closed, on top of the latest version. Raises GateBroken, Overtaken."""
    tokenizer = keep_tokenizer(store, config)
    claim = claim_version(store, inputs_of(builds, config, lists, tokenizer), parent, base=config.build_id, name=name)
    if isinstance(claim, VersionManifest):
        write_card(store)
        return claim
    version = find_version(store, claim.version_id)
    if version is None:
        judge_shards(store, builds, config.rules, lists.benchmarks, tokenizer, spread)
        decision = decide_documents(store, builds, claim.inputs.judge_id, lists.takedown, config.dedup, spread)
        parts = write_parts(store, config, claim, decision, parent, spread)
        verdicts_sha256 = put_verdicts(store, claim, decision)
        put_same(store, layout.takedown_key(claim.version_id), encode_takedown(lists.takedown), attempt_id=uuid4().hex)
        put_same(store, index_key(claim.version_id), _index_of(store, parts), attempt_id=uuid4().hex)
        candidate = candidate_of(claim, decision, builds)
        version = VersionManifest(
            version_id=claim.version_id,
            parent_id=claim.parent_id,
            generation=parent.generation + 1 if parent else 0,
            schema_version=SCHEMA_VERSION,
            code_version=code_version,
            inputs=claim.inputs,
            recipes={build.figures.recipe_id: build.recipe for build in builds},
            builds=candidate.builds,
            contamination=contamination(decision, lists.benchmarks),
            pages_by_reject=decision.evidence.pages_by_reject,
            parts=tuple(parts),
            verdicts_sha256=verdicts_sha256,
            gates=passed(store, candidate, gates),
        )
        version = seal_version(store, version)
    advance_latest(store, version)
    write_card(store)
    return version


def _index_of(store: ObjectStore, parts: Iterable[VersionPart]) -> bytes:
    """What lets a reader open the version with one request; one request for each part."""
    return index_bytes(index_files(store, [TableFile(key=part.key, size_bytes=part.size_bytes) for part in parts]))


def inputs_of(builds: Iterable[SurveyedBuild], config: BuildConfig, lists: Lists, tokenizer: str | None) -> Inputs:
    """What a version of these builds turns on; of the tokenizer that is its name, wherever its file came from."""
    return Inputs(
        builds=tuple(build.build_id for build in builds),
        judge_id=judge_id_of(config.rules, benchmarks_id=benchmarks_id(lists.benchmarks), tokenizer=tokenizer),
        rules=config.rules.model_dump(mode="json"),
        dedup=config.dedup.model_dump(mode="json"),
        tokenizer=tokenizer,
        publish=config.publish.model_dump(mode="json", exclude={"takedown", "benchmarks", "tokenizer"}),
        takedown_id=takedown_id(lists.takedown),
        benchmarks_id=benchmarks_id(lists.benchmarks),
    )


def judge_shards(
    store: ObjectStore,
    builds: Iterable[SurveyedBuild],
    rules: RulesConfig,
    benchmarks: BenchmarkNgrams,
    tokenizer: str | None,
    spread: Spread,
) -> None:
    """Every shard that these rules, benchmarks and tokenizer have not judged before."""
    judge_id = judge_id_of(rules, benchmarks_id=benchmarks_id(benchmarks), tokenizer=tokenizer)
    benchmarks_key = layout.benchmarks_key(judge_id) if benchmarks.names else ""
    if benchmarks_key:
        store.put_once(benchmarks_key, encode_benchmarks(benchmarks), attempt_id=uuid4().hex)
    for build in builds:
        judged = {layout.shard_id_of(info.key) for info in store.list(layout.judged_prefix(judge_id, build.build_id))}
        tasks = (
            JudgeTask(
                store=store,
                pages_key=source.pages_key,
                pages_sha256=source.pages_sha256,
                judged_key=layout.judged_key(judge_id, build.build_id, source.shard_id),
                rules=rules,
                tokenizer=tokenizer,
                benchmarks_key=benchmarks_key,
            )
            for source in build.sources
            if source.shard_id not in judged
        )
        for _ in spread(judge_shard, tasks):
            pass


def decide_documents(
    store: ObjectStore,
    builds: Sequence[SurveyedBuild],
    judge_id: str,
    takedown: Takedown,
    config: DedupConfig,
    spread: Spread,
) -> Decision:
    """Rules, then what the corpus still holds, then duplicates among the rest, those of taken-down documents first."""
    evidence = read_evidence(store, [source for build in builds for source in build.sources], judge_id)
    names = [(build.build_id, read_planned_names(store, build.build_id)) for build in builds]
    build_ids = pa.array([source.build_id for source in evidence.sources], pa.string()).take(pa.array(evidence.source))
    read = ReadDocuments(doc_id=evidence.doc_id, uri=evidence.uri, build_id=build_ids)
    alive = living(names, read)
    reject = with_liveness(evidence, alive)
    taken = taken_down(names, read, takedown, is_known=evidence.is_known)
    duplicates = duplicates_of(
        store,
        evidence,
        judge_id,
        admitted=taken.admitted(reject.is_kept()),
        first=taken.takes_along,
        config=config,
        spread=spread,
    )
    return decide(evidence, alive, *with_takedown(reject, duplicates, taken))


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


def put_verdicts(store: ObjectStore, claim: Claim, decision: Decision) -> str:
    """The table of verdicts; returns its sha256."""
    data = encode_verdicts(decision, claim.inputs.judge_id)
    put_same(store, layout.verdicts_key(claim.version_id), data, attempt_id=uuid4().hex)
    return hashlib.sha256(data).hexdigest()


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
