"""What the threshold explorer of a report needs: all rules, and all signals of the pages of a build, in a few bytes a page.

In: the signals of a build, file by file, and the rules that its pages are judged by. Out: `ExplorerPages`, and the plain
values that the page embeds. Up to MAX_PAGES pages are all pages; of a larger build as many are drawn by a hash of their id,
so the choice is the same whenever it is made, and the page says that it counts a sample. 100,000 pages of random signals,
which compress worst, take 2.7 MB in a report. Holds 60 bytes a page.
"""

import base64
import hashlib
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config import PageRules
from pipeline.quality.rule_table import REJECT_RULES, AllOf, AnyOf, Compare, Condition, Fact, comparisons
from pipeline.reporting.embedding import Json
from pipeline.reporting.page_signals import COLUMN_OF_FIELD, COLUMNS, FACTS, JUDGED, SIGNALS, FileSignals, with_facts
from pipeline.reporting.scales import codes_of, points_of
from pipeline.tables.schemas import PAGES_SCHEMA

MAX_PAGES = 100_000
DOC_ID_BYTES = 8
"""Of 32 that a report holds: enough for `pagemill inspect` to find the document, in a corpus of a billion."""
JUDGED_PAGE = "judged"
EMPTY = with_facts(pa.schema([PAGES_SCHEMA.field(name) for name in COLUMNS]).empty_table())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ExplorerPages:
    """P pages of a build."""

    num_pages_of_build: int
    ids: pa.Array
    """`{doc_id}/{page:06d}`"""
    codes: Mapping[str, npt.NDArray[np.uint16]]
    """By signal, P codes of `scales`."""
    facts_P: npt.NDArray[np.uint16]
    verdicts: Sequence[str]
    """What rules do not decide on: "judged", or the reasons of a page joined by "+", "forgotten" without any."""
    verdict_P: npt.NDArray[np.uint16]
    """Place in `verdicts`."""


def explorer_pages(files: Iterable[FileSignals], rules: PageRules, *, seed: str, max_pages: int = MAX_PAGES) -> ExplorerPages:
    """`seed` decides which pages are drawn when there are more than `max_pages`."""
    points = scale_points(rules)
    held = _coded(EMPTY, points)
    num_pages = 0
    for file in files:
        num_pages += file.table.num_rows
        held = pa.concat_tables([held, _coded(file.table, points)])
        if held.num_rows > 2 * max_pages:
            held = _drawn(held, seed, max_pages)
    held = _drawn(held, seed, max_pages).sort_by("id").combine_chunks()
    verdicts = held.column("verdict").combine_chunks().dictionary_encode()
    return ExplorerPages(
        num_pages_of_build=num_pages,
        ids=held.column("id").combine_chunks(),
        codes={name: _numbers(held.column(name)) for name in SIGNALS},
        facts_P=_numbers(held.column("facts")),
        verdicts=verdicts.dictionary.to_pylist(),
        verdict_P=_numbers(verdicts.indices),
    )


def scale_points(rules: PageRules) -> Mapping[str, npt.NDArray[np.float64]]:
    """By signal, what its codes count; `rules` are points of it."""
    return {name: points_of(name, _thresholds_on(name), rules) for name in SIGNALS}


def explorer_values(pages: ExplorerPages, rules: PageRules, *, shown: Collection[str]) -> dict[str, Json]:
    """What the page embeds. `shown` are ids of pages that the inspector has."""
    ids = pages.ids.to_pylist()
    documents, document_of = np.unique([page_id.partition("/")[0][: 2 * DOC_ID_BYTES] for page_id in ids], return_inverse=True)
    return {
        "numPages": len(ids),
        "numPagesOfBuild": pages.num_pages_of_build,
        "signals": {
            name: {
                "column": COLUMN_OF_FIELD[name],
                "points": points.tolist(),
                "codes": _packed(pages.codes[name]),
                "thresholds": _thresholds_on(name),
            }
            for name, points in scale_points(rules).items()
        },
        "facts": {"names": list(FACTS), "bits": _packed(pages.facts_P)},
        "verdicts": {"names": list(pages.verdicts), "places": _packed(pages.verdict_P)},
        "rules": {name: _tree(condition) for name, condition in REJECT_RULES.items()},
        "thresholds": {name: getattr(rules, name) for name in thresholds()},
        "whole": [name for name in thresholds() if PageRules.model_fields[name].annotation is int],
        "documents": documents.tolist(),
        "documentOf": _packed(document_of.astype(np.uint32)),
        "pageOf": _packed(np.array([int(page_id.rpartition("/")[2]) for page_id in ids], dtype=np.uint32)),
        "shown": {str(place): page_id for place, page_id in enumerate(ids) if page_id in shown},
    }


def thresholds() -> list[str]:
    """Of all reject rules, in their order, each once."""
    return list(dict.fromkeys(each.threshold for condition in REJECT_RULES.values() for each in comparisons(condition)))


def _thresholds_on(signal: str) -> list[str]:
    every = (each for condition in REJECT_RULES.values() for each in comparisons(condition))
    return list(dict.fromkeys(each.threshold for each in every if each.signal == signal))


def _coded(table: pa.Table, points: Mapping[str, npt.NDArray[np.float64]]) -> pa.Table:
    columns = {
        name: codes_of(pc.cast(table.column(COLUMN_OF_FIELD[name]), pa.float64()).to_numpy(), points[name]) for name in SIGNALS
    }
    reasons = pc.binary_join(table.column("reject"), "+")
    undecided = pc.if_else(pc.equal(reasons, ""), table.column("status"), reasons)
    return pa.table(
        {
            "id": table.column("id"),
            "facts": table.column("facts"),
            "verdict": pc.if_else(table.column(JUDGED), JUDGED_PAGE, undecided),
            **columns,
        }
    )


def _drawn(table: pa.Table, seed: str, max_pages: int) -> pa.Table:
    """`max_pages` rows of the smallest hashes; the same rows whatever stood beside them."""
    if table.num_rows <= max_pages:
        return table
    hashes = np.array([draw_hash(seed, page_id) for page_id in table.column("id").to_pylist()], dtype=np.uint64)
    return table.take(np.sort(np.argpartition(hashes, max_pages)[:max_pages]))


def draw_hash(seed: str, page_id: str) -> int:
    """64 bits, evenly spread."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{page_id}".encode(), digest_size=8).digest(), "little")


def _numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.uint16]:
    numbers: npt.NDArray[np.uint16] = column.to_numpy().astype(np.uint16)
    return numbers


def _packed(values: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]) -> dict[str, Json]:
    """Deflated little-endian numbers in base64, for `DecompressionStream("deflate")`."""
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {"bytesEach": values.dtype.itemsize, "deflate": base64.b64encode(zlib.compress(data, 6)).decode()}


def _tree(condition: Condition) -> dict[str, Json]:
    match condition:
        case Compare(signal, comparison, threshold):
            return {"signal": signal, "is": comparison, "threshold": threshold}
        case Fact(name):
            return {"fact": name}
        case AllOf(parts):
            return {"all": [_tree(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [_tree(part) for part in parts]}
