"""Every object key of a dataset, built here and nowhere else. Keys are relative to the store's root.

What is not data starts with `_`, which Arrow, Spark, DuckDB and Hugging Face skip.
"""

import re

BUILDS_PREFIX = "_builds/"
LEASE_KEY = "_builds/_lease.json"
VERSIONS_PREFIX = "_versions/"
LATEST_KEY = "_versions/_latest.json"
CARD_KEY = "README.md"
AUDIT_PREFIX = "_audit/"
JUDGED_PREFIX = "_judged/"
DEDUP_PREFIX = "_dedup/"
IMAGES_PREFIX = "images/"
GOLDEN_PREFIX = "_golden/"
CLOCK_PREFIX = "_builds/_clock-"
PROBE_PREFIX = "_probe-"
DOCUMENTS_PREFIX = "documents/"
PLAN_KEY = re.compile(r"_builds/(?P<build_id>[^/]+)/plan\.parquet")
JOURNAL_KEY = re.compile(r"_builds/(?P<build_id>[^/]+)/events/(?P<driver>[^/]+)-(?P<ordinal>\d{4,})\.jsonl")
RECEIPT_KEY = re.compile(r"_builds/(?P<build_id>[^/]+)/receipts/(?P<shard_id>[^/]+)\.json")
MANIFEST_KEY = re.compile(r"_builds/(?P<build_id>[^/]+)/manifest\.json")
VERSION_KEY = re.compile(r"_versions/(?P<version_id>[^/]+)/manifest\.json")
CLAIM_KEY = re.compile(r"_versions/(?P<version_id>[^/]+)/claim\.json")
REFUSAL_KEY = re.compile(r"_versions/(?P<version_id>[^/]+)/refused\.json")

AUDIT_KEY = re.compile(r"_audit/(?P<at>[^/-]+)-(?P<action>[^/-]+)-[^/-]+\.json")
PAGES_KEY = re.compile(r"pages/build=(?P<build_id>[^/]+)/(?P<shard_id>[^/]+)\.parquet")
JUDGED_KEY = re.compile(r"_judged/(?P<judge_id>[^/]+)/build=(?P<build_id>[^/]+)/(?P<shard_id>[^/]+)\.parquet")
DEDUP_KEY = re.compile(r"_dedup/(?P<index_id>[^/]+)/build=(?P<build_id>[^/]+)/.+")
OF_JUDGE_KEY = re.compile(r"(_judged|_dedup)/(?P<judge_id>[^/]+)/.+")
OF_VERSION_KEY = re.compile(r"_versions/(?P<version_id>[^/]+)/.+")
DOCUMENTS_KEY = re.compile(r"documents/version=(?P<version_id>[^/]+)/.+")


def audit_key(at: str, action: str, attempt_id: str) -> str:
    return f"{AUDIT_PREFIX}{at}-{action}-{attempt_id}.json"


def clock_key(attempt_id: str) -> str:
    return f"_builds/_clock-{attempt_id}"


def plan_key(build_id: str) -> str:
    return f"_builds/{build_id}/plan.parquet"


def changes_key(build_id: str, attempt_id: str) -> str:
    return f"_builds/{build_id}/changes-{attempt_id}.parquet"


def pages_prefix(build_id: str) -> str:
    return f"pages/build={build_id}/"


def pages_key(build_id: str, shard_id: str) -> str:
    return f"{pages_prefix(build_id)}{shard_id}.parquet"


def images_prefix(build_id: str) -> str:
    return f"images/build={build_id}/"


def images_key(build_id: str, shard_id: str) -> str:
    return f"{images_prefix(build_id)}{shard_id}.parquet"


def image_settings_key(build_id: str) -> str:
    return f"_builds/{build_id}/images.json"


def receipts_prefix(build_id: str) -> str:
    return f"_builds/{build_id}/receipts/"


def receipt_key(build_id: str, shard_id: str) -> str:
    return f"{receipts_prefix(build_id)}{shard_id}.json"


def quarantine_key(build_id: str) -> str:
    return f"_builds/{build_id}/quarantine.parquet"


def manifest_key(build_id: str) -> str:
    return f"_builds/{build_id}/manifest.json"


def report_key(build_id: str) -> str:
    """A picture of the build that is made again at any time; shows texts and pages of its documents."""
    return f"_builds/{build_id}/report.html"


def journal_prefix(build_id: str) -> str:
    return f"_builds/{build_id}/events/"


def journal_key(build_id: str, driver: str, ordinal: int) -> str:
    return f"{journal_prefix(build_id)}{driver}-{ordinal:04d}.jsonl"


def place_in_journal(key: str) -> tuple[str, int]:
    """Orders the chunks of a journal: by driver, whose name begins with its start, then by number."""
    driver, _, ordinal = key.removesuffix(".jsonl").rpartition("-")
    return driver, int(ordinal)


def judged_prefix(judge_id: str, build_id: str) -> str:
    return f"_judged/{judge_id}/build={build_id}/"


def benchmarks_key(judge_id: str) -> str:
    return f"{JUDGED_PREFIX}{judge_id}/_benchmarks.parquet"


def judged_key(judge_id: str, build_id: str, shard_id: str) -> str:
    return f"{judged_prefix(judge_id, build_id)}{shard_id}.parquet"


def dedup_prefix(judge_id: str, build_id: str) -> str:
    return f"_dedup/{judge_id}/build={build_id}/"


def tokenizer_key(name: str) -> str:
    return f"_tokenizers/{name}.json"


def documents_prefix(version_id: str) -> str:
    return f"documents/version={version_id}/"


def documents_key(version_id: str, ordinal: int) -> str:
    return f"{documents_prefix(version_id)}part-{ordinal:05d}.parquet"


def claim_key(version_id: str) -> str:
    return f"_versions/{version_id}/claim.json"


def verdicts_key(version_id: str) -> str:
    return f"_versions/{version_id}/verdicts.parquet"


def takedown_key(version_id: str) -> str:
    return f"_versions/{version_id}/takedown.json"


def refusal_key(version_id: str) -> str:
    return f"_versions/{version_id}/refused.json"


def version_manifest_key(version_id: str) -> str:
    return f"_versions/{version_id}/manifest.json"


def stop_key(build_id: str) -> str:
    return f"_builds/{build_id}/stop.json"


def golden_prefix(build_id: str) -> str:
    """A dataset of its own, whose keys count from here."""
    return f"_golden/{build_id}"


def golden_scores_key(build_id: str) -> str:
    return f"{golden_prefix(build_id)}/scores.json"


def shard_id_of(key: str) -> str:
    """The shard of a pages key or a receipt key."""
    return key.rpartition("/")[2].partition(".")[0]
