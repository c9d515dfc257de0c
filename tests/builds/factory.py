"""A whole small build in a store, as the factory would leave it."""

from collections.abc import Sequence

from pipeline.builds.begin import CodeVersions, begin_build
from pipeline.builds.commit import commit_shard
from pipeline.builds.plan import BuildPlan
from pipeline.config import BuildConfig, DocumentRules, parse_config
from pipeline.interfaces import ObjectStore
from pipeline.records import DocumentRef, PageRecord
from tests.tables.samples import document, pages_file

VERSIONS = CodeVersions(pagemill="0.1.0", cleaning="1", lang_detector="cld2")
CORPUS = tuple(document(f"{name}.pdf", aliases=(f"/corpus/copy of {name}.pdf",) if name == "a" else ()) for name in "abcdefgh")
CORPUS += (document("broken.bad"),)


def config(build_id: str = "main", **sections: object) -> BuildConfig:
    values = {"input": {"uri": "/corpus"}, "output": {"uri": "/out"}, "plan": {"shard_documents": 4}, "build_id": build_id}
    return parse_config({**values, **sections})


def judge_by_words(pages: Sequence[PageRecord], rules: DocumentRules) -> tuple[str, ...]:
    """Stands in for the document rules: two lines whose outcome a test can see at a glance."""
    num_words = sum(page.signals.num_words for page in pages if not page.reject)
    return ("too_short",) if num_words < rules.min_words else ()


def planned_build(store: ObjectStore, corpus: Sequence[DocumentRef] = CORPUS, build_id: str = "main") -> BuildPlan:
    return begin_build(store, config(build_id), lambda: corpus, versions=VERSIONS)


def finished_build(store: ObjectStore, corpus: Sequence[DocumentRef] = CORPUS, build_id: str = "main") -> BuildPlan:
    """Every shard committed, nothing published."""
    plan = planned_build(store, corpus, build_id)
    for shard in plan.shards:
        commit_shard(store, build_id, shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    return plan
