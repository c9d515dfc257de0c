"""The dataset card: `README.md` at the root of the dataset, made from the manifest of the latest version.

Its YAML head lets Hugging Face `datasets` load both tables by name, and names the folder of that version. Every number in it
stands in the manifest. Written again by each publish; the same manifest makes the same card.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipeline.builds import layout
from pipeline.builds.status import summed
from pipeline.interfaces import ObjectStore
from pipeline.publishing.candidate import BenchmarkFigures, BuildFigures
from pipeline.publishing.versions import VersionManifest, latest_version
from pipeline.tables.parquet import to_json
from pipeline.tables.schemas import DOCUMENTS_SCHEMA, PAGES_SCHEMA

SIZE_STEPS = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)

INTRODUCTION = """# Text of a PDF corpus, page by page and as documents

Made by Pagemill. `documents` is for training: one row per document, its kept pages joined; the span of its i-th kept page is
`text[page_ends[i-1]:page_ends[i]]`. `pages` is the evidence: one row per page, kept or not, with the signals it was judged by.
Each folder `documents/version=<id>/` holds one version, whole: read one of them, not all. `pagemill log` lists them, and this
card tells of the latest. Pages are written once and shared by all versions; their partition key in the path is `build=`.
"""
LIMITATIONS = """## Limitations

The text was read by a machine and holds its errors; `ocr_conf` and the signals of `pages` tell how many to expect. Rules
look for failed reading and empty content, not for truth, licence or personal data, and nothing of that kind was removed.
Of documents that say the same the first is published, and `minhash_cluster_size`
counts them; the verdicts in `_versions/` name the others.
"""


def write_card(store: ObjectStore) -> None:
    """Puts the card of the latest version; nothing before the first."""
    latest = latest_version(store)
    if latest is not None:
        store.put(layout.CARD_KEY, card(latest).encode())


def card(version: VersionManifest) -> str:
    """The whole card as Markdown."""
    evidence = [build.evidence for build in version.builds]
    lines = [
        *_head(version),
        INTRODUCTION,
        *_version_table(version),
        *_builds_table(version.builds),
        *_counts_table("Pages by status", "status", summed(build.pages_by_status for build in evidence)),
        *_counts_table("Pages rejected", "reason", version.pages_by_reject),
        *_counts_table("Documents not published", "reason", version.documents_by_reject),
        *_counts_table("Documents that gave no page", "reason", summed(build.quarantined_by_reason for build in evidence)),
        *_benchmarks_table(version.contamination),
        *_columns_table("documents", DOCUMENTS_SCHEMA),
        *_columns_table("pages", PAGES_SCHEMA),
        *_provenance(version),
        LIMITATIONS,
    ]
    return "\n".join(lines)


def _head(version: VersionManifest) -> list[str]:
    size = next((name for limit, name in SIZE_STEPS if version.num_documents_kept < limit), "n>10M")
    return [
        "---",
        "task_categories:",
        "- text-generation",
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: documents",
        "  default: true",
        "  data_files:",
        "  - split: train",
        f"    path: {layout.documents_prefix(version.version_id)}*.parquet",
        "- config_name: pages",
        "  data_files:",
        "  - split: train",
        "    path: pages/*/*.parquet",
        "---",
        "",
    ]


def _version_table(version: VersionManifest) -> list[str]:
    rows = [
        ("version", version.version_id),
        ("made on", version.parent_id or "nothing: it is the first"),
        ("documents", f"{version.num_documents_kept:,}"),
        ("characters", f"{version.num_chars:,}"),
        ("tokens", _tokens(version)),
        ("parts", f"{len(version.parts):,}"),
    ]
    return _table("This version", ("what", "value"), rows)


def _tokens(version: VersionManifest) -> str:
    return "not counted" if version.num_tokens is None else f"{version.num_tokens:,} by `{version.inputs.tokenizer}`"


def _builds_table(builds: Sequence[BuildFigures]) -> list[str]:
    rows = [
        (
            build.evidence.build_id,
            f"{build.evidence.planned_at:%Y-%m-%d %H:%M} UTC",
            f"{build.evidence.num_documents_planned:,}",
            f"{build.evidence.num_pages:,}",
            f"{build.num_pages_kept:,}",
            f"{build.num_documents_kept:,}",
        )
        for build in builds
    ]
    return _table("Builds", ("build", "planned", "documents planned", "pages", "pages kept", "documents published"), rows)


def _benchmarks_table(contamination: Sequence[BenchmarkFigures]) -> list[str]:
    """None when no benchmark was searched for."""
    if not contamination:
        return []
    rows = [
        (
            each.name,
            *(f"{number:,}" for number in (each.num_ngrams, each.num_short, each.num_documents, each.num_documents_kept)),
        )
        for each in contamination
    ]
    names = ("benchmark", "13-grams", "texts too short to look for", "documents with any", "published among them")
    return _table("Benchmarks", names, rows)


def _counts_table(title: str, name: str, counts: Mapping[str, int]) -> list[str]:
    return _table(title, (name, "number"), [(f"`{key}`", f"{counts[key]:,}") for key in sorted(counts)])


def _columns_table(title: str, schema: pa.Schema) -> list[str]:
    rows = [(f"`{field.name}`", f"`{field.type}`", "" if field.nullable else "never null") for field in schema]
    return _table(f"Columns of `{title}`", ("column", "type", ""), rows)


def _provenance(version: VersionManifest) -> list[str]:
    rows = [
        ("code version", version.code_version),
        *((f"recipe {name}", f"`{to_json(recipe)}`") for name, recipe in version.recipes.items()),
        ("rules", f"`{to_json(version.inputs.rules)}`"),
    ]
    return _table("Provenance", ("what", "value"), rows)


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return [f"## {title}", "", "None.", ""]
    lines = [names, ["---"] * len(names), *rows]
    return [f"## {title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""]
