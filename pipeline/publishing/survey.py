"""The finished builds of a dataset: which there are, in which order, which files hold their documents, what reading them gave.

In: the store. Out: SurveyedBuilds. Reads each plan and manifest once, one build at a time, and keeps 300 bytes a shard.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.builds.begin import read_plan
from pipeline.builds.close import finished_builds
from pipeline.builds.ledger import read_manifest
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import EvidenceFigures, evidence_figures
from pipeline.publishing.evidence import ShardSource, sources_of


@dataclass(frozen=True, kw_only=True, slots=True)
class SurveyedBuild:
    """One finished build."""

    build_id: str
    recipe: Mapping[str, object]
    figures: EvidenceFigures
    sources: tuple[ShardSource, ...]


def survey(store: ObjectStore, *, at_least: Iterable[str]) -> list[SurveyedBuild]:
    """Every finished build in dataset order: the one that was planned first first. `at_least` are builds that are known to be
    finished: a listing of some stores lacks what was put a moment ago. Raises BuildError, VerifyError."""
    builds = [_surveyed(store, build_id) for build_id in {*finished_builds(store), *at_least}]
    return sorted(builds, key=lambda build: (build.figures.planned_at, build.build_id))


def _surveyed(store: ObjectStore, build_id: str) -> SurveyedBuild:
    manifest = read_manifest(store, build_id)
    return SurveyedBuild(
        build_id=build_id,
        recipe=manifest.recipe,
        figures=evidence_figures(manifest),
        sources=tuple(sources_of(read_plan(store, build_id), manifest)),
    )
