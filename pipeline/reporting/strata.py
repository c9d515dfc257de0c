"""Which pages of a build a person should look at: some of every kind, and the worst of each.

In: the signals of a build, file by file. Out: at most `max_pages` pages, each with the strata it stands for: every reject
reason, rung, mode and language, the least sure of the kept pages, both sides of every threshold, and kept pages at random.
Within a stratum pages are taken by a hash of their id, or by what the stratum asks for, so the same build gives the same
pages in any order of its files. Strata are served in turn, a page each, so that a rare reason is seen however many pages
there are of the common ones. Costs 20 us a page; holds a few pages for each stratum and one file's columns.
"""

import heapq
import operator
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config import PageRules
from pipeline.quality.rule_table import REJECT_RULES, AllOf, AnyOf, Compare, Comparison, Condition, Fact, comparisons
from pipeline.reporting.explorer import draw_hash
from pipeline.reporting.page_signals import COLUMN_OF_FIELD, FACTS, JUDGED, FileSignals
from pipeline.reporting.scales import SCALES

QUOTAS: Mapping[str, int] = {"reason": 10, "rung": 8, "least sure": 12, "kept": 40, "border": 2, "mode": 4, "language": 2}
"""Pages of each stratum of a kind, at most; kinds are served in this order."""
KINDS = tuple(QUOTAS)
FIRST_RUNG = "first"

Mask = npt.NDArray[np.bool_]
ARRAY_OPERATORS: Mapping[Comparison, np.ufunc] = {"<": np.less, ">": np.greater, ">=": np.greater_equal}


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Stratum:
    kind: str
    """Key of QUOTAS."""
    name: str
    """`low_conf`, `gundam`, `de`, ...; "" when the kind has one stratum."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()

    @property
    def place(self) -> tuple[int, str]:
        """Its turn."""
        return KINDS.index(self.kind), self.name


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class _Candidate:
    """A page in a stratum; the smallest are taken."""

    score: float
    page_id: str
    key: str = field(compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenPage:
    """A page to look at."""

    page_id: str
    key: str
    """Of its pages file."""
    strata: tuple[Stratum, ...]


def choose_pages(files: Iterable[FileSignals], rules: PageRules, *, seed: str, max_pages: int) -> list[ChosenPage]:
    """Ascending by key and page. A forgotten page is never chosen: there is nothing of it to see."""
    best: defaultdict[Stratum, list[_Candidate]] = defaultdict(list)
    for file in files:
        seen = FileSignals(
            key=file.key,
            size_bytes=file.size_bytes,
            table=file.table.filter(pc.not_equal(file.table.column("status"), "forgotten")),
        )
        found: defaultdict[Stratum, list[_Candidate]] = defaultdict(list)
        for stratum, candidate in (*_of_rows(seen, seed), *_at_borders(seen, rules)):
            found[stratum].append(candidate)
        for stratum, candidates in found.items():
            best[stratum] = heapq.nsmallest(QUOTAS[stratum.kind], {*best[stratum], *candidates})
    return _in_turn(best, max_pages)


def _in_turn(best: Mapping[Stratum, list[_Candidate]], max_pages: int) -> list[ChosenPage]:
    ordered = sorted(best, key=lambda stratum: stratum.place)
    strata: defaultdict[_Candidate, list[Stratum]] = defaultdict(list)
    by_page: dict[str, _Candidate] = {}
    for rank in range(max(QUOTAS.values())):
        for stratum in ordered:
            if rank < len(best[stratum]):
                candidate = best[stratum][rank]
                if candidate.page_id not in by_page and len(by_page) == max_pages:
                    continue
                strata[by_page.setdefault(candidate.page_id, candidate)].append(stratum)
    chosen = (
        ChosenPage(page_id=each.page_id, key=each.key, strata=tuple(sorted(named, key=lambda stratum: stratum.place)))
        for each, named in strata.items()
    )
    return sorted(chosen, key=lambda page: (page.key, page.page_id))


def _of_rows(file: FileSignals, seed: str) -> Iterator[tuple[Stratum, _Candidate]]:
    columns = ("id", "status", "reject", "rung", "mode", "language", "ocr_conf", "mean_logprob")
    for page_id, status, reject, rung, mode, language, confidence, logprob in zip(
        *(file.table.column(name).to_pylist() for name in columns), strict=True
    ):
        drawn = _Candidate(score=float(draw_hash(seed, page_id)), page_id=page_id, key=file.key)
        for reason in reject:
            yield Stratum(kind="reason", name=reason), drawn
        if rung not in (None, FIRST_RUNG):
            yield Stratum(kind="rung", name=rung), drawn
        if mode is not None:
            yield Stratum(kind="mode", name=mode), drawn
        if status == "ok":
            yield Stratum(kind="language", name=language), drawn
        if status == "ok" and not reject:
            yield Stratum(kind="kept", name="at random"), drawn
            doubt = confidence if confidence is not None else logprob
            if doubt is not None:
                yield Stratum(kind="least sure", name="of those kept"), _Candidate(score=doubt, page_id=page_id, key=file.key)


def _at_borders(file: FileSignals, rules: PageRules) -> Iterator[tuple[Stratum, _Candidate]]:
    """Of the pages whose verdict turns on a threshold, those nearest to it on either side."""
    ids = file.table.column("id")
    for condition in REJECT_RULES.values():
        for compared in dict.fromkeys(comparisons(condition)):
            limit = float(getattr(rules, compared.threshold))
            values = _values(file.table, compared.signal)
            turning = deciding_pages(condition, compared, file.table, rules)
            scale = SCALES[compared.signal]
            distances = np.abs(values - limit) * scale.per_unit / (scale.last - scale.first)
            breaks = _compare(compared, values, limit)
            for side, mask in (("broken", breaks), ("held", ~breaks)):
                places = np.flatnonzero(turning & mask & ~np.isnan(values))
                for place in places[np.argsort(distances[places], kind="stable")[: QUOTAS["border"]]]:
                    candidate = _Candidate(score=float(distances[place]), page_id=ids[int(place)].as_py(), key=file.key)
                    yield Stratum(kind="border", name=f"{compared.threshold}, {side}"), candidate


def deciding_pages(condition: Condition, compared: Compare, table: pa.Table, rules: PageRules) -> Mask:
    """Pages that break the rule or hold it by this comparison alone."""
    if_true = _mask(condition, table, rules, known={compared: True})
    if_false = _mask(condition, table, rules, known={compared: False})
    judged: Mask = table.column(JUDGED).to_numpy()
    return (if_true ^ if_false) & judged


def _mask(condition: Condition, table: pa.Table, rules: PageRules, *, known: Mapping[Compare, bool]) -> Mask:
    match condition:
        case Compare(signal, _, threshold):
            if condition in known:
                return np.full(table.num_rows, known[condition])
            return _compare(condition, _values(table, signal), float(getattr(rules, threshold)))
        case Fact(name):
            bits: npt.NDArray[np.int32] = table.column("facts").to_numpy()
            fact: Mask = (bits >> FACTS.index(name)) % 2 == 1
            return fact
        case AllOf(parts):
            return reduce(operator.and_, (_mask(part, table, rules, known=known) for part in parts))
        case AnyOf(parts):
            return reduce(operator.or_, (_mask(part, table, rules, known=known) for part in parts))


def _compare(compared: Compare, values: npt.NDArray[np.float64], limit: float) -> Mask:
    """NaN, an unknown value, is neither above nor below."""
    mask: Mask = ARRAY_OPERATORS[compared.comparison](values, limit)
    return mask


def _values(table: pa.Table, signal: str) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = pc.cast(table.column(COLUMN_OF_FIELD[signal]), pa.float64()).to_numpy()
    return values
