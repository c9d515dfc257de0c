"""What became of the documents: verdicts, duplicates, quarantine, those to be looked at. In: BuildFacts. Out: Figures.

Pure. The strangest documents are those whose means (confidence, share of words, characters a page, garbled characters, repeated
lines) lie farthest from the build's: the sum over these of |document - build| in standard deviations over documents.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.builds.receipt import counted
from pipeline.reporting.facts import BuildFacts, VersionFacts
from pipeline.reporting.figure import Cell, Column, Figure, Query

NUM_SHOWN = 10
DOCUMENT = Column(name="uri", title="Document", kind="text")
PAGES = Column(name="num_pages", title="Pages")
DOCUMENTS = Column(name="num_documents", title="Documents")
LEAST_DEVIATION = 1e-9
"""A signal that is the same in all documents tells none apart."""
SLOWEST_SQL = f"""select uri, count(*) as num_pages, sum(coalesce(seconds, 0)) as engine_s, engine_s / num_pages as page_s
from pages group by doc_id, uri order by engine_s desc, uri limit {NUM_SHOWN}"""
STRANGEST_SQL = f"""with means as (
  select uri, count(*) as num_pages, count(*) filter (len(reject) = 0) as kept,
    [avg(ocr_conf), avg(chars), avg(alpha_words), avg(garbled), avg(dup_line)] as of_document
  from pages group by doc_id, uri),
signals as (
  select uri, num_pages, kept, of_document, unnest(of_document) as value, unnest(range(5)) as signal from means),
far as (
  select *, avg(value) over (partition by signal) as mean, stddev_pop(value) over (partition by signal) as deviation
  from signals)
select uri, num_pages, kept, of_document[1] as conf, of_document[2] as chars,
  sum(case when deviation > {LEAST_DEVIATION} then coalesce(abs(value - mean) / deviation, 0) else 0 end) as distance
from far group by uri, num_pages, kept, of_document order by distance desc, uri limit {NUM_SHOWN}"""
VERDICT_SQL = """select unnest(case when len(reject) = 0 then ['published'] else reject end) as verdict,
  count(*) as num_documents
from verdicts where build_id = '{build_id}' group by verdict order by num_documents desc, verdict"""
KIND_SQL = """select kind, count(*) as num_documents, sum(n_pages) as num_pages
from verdicts where build_id = '{build_id}' group by kind order by num_documents desc, kind"""
QUARANTINE_SQL = """select reason, count(*) as num_documents
from quarantine group by reason order by num_documents desc, reason"""
Floats = npt.NDArray[np.float64]
MEANS = ("conf", "chars", "alpha_words", "garbled", "dup_line")


def document_figures(facts: BuildFacts) -> Iterator[Figure]:
    yield quarantine(facts)
    if facts.version is not None:
        yield verdicts(facts.version, facts.build_id)
        yield duplicates(facts.version, facts.build_id)
    documents = facts.pages.by["document"]
    yield slowest(documents)
    yield strangest(documents)


def quarantine(facts: BuildFacts) -> Figure:
    reasons = counted(failure.reason for receipt in facts.receipts for failure in receipt.quarantined)
    return Figure(
        figure_id="quarantine",
        title="Documents that gave no page, by cause",
        told="They stand in quarantine.parquet with their error; `pagemill build --retry-quarantined` tries them again.",
        columns=(Column(name="reason", title="Cause", kind="text"), DOCUMENTS),
        rows=by_number(reasons),
        source=Query(sql=QUARANTINE_SQL),
        bar="num_documents",
    )


def verdicts(version: VersionFacts, build_id: str) -> Figure:
    rejects = version.verdicts.column("reject").to_pylist()
    return Figure(
        figure_id="verdicts",
        title="Documents by verdict",
        told=f"Of version {version.version_id}; a document with two reasons counts under both.",
        columns=(Column(name="verdict", title="Verdict", kind="text"), DOCUMENTS),
        rows=by_number(counted(name for reject in rejects for name in (reject or ["published"]))),
        source=Query(sql=VERDICT_SQL.format(build_id=build_id), table="version"),
        bar="num_documents",
    )


def duplicates(version: VersionFacts, build_id: str) -> Figure:
    table = version.verdicts.group_by("kind").aggregate([("kind", "count"), ("n_pages", "sum")])
    table = table.sort_by([("kind_count", "descending"), ("kind", "ascending")])
    return Figure(
        figure_id="duplicates",
        title="Duplicates",
        told="kept: says something new. exact, near, contained: an earlier document says the same, most of it, or all of it.",
        columns=(Column(name="kind", title="Kind", kind="text"), DOCUMENTS, PAGES),
        rows=[(row["kind"], row["kind_count"], row["n_pages_sum"]) for row in table.to_pylist()],
        source=Query(sql=KIND_SQL.format(build_id=build_id), table="version"),
        bar="num_documents",
    )


def slowest(documents: pa.Table) -> Figure:
    found = documents.sort_by([("seconds", "descending"), ("uri", "ascending")]).slice(0, NUM_SHOWN)
    return Figure(
        figure_id="slowest",
        title="Slowest documents",
        told="By engine time, all attempts at their pages included.",
        columns=(
            DOCUMENT,
            PAGES,
            Column(name="engine_s", title="Engine time", kind="seconds"),
            Column(name="page_s", title="A page", kind="seconds"),
        ),
        rows=[
            (row["uri"], int(row["pages"]), row["seconds"], row["seconds"] / row["pages"])
            for row in found.select(["uri", "pages", "seconds"]).to_pylist()
        ],
        source=Query(sql=SLOWEST_SQL),
        bar="engine_s",
        is_wide=True,
    )


def strangest(documents: pa.Table) -> Figure:
    rows: list[tuple[Cell, ...]] = []
    if documents.num_rows:
        means = _means(documents)
        far = sum((_deviations(means[name]) for name in MEANS), np.zeros(documents.num_rows))
        ranked = documents.append_column("distance", pa.array(far)).append_column(
            "mean_conf", pa.array(means["conf"], from_pandas=True)
        )
        ranked = ranked.append_column("mean_chars", pa.array(means["chars"]))
        found = ranked.sort_by([("distance", "descending"), ("uri", "ascending")]).slice(0, NUM_SHOWN)
        rows = [
            (row["uri"], int(row["pages"]), int(row["kept"]), row["mean_conf"], row["mean_chars"], row["distance"])
            for row in found.to_pylist()
        ]
    return Figure(
        figure_id="strangest",
        title="Strangest documents",
        told="Whose confidence, words, length, garbled characters and repeated lines lie farthest from the rest of the build.",
        columns=(
            DOCUMENT,
            PAGES,
            Column(name="kept", title="Kept"),
            Column(name="conf", title="Confidence", kind="number"),
            Column(name="chars", title="Characters a page"),
            Column(name="distance", title="Distance", kind="number"),
        ),
        rows=rows,
        source=Query(sql=STRANGEST_SQL),
        bar="distance",
        is_wide=True,
    )


def _means(documents: pa.Table) -> dict[str, Floats]:
    """By signal; NaN where no page has it."""
    pages = documents.column("pages").to_numpy()
    with_conf = documents.column("conf_pages").to_numpy()
    means = {name: documents.column(name).to_numpy() / pages for name in MEANS if name != "conf"}
    means["conf"] = np.where(with_conf > 0, documents.column("conf").to_numpy() / np.maximum(with_conf, 1), np.nan)
    return means


def _deviations(values: Floats) -> Floats:
    """How many standard deviations each is from the mean; 0 where there is no value."""
    known = values[~np.isnan(values)]
    if not known.size or known.std() <= LEAST_DEVIATION:
        return np.zeros(values.size)
    far: Floats = np.abs(values - known.mean()) / known.std()
    return np.where(np.isnan(far), 0.0, far)


def by_number(counts: dict[str, int]) -> list[tuple[Cell, ...]]:
    """The most frequent first, then by name."""
    return [(name, number) for name, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
