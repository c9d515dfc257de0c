"""All documents of all finished builds as columns, in dataset order: what a version is decided on.

In: the pages files of the builds, and their judged rows. Out: an Evidence. Dataset order is builds by the time they
were planned, in a build its shards in the plan's order, in a shard documents by id; a split shard gives the order that the
whole one would. Reads each judged file once and keeps about 170 bytes a document and its name.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.builds import layout
from pipeline.builds.commit import leaves_of
from pipeline.builds.plan import BuildPlan
from pipeline.errors import BuildError
from pipeline.interfaces import ObjectStore
from pipeline.parallel import map_in_order
from pipeline.publishing.judged import JUDGED_SCHEMA, pages_by_reject_of
from pipeline.receipts import BuildManifest, ShardReceipt
from pipeline.tables.parquet import decode

PARALLEL_GETS = 8
BETWEEN = "\n"
NO_ROWS = JUDGED_SCHEMA.empty_table()
COLUMNS = (
    "id",
    "uri",
    "is_known",
    "reject",
    "lost_pages",
    "n_pages",
    "page_indices",
    "language",
    "chars",
    "bytes",
    "token_count",
    "benchmarks",
    "benchmark_ngrams",
)


NUMBERS = ("lost_pages", "n_pages", "chars", "bytes", "token_count")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardSource:
    """A pages file that holds documents, and where it stands in dataset order."""

    build_id: str
    shard_id: str
    shard_ordinal: int
    """Of the planned shard in its plan; equal for the halves of one that was split, whose documents are in one order."""
    pages_key: str
    pages_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Every opened or known document once, in dataset order; arrays of one entry each."""

    sources: Sequence[ShardSource]
    source: npt.NDArray[np.int32]
    """Which of `sources` it is of."""
    row: npt.NDArray[np.int32]
    """Its place among the judged rows of the source."""
    doc_id: pa.Array
    """binary(32)."""
    uri: pa.Array
    """large_string, as planned."""
    is_known: npt.NDArray[np.bool_]
    reject: "Reasons"
    lost_pages: npt.NDArray[np.int32]
    num_pages: npt.NDArray[np.int32]
    num_kept_pages: npt.NDArray[np.int32]
    language: pa.Array
    """dictionary of strings, null for a known document."""
    num_chars: npt.NDArray[np.int64]
    num_bytes: npt.NDArray[np.int64]
    num_tokens: npt.NDArray[np.int64]
    """0 where none were counted."""
    benchmarks: pa.Array
    """dictionary of lists, as texts: names of the benchmarks it holds 13-grams of, joined by BETWEEN."""
    num_benchmark_ngrams: npt.NDArray[np.int32]
    """Different ones, of all benchmarks."""
    pages_by_reject: Mapping[str, int]
    """Of all their pages."""

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reasons:
    """Reject reasons of many documents: few combinations, and which of them each has."""

    combinations: tuple[tuple[str, ...], ...]
    """The first is (): kept."""
    code: npt.NDArray[np.int32]

    def is_kept(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.code, 0)

    def __getitem__(self, document: int) -> tuple[str, ...]:
        return self.combinations[self.code[document]]

    def adding(self, reason: str, where: npt.NDArray[np.bool_]) -> "Reasons":
        """The same with one more reason for some."""
        places = {names: place for place, names in enumerate(self.combinations)}
        more = self.code.copy()
        for old in np.unique(self.code[where]):
            names = (*self.combinations[old], reason)
            more[where & (self.code == old)] = places.setdefault(names, len(places))
        return Reasons(combinations=tuple(places), code=more)


def sources_of(plan: BuildPlan, manifest: BuildManifest) -> Iterator[ShardSource]:
    """The pages files of a finished build that hold documents, in dataset order."""
    receipts = {receipt.shard_id: receipt for receipt in manifest.receipts}
    for ordinal, shard in enumerate(plan.shards):
        for leaf in leaves_of(shard, receipts):
            receipt = _receipt_of(receipts, leaf.shard_id)
            if receipt.num_documents or receipt.num_known:
                yield ShardSource(
                    build_id=plan.build_id,
                    shard_id=leaf.shard_id,
                    shard_ordinal=ordinal,
                    pages_key=receipt.key,
                    pages_sha256=receipt.sha256,
                )


def groups_of(sources: Sequence[ShardSource]) -> npt.NDArray[np.int64]:
    """A number for each planned shard, ascending; its sources share it."""
    shards = [(source.build_id, source.shard_ordinal) for source in sources]
    return np.cumsum([shard != before for shard, before in zip(shards, [None, *shards], strict=False)], dtype=np.int64)


def names_of(joined: str) -> list[str]:
    """The benchmarks in one entry of `Evidence.benchmarks`."""
    return joined.split(BETWEEN) if joined else []


def _receipt_of(receipts: dict[str, ShardReceipt], shard_id: str) -> ShardReceipt:
    if shard_id not in receipts:
        raise BuildError(f"the manifest lacks the receipt of shard {shard_id}; `pagemill verify` tells more")
    return receipts[shard_id]


def read_evidence(store: ObjectStore, sources: Sequence[ShardSource], judge_id: str) -> Evidence:
    """The judged rows of all sources. Raises StoreError, VerifyError."""
    keys = [layout.judged_key(judge_id, source.build_id, source.shard_id) for source in sources]
    gathered = _Gathered()
    for table, pages_by_reject in map_in_order(lambda key: _read(store, key), keys, num_threads=PARALLEL_GETS):
        gathered.add(table, pages_by_reject)
    return gathered.in_order(sources)


def _read(store: ObjectStore, key: str) -> tuple[pa.Table, Mapping[str, int]]:
    data = store.get(key)
    return decode(data, COLUMNS), pages_by_reject_of(data)


class _Gathered:
    """Columns while they are gathered, source by source."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self._sizes: list[int] = []
        self._combinations: dict[tuple[str, ...], int] = {(): 0}
        self._codes: list[npt.NDArray[np.int32]] = []
        self._pages_by_reject: Counter[str] = Counter()

    def add(self, judged: pa.Table, pages_by_reject: Mapping[str, int]) -> None:
        reasons = [tuple(names) for names in judged.column("reject").to_pylist()]
        codes = [self._combinations.setdefault(names, len(self._combinations)) for names in reasons]
        self._codes.append(np.array(codes, dtype=np.int32))
        self._sizes.append(judged.num_rows)
        self._tables.append(_compact(judged))
        self._pages_by_reject.update(pages_by_reject)

    def in_order(self, sources: Sequence[ShardSource]) -> Evidence:
        sizes = np.array(self._sizes, dtype=np.int64)
        source = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        row = np.concatenate([np.arange(size, dtype=np.int32) for size in self._sizes] or [np.empty(0, np.int32)])
        table = pa.concat_tables(self._tables or [_compact(NO_ROWS)]).unify_dictionaries()
        code = np.concatenate(self._codes or [np.empty(0, np.int32)])
        groups = groups_of(sources)
        if len(np.unique(groups)) < len(groups):
            order = _order_by(groups[source], table)
            source, row, code, table = source[order], row[order], code[order], table.take(order)
        column = {name: table.column(name).combine_chunks() for name in table.column_names}
        return Evidence(
            sources=sources,
            source=source,
            row=row,
            doc_id=column["id"],
            uri=column["uri"],
            is_known=column["is_known"].to_numpy(zero_copy_only=False),
            reject=Reasons(combinations=tuple(self._combinations), code=code),
            lost_pages=column["lost_pages"].to_numpy(),
            num_pages=column["n_pages"].to_numpy(),
            num_kept_pages=column["kept_pages"].to_numpy(),
            language=column["language"],
            num_chars=column["chars"].to_numpy(),
            num_bytes=column["bytes"].to_numpy(),
            num_tokens=column["token_count"].to_numpy(),
            benchmarks=column["benchmarks"],
            num_benchmark_ngrams=column["benchmark_ngrams"].to_numpy().astype(np.int32),
            pages_by_reject=dict(sorted(self._pages_by_reject.items())),
        )


def _compact(judged: pa.Table) -> pa.Table:
    """The columns that are kept, in few bytes; zero for what a known document has none of."""
    numbers = {name: judged.column(name).fill_null(0) for name in NUMBERS}
    columns = {
        "id": pa.chunked_array([pa.array(map(bytes.fromhex, judged.column("id").to_pylist()), pa.binary(32))]),
        "uri": judged.column("uri").cast(pa.large_string()),
        "is_known": judged.column("is_known"),
        "kept_pages": pc.list_value_length(judged.column("page_indices")).fill_null(0),
        "language": judged.column("language").dictionary_encode(),
        "benchmarks": pc.binary_join(judged.column("benchmarks"), BETWEEN).dictionary_encode(),
        "benchmark_ngrams": _sums(judged.column("benchmark_ngrams")),
        **numbers,
    }
    return pa.table(columns)


def _sums(lists: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Of the numbers in each list."""
    totals = np.zeros(len(lists), dtype=np.int64)
    np.add.at(totals, pc.list_parent_indices(lists).to_numpy(), pc.list_flatten(lists).to_numpy())
    return totals


def _order_by(groups: npt.NDArray[np.int64], table: pa.Table) -> npt.NDArray[np.int64]:
    keys = pa.table({"group": groups, "id": table.column("id").cast(pa.binary()), "uri": table.column("uri")})
    order: npt.NDArray[np.int64] = pc.sort_indices(
        keys, sort_keys=[(name, "ascending") for name in keys.column_names]
    ).to_numpy()
    return order
