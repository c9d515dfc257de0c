"""Reads the documents whose truth is known, of every kind, with one engine: how good is it on what?

In: the corpus manifest and an opened Reader. Out: for each (folder, kind, language, truth) the documents and their Agreement.
Truth is `NAME.gt.txt` or `.gt.md` where there is one (pages divided by form feeds), else the text layer of pages that may be
trusted (see `bench_pages.RULE`). A page that does not render counts as unread.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from jobs.bench_pages import (
    PAGES_LOOKED_AT,
    BenchPage,
    CorpusDocument,
    document_images,
    has_layer_truth,
    trusted_pages,
)
from jobs.bench_readers import Competitor, Reader, Reading
from pipeline.errors import ConfigError
from pipeline.quality.scoring import Agreement, BoxedText, compare_boxed, compare_text, total, without_order
from pipeline.records import PageImage

Group = tuple[str, str, str, str]
"""Folder, kind, language, truth: the columns of the table."""

LAYER_PAGES_PER_DOCUMENT = 4
WINDOW_PAGES = 16
KIND_WORDS = (
    *("invoice", "form", "slides", "poster", "card", "cheat sheet", "table", "paper", "manual", "report", "book", "leaflet"),
    *("court", "legal", "text", "article", "standard"),
)
"""Born-digital kinds are free text in the manifest; the first of these words that occurs stands for them."""
TRUTH_WORDS = {
    "docling output": "docling's output, not human",
    "OCR-like": "OCR-like",
    "Markdown": "source Markdown",
    "text layer": "text layer",
    "human": "human",
    "correct": "human",
}
CASE_NOT_AS_PRINTED = "case as annotated"
"""Receipts of ICDAR SROIE are transcribed in capitals; case is ignored there."""
UNREAD = Reading(lines=(), text="")


def agreement_by_kind(
    documents: Sequence[CorpusDocument], reader: Reader, competitor: Competitor, report: Callable[[str], None]
) -> Mapping[Group, tuple[int, Agreement]]:
    """Reads every document with a truth; `report` is told of each."""
    groups: dict[Group, list[Agreement]] = defaultdict(list)
    for document in documents:
        agreement = _agreement(document, reader, competitor)
        if agreement.num_pages:
            groups[group_of(document)].append(agreement)
            report(f"{document.path.name}: {agreement.num_pages} pages, CER {100 * agreement.cer:.2f} %")
    return {group: (len(agreements), total(agreements)) for group, agreements in groups.items()}


def group_of(document: CorpusDocument) -> Group:
    """Where a document stands in the table."""
    if document.truth_path is None:
        kind = next((word for word in KIND_WORDS if word in document.kind.lower()), "other")
        return document.folder, kind, document.language, "text layer"
    truth = next((name for word, name in TRUTH_WORDS.items() if word in document.truth_kind), document.truth_kind)
    return document.folder, document.kind.split(",")[0], document.language, truth


def _agreement(document: CorpusDocument, reader: Reader, competitor: Competitor) -> Agreement:
    if document.truth_path is not None:
        truths = document.truth_path.read_text(encoding="utf-8").split("\f")
        images = document_images(document, dpi=competitor.dpi, channels=competitor.channels)
        readings = dict(_readings(images, reader))
        if CASE_NOT_AS_PRINTED in document.truth_kind:
            return with_text_truth([truth.lower() for truth in truths], {k: _lower(v) for k, v in readings.items()})
        return with_text_truth(truths, readings)
    if not has_layer_truth(document):
        return Agreement()
    pages = list(islice(trusted_pages(document, num_pages=PAGES_LOOKED_AT), LAYER_PAGES_PER_DOCUMENT))
    return _with_layer_truth(document, pages, reader, competitor)


def with_text_truth(truths: Sequence[str], readings: Mapping[int, Reading]) -> Agreement:
    """Page by page; a document with one truth for several pages is scored as one long page. Raises ConfigError."""
    if len(truths) > 1 and max(readings, default=0) >= len(truths):
        raise ConfigError(f"a truth of {len(truths)} pages stands beside a document of {max(readings) + 1}; mend the truth")
    if len(truths) > 1:
        per_page = [_compare(readings.get(page_index, UNREAD), truth) for page_index, truth in enumerate(truths)]
        return total(per_page)
    in_order = [readings[page_index] for page_index in sorted(readings)]
    joined = Reading(
        lines=tuple(line for reading in in_order for line in reading.lines),
        text="\n\n".join(reading.text for reading in in_order),
    )
    return replace(_compare(joined, truths[0]), num_pages=max(1, len(in_order)))


def _lower(reading: Reading) -> Reading:
    lines = tuple(BoxedText(line.text.lower(), line.box_pt) for line in reading.lines)
    return Reading(lines=lines, text=reading.text.lower())


def _compare(reading: Reading, truth: str) -> Agreement:
    return compare_text([line.text for line in reading.lines], reading.text, truth)


def _with_layer_truth(
    document: CorpusDocument, pages: Sequence[BenchPage], reader: Reader, competitor: Competitor
) -> Agreement:
    if not pages:
        return Agreement()
    by_index = {page.page_index: page for page in pages}
    images = document_images(document, dpi=competitor.dpi, channels=competitor.channels)
    wanted = (image for image in islice(images, max(by_index) + 1) if image.page_id.page_index in by_index)
    readings = dict(_readings(wanted, reader))
    return total(_compare_layer(readings.get(index, UNREAD), page) for index, page in by_index.items())


def _compare_layer(reading: Reading, page: BenchPage) -> Agreement:
    agreement = compare_boxed(reading.lines, page.words)
    return agreement if page.is_running_text else without_order(agreement)


def _readings(images: Iterator[PageImage], reader: Reader) -> Iterator[tuple[int, Reading]]:
    while window := list(islice(images, WINDOW_PAGES)):
        for image, reading in zip(window, reader.read(window), strict=True):
            yield image.page_id.page_index, reading
