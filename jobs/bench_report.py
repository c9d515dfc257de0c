"""Measurements of engines to Markdown.

In: Measurements, the page list, the competitors' versions. Out: tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from jobs.bench_pages import ORDER_RULE, RULE, BenchPage, Look, list_hash
from jobs.bench_rounds import NUM_WARM_UP_PAGES, Measurement
from pipeline.quality.scoring import Agreement, total

LOOK_NAMES: Mapping[Look, str] = {"born_digital": "born digital", "scan": "scan"}
BASELINES = ("rapidocr", "tesseract-200")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSet:
    """One comparison: the same pages for all its competitors."""

    name: str
    about: str
    pages: Sequence[BenchPage]
    versions: Mapping[str, str]
    measurements: Sequence[Measurement]


def page_set_lines(page_set: PageSet) -> list[str]:
    """The tables of one comparison."""
    documents = {page.document.sha256 for page in page_set.pages}
    lines = [
        f"### {page_set.name}",
        "",
        f"{page_set.about} {len(page_set.pages)} pages of {len(documents)} documents, list {list_hash(page_set.pages)}; "
        f"{sum(page.is_running_text for page in page_set.pages)} of them are running text and count for the page order.",
        "",
        "| competitor | look | pages/s a core | CPU s/page | wall s/page | x rapidocr | x tesseract-200 | CER | with spaces "
        "| page order | words P / R | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_look = [_rows(page_set.measurements, name, look) for look in LOOK_NAMES for name in page_set.versions]
    lines += [_table_row(page_set.measurements, rows) for rows in by_look if rows]
    lines += ["", *_language_lines(page_set), "Versions:", ""]
    return lines + [f"* {name}: {version}" for name, version in page_set.versions.items()] + [""]


def _table_row(measurements: Sequence[Measurement], rows: Sequence[Measurement]) -> str:
    agreement = total(page for row in rows for _, _, page in row.pages)
    cpu_s, wall_s = sum(row.cpu_s for row in rows), sum(row.wall_s for row in rows)
    cells = [
        rows[0].competitor,
        LOOK_NAMES[rows[0].look],
        f"{median(len(row.pages) / row.cpu_s for row in rows):.3f}",
        f"{cpu_s / agreement.num_pages:.2f}",
        f"{wall_s / agreement.num_pages:.2f}",
        *(_ratio(rows, _rows(measurements, baseline, rows[0].look)) for baseline in BASELINES),
        percent(agreement.cer),
        percent(agreement.cer_spaced),
        page_order(agreement),
        f"{percent(agreement.word_precision)} / {percent(agreement.word_recall)}",
        f"{max(row.peak_rss_bytes for row in rows) / 1e6:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _rows(measurements: Iterable[Measurement], name: str, look: Look) -> list[Measurement]:
    return [row for row in measurements if row.competitor == name and row.look == look]


def _ratio(rows: Sequence[Measurement], baseline: Sequence[Measurement]) -> str:
    """Speed against the baseline's in the same round: median (least-most)."""
    baseline_cpu_s = {row.round_index: row.cpu_s for row in baseline}
    ratios = [baseline_cpu_s[row.round_index] / row.cpu_s for row in rows if row.round_index in baseline_cpu_s]
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else "-"


def _language_lines(page_set: PageSet) -> list[str]:
    """CER of each competitor by language, where there is more than one."""
    languages = sorted({page.document.language for page in page_set.pages})
    if len(languages) < 2:
        return []
    lines = [
        "CER by language, born digital / scan:",
        "",
        f"| competitor | {' | '.join(languages)} |",
        "|---" * (len(languages) + 1) + "|",
    ]
    for name in page_set.versions:
        cells = []
        for language in languages:
            looks = [_language_cer(_rows(page_set.measurements, name, look), language) for look in LOOK_NAMES]
            cells.append(" / ".join(looks))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _language_cer(rows: Sequence[Measurement], language: str) -> str:
    pages = [page for row in rows for _, page_language, page in row.pages if page_language == language]
    return percent(total(pages).cer) if pages else "-"


def method_lines(chunk: int) -> list[str]:
    """How the figures were made, for the reader of the results."""
    return [
        f"Pages: {RULE}. The {ORDER_RULE}.",
        "",
        "Rendering, loading and scoring are outside the timed part. Every competitor runs in a process of its own with one "
        f"thread, one at a time, in rounds over chunks of {chunk} pages; the order turns with each round, and "
        f"{NUM_WARM_UP_PAGES} pages are read untimed first. Pages/s a core: pages over CPU seconds, median of the rounds. "
        "Ratios: CPU seconds in the same round, median (least-most). CER: edits over true characters, white space ignored, "
        "lines and text layer put into one order by their boxes first; with spaces: the same, white space kept; page order: in "
        "the engine's own order. Normalisation: `pipeline/quality/scoring.py`. Peak MB is the whole process with the chunk's "
        "images loaded. A scan is the same page turned by up to 1.2 degrees, blurred, on grey paper, with noise, JPEG 55.",
        "",
    ]


def page_order(agreement: Agreement) -> str:
    return percent(agreement.cer_page_order) if agreement.num_chars_ordered else "-"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def kinds_table(groups: Mapping[tuple[str, str, str, str], tuple[int, Agreement]]) -> list[str]:
    """CER by kind of document: (folder, kind, language, truth) to documents and their agreement."""
    lines = [
        "| folder | kind | language | truth | documents | pages | characters | CER | with spaces | page order | words F1 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (folder, kind, language, truth), (num_documents, agreement) in sorted(groups.items()):
        cells = [
            *(folder, kind, language, truth),
            *(str(num_documents), str(agreement.num_pages), str(agreement.num_chars)),
            percent(agreement.cer),
            percent(agreement.cer_spaced),
            page_order(agreement),
            percent(agreement.word_f1),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]
