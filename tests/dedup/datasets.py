"""Small datasets of signatures in a store, and what ought to be found in them by the rules of `resolve`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline.config import DedupConfig
from pipeline.dedup.find import Duplicates, find_duplicates
from pipeline.dedup.resolve import CONTAINED, EXACT, KEPT, NEAR
from pipeline.dedup.signatures import SIGNATURE_FIELDS, Signature, signature_columns
from pipeline.dedup.signed import SignedBuild, SignedFile
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.tables.parquet import encode

NO_SHINGLES = b"\xff" * 512
Verdict = tuple[int, int, float]
"""Canonical document, kind, similarity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How many documents each file of each build holds."""

    builds: tuple[tuple[int, ...], ...]


def one_file(num_documents: int) -> Layout:
    return Layout(builds=((num_documents,),))


def put_signed(store: ObjectStore, signatures: Sequence[Signature], layout: Layout) -> list[SignedBuild]:
    """Signature files as a build leaves them, the documents in the order given."""
    builds, first = [], 0
    for number, sizes in enumerate(layout.builds):
        files = []
        for ordinal, size in enumerate(sizes):
            key = f"signed/build={number}/{ordinal}.parquet"
            columns = signature_columns(signatures[first : first + size])
            store.put(key, encode(pa.table(columns, schema=pa.schema(SIGNATURE_FIELDS)), {}))
            files.append(SignedFile(key=key, num_documents=size))
            first += size
        builds.append(SignedBuild(files=tuple(files), index_prefix=f"index/build={number}/"))
    return builds


def search(
    store: ObjectStore,
    builds: Sequence[SignedBuild],
    *,
    admitted: Sequence[bool] | None = None,
    priority: Sequence[int] | None = None,
    config: DedupConfig | None = None,
    num_threads: int = 1,
) -> Duplicates:
    num_documents = sum(build.num_documents for build in builds)
    return find_duplicates(
        builds,
        store=store,
        admitted=np.ones(num_documents, np.bool_) if admitted is None else np.array(admitted, np.bool_),
        priority=np.arange(num_documents) if priority is None else np.array(priority, np.int64),
        config=config or DedupConfig(),
        spread=partial(map_in_order, num_threads=num_threads),
    )


def told(duplicates: Duplicates) -> list[Verdict]:
    similarities = [round(similarity, 4) for similarity in duplicates.similarity.tolist()]
    return list(zip(duplicates.canonical.tolist(), duplicates.kind.tolist(), similarities, strict=True))


def expected(
    signatures: Sequence[Signature], admitted: Sequence[bool], priority: Sequence[int], config: DedupConfig
) -> list[Verdict]:
    """Every document against every kept one before it: slow, and simple enough to be believed."""
    verdicts: list[Verdict] = [(number, KEPT, 1.0) for number in range(len(signatures))]
    firsts: dict[bytes, int] = {}
    kept: list[int] = []
    for number in sorted(np.flatnonzero(admitted).tolist(), key=lambda each: (priority[each], each)):
        signature = signatures[number]
        first = firsts.setdefault(signature.text_hash, number) if signature.letters else number
        if first != number:
            canonical, kind, similarity = verdicts[first]
            verdicts[number] = (canonical, kind or EXACT, similarity)
            continue
        verdicts[number] = _against(number, kept, signatures, config)
        if verdicts[number][1] == KEPT:
            kept.append(number)
    return verdicts


def _against(number: int, kept: Sequence[int], signatures: Sequence[Signature], config: DedupConfig) -> Verdict:
    for other in kept:
        equal = _equal_values(signatures[number], signatures[other], config)
        if config.near_threshold is not None and equal / 128 >= config.near_threshold:
            return other, NEAR, round(equal / 128, 4)
    for other in kept:
        common = _common_letters(signatures[number], signatures[other], config.min_page_letters)
        if (
            common
            and config.contained_fraction is not None
            and common / signatures[number].letters >= config.contained_fraction
        ):
            return other, CONTAINED, round(common / signatures[number].letters, 4)
    return number, KEPT, 1.0


def _equal_values(one: Signature, other: Signature, config: DedupConfig) -> int:
    """0 for two that no band brings together."""
    if NO_SHINGLES in (one.minhash, other.minhash):
        return 0
    left, right = np.frombuffer(one.minhash, "<u4"), np.frombuffer(other.minhash, "<u4")
    rows = config.band_rows
    bands = [slice(first, first + rows) for first in range(0, rows * config.bands, rows)]
    if not any(np.array_equal(left[band], right[band]) for band in bands):
        return 0
    return int((left == right).sum())


def _common_letters(one: Signature, other: Signature, min_letters: int) -> int:
    pages = zip(one.page_hashes, one.page_letters, strict=True)
    return sum(letters for page, letters in pages if letters >= min_letters and page in other.page_hashes)
