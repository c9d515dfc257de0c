"""The dataset card: `README.md` at the root of the dataset, made from the manifests of all published builds.

Its YAML head lets Hugging Face `datasets` load both tables by name. Every number in it is a sum over manifests. Written
again by each publish; the same manifests make the same card.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from pipeline.builds import layout
from pipeline.builds.ledger import read_manifest
from pipeline.interfaces import ObjectStore
from pipeline.receipts import BuildManifest
from pipeline.tables.footer import BuildStamp
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
The build is the partition key `build=` in the path.
"""
LIMITATIONS = """## Limitations

The text was read by a machine and holds its errors; `ocr_conf` and the signals of `pages` tell how many to expect. Rules
look for failed reading and empty content, not for truth, licence or personal data, and nothing of that kind was removed.
Equal bytes are published once; near-duplicates are not looked for where `minhash_cluster_size` is null.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedBuild:
    """The sums over one manifest: all that the card tells of a build, whatever the number of its receipts."""

    build_id: str
    planned_at: datetime
    num_documents_planned: int
    num_documents_kept: int
    num_pages: int
    num_pages_kept: int
    pages_by_status: Mapping[str, int]
    pages_by_reject: Mapping[str, int]
    documents_by_reject: Mapping[str, int]
    quarantined_by_reason: Mapping[str, int]


def write_card(store: ObjectStore, manifest: BuildManifest, stamp: BuildStamp) -> None:
    """Puts the card of every build published so far; `manifest` and `stamp` are those of the newest."""
    store.put(layout.CARD_KEY, card(published_builds(store, manifest), stamp).encode())


def published_builds(store: ObjectStore, newest: BuildManifest) -> list[PublishedBuild]:
    """Builds of the dataset, oldest plan first; reads the manifests one at a time, but for the newest, which is at hand."""
    matches = [layout.MANIFEST_KEY.fullmatch(info.key) for info in store.list(layout.BUILDS_PREFIX)]
    others = (match["build_id"] for match in matches if match and match["build_id"] != newest.build_id)
    builds = [_summed(newest), *(_summed(read_manifest(store, build_id)) for build_id in others)]
    return sorted(builds, key=lambda build: (build.planned_at, build.build_id))


def _summed(manifest: BuildManifest) -> PublishedBuild:
    receipts = manifest.receipts
    return PublishedBuild(
        build_id=manifest.build_id,
        planned_at=manifest.planned_at,
        num_documents_planned=manifest.num_documents_planned,
        num_documents_kept=manifest.num_documents_kept,
        num_pages=sum(receipt.num_rows for receipt in receipts),
        num_pages_kept=sum(receipt.num_kept for receipt in receipts),
        pages_by_status=_sum(receipt.pages_by_status for receipt in receipts),
        pages_by_reject=_sum(receipt.pages_by_reject for receipt in receipts),
        documents_by_reject=manifest.documents_by_reject,
        quarantined_by_reason=Counter(failure.reason for receipt in receipts for failure in receipt.quarantined),
    )


def card(builds: Sequence[PublishedBuild], stamp: BuildStamp) -> str:
    """The whole card as Markdown."""
    lines = [
        *_head(sum(build.num_documents_kept for build in builds)),
        INTRODUCTION,
        *_builds_table(builds),
        *_counts_table("Pages by status", "status", _sum(build.pages_by_status for build in builds)),
        *_counts_table("Pages rejected", "reason", _sum(build.pages_by_reject for build in builds)),
        *_counts_table("Documents not published", "reason", _sum(build.documents_by_reject for build in builds)),
        *_counts_table("Documents that gave no page", "reason", _sum(build.quarantined_by_reason for build in builds)),
        *_columns_table("documents", DOCUMENTS_SCHEMA),
        *_columns_table("pages", PAGES_SCHEMA),
        *_provenance(stamp),
        LIMITATIONS,
    ]
    return "\n".join(lines)


def _head(num_documents: int) -> list[str]:
    size = next((name for limit, name in SIZE_STEPS if num_documents < limit), "n>10M")
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
        "    path: documents/*/*.parquet",
        "- config_name: pages",
        "  data_files:",
        "  - split: train",
        "    path: pages/*/*.parquet",
        "---",
        "",
    ]


def _builds_table(builds: Sequence[PublishedBuild]) -> list[str]:
    rows = [
        (
            build.build_id,
            f"{build.planned_at:%Y-%m-%d %H:%M} UTC",
            f"{build.num_documents_planned:,}",
            f"{build.num_pages:,}",
            f"{build.num_pages_kept:,}",
            f"{build.num_documents_kept:,}",
        )
        for build in builds
    ]
    return _table("Builds", ("build", "planned", "documents planned", "pages", "pages kept", "documents published"), rows)


def _counts_table(title: str, name: str, counts: Mapping[str, int]) -> list[str]:
    return _table(title, (name, "number"), [(f"`{key}`", f"{counts[key]:,}") for key in sorted(counts)])


def _columns_table(title: str, schema: pa.Schema) -> list[str]:
    rows = [(f"`{field.name}`", f"`{field.type}`", "" if field.nullable else "never null") for field in schema]
    return _table(f"Columns of `{title}`", ("column", "type", ""), rows)


def _provenance(stamp: BuildStamp) -> list[str]:
    rows = [
        ("build", stamp.build_id),
        ("engine", stamp.engine),
        ("language identification", stamp.lang_detector),
        ("code version", stamp.code_version),
        ("recipe", f"`{to_json(stamp.recipe)}`"),
        ("rules", f"`{to_json(stamp.rules)}`"),
    ]
    return _table("Provenance of the newest build", ("what", "value"), rows)


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return [f"## {title}", "", "None.", ""]
    lines = [names, ["---"] * len(names), *rows]
    return [f"## {title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""]


def _sum(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
