"""What became of the pages: status, reasons, rungs, modes, languages, lengths, confidence. In: a PagesTally. Out: Figures.

Pure. All of the verdicts that stand in `pages`: those of the rules that the build was read under.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from pipeline.reporting.drawing import Axis, Series, stacked_columns
from pipeline.reporting.figure import NOTHING, Cell, Column, Figure, Query
from pipeline.reporting.pages_tally import CHARS_BINS, CHARS_PER_BIN, CONFIDENCE_BINS, MAX_ERROR_CHARS, PagesTally

PAGES = Column(name="num_pages", title="Pages")
KEPT = Column(name="kept", title="Kept")
MAX_ERRORS = 10
BOOKS_SQL = """select count(*) as num_documents, sum(pages_of_one)::bigint as num_pages, sum(rows_of_one)::bigint as num_rows
from (select any_value(n_pages) as pages_of_one, count(*) as rows_of_one from pages group by doc_id)"""
STATUS_SQL = """select status, count(*) as num_pages, count(*) filter (len(reject) = 0) as kept
from pages group by status order by num_pages desc, status"""
REASON_SQL = """select reason, count(*) as num_pages
from (select unnest(reject) as reason from pages)
group by reason order by num_pages desc, reason"""
RUNG_SQL = """select rung, count(*) as num_pages, count(*) filter (len(reject) = 0) as kept,
  sum(coalesce(seconds, 0)) as engine_s
from pages where rung is not null group by rung order by num_pages desc, rung"""
MODE_SQL = """select mode, count(*) as num_pages,
  sum(vision_tokens) filter (text_tokens is not null and vision_tokens > 0) as sum_vision,
  sum(text_tokens) filter (text_tokens is not null and vision_tokens > 0) as sum_text,
  sum_text / sum_vision as compression
from pages where mode is not null group by mode order by num_pages desc, mode"""
LANGUAGE_SQL = """select language, count(*) as num_pages, count(*) filter (len(reject) = 0) as kept,
  sum(chars) filter (len(reject) = 0) as kept_chars
from pages group by language order by num_pages desc, language"""
CONFIDENCE_SQL = f"""select least(floor(ocr_conf * {CONFIDENCE_BINS}), {CONFIDENCE_BINS - 1}) as bin,
  count(*) filter (len(reject) = 0) as kept, count(*) filter (len(reject) > 0) as rejected
from pages where ocr_conf is not null group by bin order by bin"""
CHARS_SQL = f"""select least(floor(chars / {CHARS_PER_BIN}), {CHARS_BINS - 1}) as bin,
  count(*) filter (len(reject) = 0) as kept, count(*) filter (len(reject) > 0) as rejected
from pages where engine_status = 'ok' group by bin order by bin"""
ERROR_SQL = f"""select left(error, {MAX_ERROR_CHARS}) as error, count(*) as num_pages
from pages where error <> '' group by 1 order by num_pages desc, error limit {MAX_ERRORS}"""


def page_figures(pages: PagesTally) -> Iterator[Figure]:
    yield books(pages)
    yield by_status(pages)
    yield by_reason(pages)
    yield by_rung(pages)
    yield by_mode(pages)
    yield by_language(pages)
    yield confidence(pages)
    yield lengths(pages)
    yield by_error(pages)


def books(pages: PagesTally) -> Figure:
    return Figure(
        figure_id="books",
        title="Pages in = rows out",
        told="Each opened document says how many pages it has; the table must hold as many rows.",
        columns=(
            Column(name="num_documents", title="Documents with rows"),
            Column(name="num_pages", title="Pages in them"),
            Column(name="num_rows", title="Rows"),
        ),
        rows=[(pages.num_documents, pages.num_pages_of_documents, pages.num_pages)] if pages.num_pages else [],
        source=Query(sql=BOOKS_SQL),
    )


def by_status(pages: PagesTally) -> Figure:
    return Figure(
        figure_id="status",
        title="Pages by status",
        told="ok: read to its end. blank: never sent to an engine. failed: not rendered, not read, or stopped.",
        columns=(Column(name="status", title="Status", kind="text"), PAGES, KEPT),
        rows=rows_of(pages.by["status"], ("status", "pages", "kept")),
        source=Query(sql=STATUS_SQL),
        bar="num_pages",
    )


def by_reason(pages: PagesTally) -> Figure:
    return Figure(
        figure_id="reasons",
        title="Pages not kept, by reason",
        told="Under the rules that the build was read with; a page with two reasons counts under both.",
        columns=(Column(name="reason", title="Reason", kind="text"), PAGES),
        rows=rows_of(pages.by_reason, ("reason", "pages")),
        source=Query(sql=REASON_SQL),
        bar="num_pages",
    )


def by_rung(pages: PagesTally) -> Figure:
    return Figure(
        figure_id="rungs",
        title="Pages by rung of the ladder",
        told="The reading that was taken; first is the one before any rung. Engine time: of its pages, all attempts included.",
        columns=(
            Column(name="rung", title="Rung", kind="text"),
            PAGES,
            KEPT,
            Column(name="engine_s", title="Engine time", kind="seconds"),
        ),
        rows=rows_of(_known(pages.by["rung"], "rung"), ("rung", "pages", "kept", "seconds")),
        source=Query(sql=RUNG_SQL),
        bar="num_pages",
    )


def by_mode(pages: PagesTally) -> Figure:
    table = _known(pages.by["mode"], "mode")
    counts = rows_of(table, ("mode", "pages", "counted", "vision_tokens", "text_tokens"))
    rows = [
        (mode, num, vision if counted else None, text if counted else None, _over(text, vision))
        for mode, num, counted, vision, text in counts
    ]
    return Figure(
        figure_id="modes",
        title="Compression by mode",
        told="Text tokens per vision token, where both are known: above about 10 a page says more than its image can hold.",
        columns=(
            Column(name="mode", title="Mode", kind="text"),
            PAGES,
            Column(name="sum_vision", title="Vision tokens"),
            Column(name="sum_text", title="Text tokens"),
            Column(name="compression", title="Text per vision", kind="number"),
        ),
        rows=rows,
        source=Query(sql=MODE_SQL),
        bar="compression",
    )


def by_language(pages: PagesTally) -> Figure:
    rows = rows_of(pages.by["language"], ("language", "pages", "kept", "kept_chars"))
    return Figure(
        figure_id="languages",
        title="Pages by language",
        told="und: too little text to tell.",
        columns=(
            Column(name="language", title="Language", kind="text"),
            PAGES,
            KEPT,
            Column(name="kept_chars", title="Characters kept"),
        ),
        rows=[(language, num, kept, chars if kept else None) for language, num, kept, chars in rows],
        source=Query(sql=LANGUAGE_SQL),
        bar="num_pages",
    )


def confidence(pages: PagesTally) -> Figure:
    table = _known(pages.by["confidence"], "conf_bin")
    rows = _bins(table, "conf_bin", "pages")
    step = 1 / CONFIDENCE_BINS
    return Figure(
        figure_id="confidence",
        title="Confidence of the pages",
        told="The engine's own, mean over characters; pages of an engine that gives none are not here.",
        columns=_bin_columns(f"Bin of {step:g}, from 0"),
        rows=rows,
        source=Query(sql=CONFIDENCE_SQL),
        drawing=_histogram(
            rows,
            CONFIDENCE_BINS,
            [f"{number * step:.2f} to {(number + 1) * step:.2f}" for number in range(CONFIDENCE_BINS)],
            Axis(places=[(place, f"{place:g}") for place in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)], title="confidence"),
        ),
    )


def lengths(pages: PagesTally) -> Figure:
    rows = _bins(pages.by["chars"], "chars_bin", "read")
    last = (CHARS_BINS - 1) * CHARS_PER_BIN
    labels = [
        f"{number * CHARS_PER_BIN:,} to {(number + 1) * CHARS_PER_BIN - 1:,} characters" for number in range(CHARS_BINS - 1)
    ]
    places = [(each / (last + CHARS_PER_BIN), f"{each:,}") for each in range(0, last + 1, 2000)]
    return Figure(
        figure_id="lengths",
        title="Characters a page",
        told=f"Pages that an engine has read; the last column is everything from {last:,} on.",
        columns=_bin_columns(f"Bin of {CHARS_PER_BIN} characters"),
        rows=rows,
        source=Query(sql=CHARS_SQL),
        drawing=_histogram(
            rows, CHARS_BINS, [*labels, f"{last:,} characters and more"], Axis(places=places, title="characters")
        ),
    )


def by_error(pages: PagesTally) -> Figure:
    table = pages.by["error"]
    table = table.filter(pc.not_equal(table.column("error"), "")) if table.num_rows else table
    return Figure(
        figure_id="errors",
        title="Page errors, the most frequent",
        columns=(Column(name="error", title="Error", kind="text"), PAGES),
        rows=rows_of(table, ("error", "pages"))[:MAX_ERRORS],
        source=Query(sql=ERROR_SQL),
    )


def rows_of(table: pa.Table, columns: tuple[str, ...]) -> list[tuple[Cell, ...]]:
    """Most pages first, then by name; counts as integers."""
    found = [tuple(_whole(row[name], name) for name in columns) for row in table.to_pylist()]
    return sorted(found, key=lambda row: (-_amount(row[1]), str(row[0])))


def _amount(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _whole(value: Cell, name: str) -> Cell:
    return int(value) if isinstance(value, float) and name != "seconds" else value


def _known(table: pa.Table, key: str) -> pa.Table:
    return table.filter(pc.is_valid(table.column(key)))


def _over(number: Cell, whole: Cell) -> float | None:
    return _amount(number) / _amount(whole) if _amount(whole) else None


def _bins(table: pa.Table, key: str, counted: str) -> list[tuple[Cell, ...]]:
    """Bin, kept and rejected pages, by bin; bins without a page are left out."""
    counts: dict[int, list[int]] = {}
    for row in table.to_pylist():
        counts.setdefault(int(row[key]), [0, 0])[0 if row["is_kept"] else 1] += int(row[counted])
    return [(number, *counts[number]) for number in sorted(counts) if any(counts[number])]


def _bin_columns(title: str) -> tuple[Column, ...]:
    return Column(name="bin", title=title), KEPT, Column(name="rejected", title="Not kept")


def _histogram(rows: list[tuple[Cell, ...]], num_bins: int, labels: list[str], axis: Axis) -> Markup:
    if not rows:
        return NOTHING
    kept, rejected = [0.0] * num_bins, [0.0] * num_bins
    for number, of_kept, of_rejected in rows:
        place = int(_amount(number))
        kept[place], rejected[place] = _amount(of_kept), _amount(of_rejected)
    return stacked_columns(
        [Series(name="kept", values=kept), Series(name="not kept", values=rejected)],
        axis,
        unit="pages",
        labels=labels,
        described=f"Pages by {axis.title}: {sum(kept):,.0f} kept, {sum(rejected):,.0f} not",
    )
