"""`python -m jobs.bench_engine CORPUS`: how fast and how good is the engine, beside what people use today?

In: the reference corpus. Out: a dated section at the end of a Markdown page. Reads each page with each competitor, in turns,
one thread each; a page costs about 25 CPU seconds for the two looks and five competitors. See `bench_report.method_lines`.
"""

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from jobs.bench_kinds import LAYER_PAGES_PER_DOCUMENT, agreement_by_kind
from jobs.bench_pages import LATIN_LANGUAGES, RULE, CorpusDocument, pick_pages, read_manifest
from jobs.bench_readers import COMPETITORS
from jobs.bench_report import (
    LOOK_NAMES,
    PageSet,
    kinds_table,
    method_lines,
    page_set_lines,
)
from jobs.bench_rounds import ONE_THREAD, Measurement, measure, running_readers
from jobs.bench_section import append_section, machine_lines
from pipeline.errors import ConfigError, PagemillError

DEFAULT_ENGINES = "ppocr-latin,ppocr-all,rapidocr,tesseract-200,tesseract-300"
EXAMPLE = """examples:
  python -m jobs.bench_engine ../shared/corpus/dev --pages 48 --other-pages 24
  python -m jobs.bench_engine ../shared/corpus/dev --by-kind ppocr-all"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 done, 1 a competitor failed, 2 wrong use."""
    arguments = parser().parse_args(argv)
    try:
        lines = _by_kind_lines(arguments) if arguments.by_kind else _comparison_lines(arguments)
        title = f"CER by kind of document, {arguments.by_kind}" if arguments.by_kind else "speed and CER beside others"
        print(append_section(arguments.out, title, lines))
    except PagemillError as error:
        print(f"bench_engine: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m jobs.bench_engine",
        description="Measures OCR engines on the same real pages, one core each, interleaved; writes a dated Markdown section.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("corpus", type=Path, help="folder with manifest.csv")
    command.add_argument("--pages", type=int, default=48, help="pages in Latin script for the main comparison (%(default)s)")
    command.add_argument("--other-pages", type=int, default=24, help="pages in other languages and scripts (%(default)s)")
    command.add_argument("--chunk", type=int, default=12, help="pages a round (%(default)s)")
    command.add_argument("--engines", default=DEFAULT_ENGINES, help=f"of {', '.join(COMPETITORS)} (%(default)s)")
    command.add_argument("--out", type=Path, default=Path("infra/benchmarks/ppocr.md"), help="results page (%(default)s)")
    command.add_argument("--details", type=Path, help="also write one CSV row for each page and competitor here")
    command.add_argument("--by-kind", metavar="ENGINE", help="instead: CER by kind of document, with this engine")
    return command


def _comparison_lines(arguments: argparse.Namespace) -> list[str]:
    names = checked_engines(arguments.engines)
    lines = [*machine_lines(), "", *method_lines(arguments.chunk)]
    documents = read_manifest(arguments.corpus)
    english_only = [name for name in names if COMPETITORS[name].reads_english_only]
    main_languages = frozenset({"en"}) if english_only else LATIN_LANGUAGES
    about = f"English pages, because {', '.join(english_only)} has no other language data here." if english_only else ""
    main_set = _page_set("Latin script", about, documents, main_languages, arguments.pages, names, arguments.chunk)
    languages = frozenset(document.language for document in documents) - main_languages - {"?", "mul"}
    others = [name for name in names if name not in english_only]
    about = "All other languages and scripts of the corpus."
    other_set = _page_set("Other languages", about, documents, languages, arguments.other_pages, others, arguments.chunk)
    page_sets = [page_set for page_set in (main_set, other_set) if page_set.measurements]
    if arguments.details:
        _write_details(arguments.details, page_sets)
    return lines + [line for page_set in page_sets for line in page_set_lines(page_set)]


def _page_set(
    name: str,
    about: str,
    documents: Sequence[CorpusDocument],
    languages: frozenset[str],
    num_pages: int,
    names: Sequence[str],
    chunk: int,
) -> PageSet:
    pages = pick_pages(documents, languages, num_pages) if names and num_pages else []
    if not pages:
        return PageSet(name=name, about=about, pages=(), versions={}, measurements=())
    measurements: list[Measurement] = []
    with running_readers(names) as readers:
        for row in measure(readers, pages, tuple(LOOK_NAMES), chunk):
            measurements.append(row)
            speed = row.cpu_s / len(row.pages)
            print(f"{name}, round {row.round_index}, {row.look}: {row.competitor} {speed:.2f} CPU s/page", flush=True)
        versions = {reader.name: reader.version for reader in readers}
    return PageSet(name=name, about=about, pages=pages, versions=versions, measurements=measurements)


def _by_kind_lines(arguments: argparse.Namespace) -> list[str]:
    (name,) = checked_engines(arguments.by_kind)
    lines = machine_lines()
    os.environ.update(ONE_THREAD)
    reader = COMPETITORS[name].open()
    documents = read_manifest(arguments.corpus)
    groups = agreement_by_kind(documents, reader, COMPETITORS[name], report=print)
    trusted = RULE.partition("of each those with ")[2].partition("; at most")[0]
    about = (
        f"All pages with a transcript; without one, up to {LAYER_PAGES_PER_DOCUMENT} pages a document by their text layer, "
        f"where it may be trusted ({trusted}). CER: lines and truth put into one order first, by boxes or by content; "
        "page order: the engine's own page text. Words broken at line ends are joined on both sides where the truth is a "
        "transcript. The Library of Congress letters (old scans) are partly handwriting."
    )
    return [*lines, f"* {name}: {reader.version}", "", about, "", *kinds_table(groups)]


def checked_engines(text: str) -> list[str]:
    """Names of competitors that can run here. Raises ConfigError."""
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in COMPETITORS]:
        raise ConfigError(f"unknown engine {', '.join(unknown)}; known are {', '.join(COMPETITORS)}")
    for module in ("rapidfuzz", *(COMPETITORS[name].needs for name in names)):
        if find_spec(module) is None:
            raise ConfigError(f"{module} is not installed; run: pip install 'pagemill[bench]'")
    return names


def _write_details(path: Path, page_sets: Sequence[PageSet]) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(
            ("set", "look", "competitor", "document", "page_index", "language", "cer", "cer_spaced", "cer_page_order")
        )
        for page_set in page_sets:
            names = {page.key: page.document.path.name for page in page_set.pages}
            for row in page_set.measurements:
                for key, language, page in row.pages:
                    figures = (f"{page.cer:.4f}", f"{page.cer_spaced:.4f}", f"{page.cer_page_order:.4f}")
                    page_index = key.rpartition("/")[2]
                    rows.writerow((page_set.name, row.look, row.competitor, names[key], page_index, language, *figures))


if __name__ == "__main__":
    sys.exit(main())
