"""Judged rows that nobody has judged: what deciding on a large dataset reads, made from its plan alone.

In: the store and the plan of a synthetic corpus (`jobs/synthetic.py`). Out: judged files in the store, and the SurveyedBuild
that publishing would find. Every document has a text of its own. Writes 100 bytes a document.
"""

import hashlib
from collections.abc import Sequence

import pyarrow as pa

from pipeline.builds import layout
from pipeline.builds.plan import BuildPlan
from pipeline.builds.recipe import recipe_id
from pipeline.dedup.signatures import SIGNATURE_FIELDS, sign_document
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import evidence_figures
from pipeline.publishing.evidence import ShardSource
from pipeline.publishing.judged import JUDGED_SCHEMA
from pipeline.publishing.survey import SurveyedBuild
from pipeline.receipts import BuildManifest
from pipeline.records import DocumentRef
from pipeline.tables.parquet import encode
from pipeline.tables.schemas import SCHEMA_VERSION

ROW = {
    "is_known": False,
    "reject": (),
    "lost_pages": 0,
    "benchmarks": (),
    "benchmark_ngrams": (),
    "title": "",
    "author": "",
    "n_pages": 8,
    "page_indices": tuple(range(8)),
    "language": "en",
    "script": "Latn",
    "per_page_languages": ("en",) * 8,
    "chars": 20_000,
    "words": 3_500,
    "bytes": 20_400,
    "extractor": "scripted",
    "ocr_pages": 8,
    "failed_pages": 0,
    "blank_pages": 0,
    "is_form": False,
    "alpha_words": 0.9,
    "mean_word_len": 4.8,
    "dup_line": 0.0,
    "dup_10gram": 0.0,
    "pipeline_version": "bench",
}


def write_judged(store: ObjectStore, plan: BuildPlan, judge_id: str) -> SurveyedBuild:
    """Every shard of the plan as if it had been read and judged."""
    sources: list[ShardSource] = []
    for ordinal, shard in enumerate(plan.shards):
        key = layout.judged_key(judge_id, plan.build_id, shard.shard_id)
        data = encode(_judged(shard.documents), {"pagemill.pages_by_reject": "{}"})
        store.put_once(key, data, attempt_id="bench")
        sources.append(
            ShardSource(
                build_id=plan.build_id,
                shard_id=shard.shard_id,
                shard_ordinal=ordinal,
                pages_key=layout.pages_key(plan.build_id, shard.shard_id),
                pages_sha256=hashlib.sha256(shard.shard_id.encode()).hexdigest(),
            )
        )
    manifest = BuildManifest(
        build_id=plan.build_id,
        schema_version=SCHEMA_VERSION,
        recipe_id=recipe_id(plan.stamp.recipe),
        recipe=plan.stamp.recipe,
        rules=plan.stamp.rules,
        code_version=plan.stamp.code_version,
        planned_at=plan.planned_at,
        receipts=(),
        num_documents_planned=plan.num_documents,
    )
    return SurveyedBuild(
        build_id=plan.build_id, recipe=plan.stamp.recipe, figures=evidence_figures(manifest), sources=tuple(sources)
    )


def _judged(documents: Sequence[DocumentRef]) -> pa.Table:
    ids = sorted((hashlib.sha256(document.uri.encode()).hexdigest(), document.uri) for document in documents)
    signature = sign_document(("A page that stands for every page of this corpus.",))
    columns = []
    values: list[object]
    for field in JUDGED_SCHEMA:
        if field.name in ("id", "uri"):
            values = [pair[field.name == "uri"] for pair in ids]
        elif field.name == "text_hash":
            values = [bytes.fromhex(doc_id)[:16] for doc_id, _ in ids]
        else:
            same = getattr(signature, field.name) if field in SIGNATURE_FIELDS else ROW.get(field.name)
            values = [same] * len(ids)
        columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=JUDGED_SCHEMA)
