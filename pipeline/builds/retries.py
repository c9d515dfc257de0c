"""Which documents in quarantine are tried again: pure choices over what became of them so far.

In: the past of a dataset. Out: keys for the plan of the next build, or the documents of a build that tries nothing else. A
document that is not listed any more, or whose name holds other bytes by now, is left alone.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds.listing import KEY, name_keys
from pipeline.builds.names import HeldNames
from pipeline.builds.past import Past, PastBuild
from pipeline.config import RetryConfig
from pipeline.records import DocumentRef


def retriable_keys(past: Past, retry: RetryConfig) -> frozenset[str]:
    """`document_key` of those that the next build tries again: a transient reason, and not too many builds have tried."""
    return frozenset(
        key
        for key, trouble in past.troubles.items()
        if trouble.failure.reason in retry.reasons and trouble.num_builds < retry.max_attempts
    )


def documents_to_retry(past: Past, reasons: Collection[str]) -> list[DocumentRef]:
    """The documents in quarantine for one of these reasons, however often they were tried, that still stand under their name;
    each with the further names that it still has."""
    found = ((key, trouble.failure) for key, trouble in sorted(past.troubles.items()))
    chosen = [(key, failure.document) for key, failure in found if failure.reason in reasons]
    named = [(uri, key) for key, document in chosen for uri in (document.uri, *document.aliases)]
    standing = _standing(named, past.held)
    return [
        replace(document, aliases=tuple(uri for uri in document.aliases if (uri, key) in standing))
        for key, document in chosen
        if (document.uri, key) in standing
    ]


def retry_id(base_id: str, builds: Sequence[PastBuild]) -> str:
    """The build that tries again what `base_id` and others left in quarantine: the last one unless it is finished, else a new
    one, `<base_id>-retry-1` and up."""
    mine = re.compile(re.escape(base_id) + r"-retry-([1-9][0-9]*)")
    ordinals = {int(match[1]): build for build in builds if (match := mine.fullmatch(build.build_id))}
    last = max(ordinals, default=0)
    is_open = last > 0 and not ordinals[last].is_finished
    return f"{base_id}-retry-{last if is_open else last + 1}"


def _standing(named: Sequence[tuple[str, str]], held: HeldNames) -> set[tuple[str, str]]:
    """Those pairs of a name and a document's key that hold."""
    places = pc.index_in(name_keys(uri for uri, _ in named), value_set=held.names)
    keys = pa.array([bytes.fromhex(key) for _, key in named], KEY)
    holds = pc.fill_null(pc.equal(held.keys.take(places), keys), False).to_pylist()
    return {pair for pair, is_so in zip(named, holds, strict=True) if is_so}
