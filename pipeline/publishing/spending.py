"""What a build has cost, fetched: its journal, its receipts, and the tokens of what was published of it.

In: the store, a config (prices, and what one worker holds), a build. Out: a BuildCost. The same for `status`, `build`,
`nightly` and the gates. Reads the journal of the build and the manifest of the latest version.

What one worker holds is read from the config as it is now: who resumes a build with other `gpus` or `cpus` counts its earlier
hours with those.
"""

from collections.abc import Sequence

from pipeline.builds.cost import BuildCost, TokenCount, build_cost, read_spans
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.versions import VersionManifest, latest_version
from pipeline.receipts import ShardReceipt


def cost_of_build(store: ObjectStore, config: BuildConfig, build_id: str, receipts: Sequence[ShardReceipt]) -> BuildCost:
    """`receipts` are those of the build so far. Raises StoreError, VerifyError."""
    return build_cost(
        read_spans(store, build_id),
        receipts,
        engine=config.engine,
        prices=config.prices,
        tokens=tokens_published(latest_version(store), build_id),
    )


def tokens_published(version: VersionManifest | None, build_id: str) -> TokenCount | None:
    """Of the build's documents in a version; None when the version counted none."""
    if version is None or version.inputs.tokenizer is None:
        return None
    num_tokens = sum(build.num_tokens for build in version.builds if build.evidence.build_id == build_id)
    return TokenCount(num_tokens=num_tokens, told=f"published, by {version.inputs.tokenizer}") if num_tokens else None
