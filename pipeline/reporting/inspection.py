"""The sections of a build's report that settle arguments: sampled pages, and what other thresholds would do.

In: a finished or unfinished build, the corpus it was read from, and the rules that its pages are judged by. Out: two
Sections. Reads the signal columns of all pages twice, texts and blocks of the chosen ones, and draws those. Measured over
100,000 pages in 170 files: see `infra/decisions/0019-sampled-pages-and-all-signals.md`. The parts are `strata` (which pages),
`samples` (their rows), `pictures`, `inspector` and `explorer`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pipeline.builds import layout
from pipeline.config import RenderConfig, RulesConfig
from pipeline.interfaces import ObjectStore, Source
from pipeline.rendering.apart import Drawer, NoPicture, Picture, PictureSize
from pipeline.reporting.explorer import explorer_pages
from pipeline.reporting.explorer_section import explorer_section
from pipeline.reporting.inspector import inspector_section
from pipeline.reporting.page import Section
from pipeline.reporting.page_signals import build_signals
from pipeline.reporting.pictures import PageLook, look_at
from pipeline.reporting.samples import SampledPage, fetch_records
from pipeline.reporting.strata import ChosenPage, choose_pages

MAX_PAGES = 180
SIZE = PictureSize(side_px=900, quality=25)
"""Legible at the width that a laptop gives it; 15 kB on the mean of real pages, 45 kB for a dense one."""
MAX_DRAWING_S = 180.0
"""A report is not worth more: 180 pages of files take 5 s, and minutes where each is a member of a large `.tar.gz`."""
MAX_PICTURE_BYTES = 6_500_000
"""Of all: 8.7 MB in base64."""


def inspection_sections(
    store: ObjectStore, build_id: str, *, source: Source, render: RenderConfig, rules: RulesConfig
) -> tuple[Section, Section]:
    """The inspector and the explorer. Raises StoreError, VerifyError; a page that cannot be drawn says so in its place."""
    chosen = choose_pages(build_signals(store, build_id), rules.pages, seed=build_id, max_pages=MAX_PAGES)
    samples = list(sampled_pages(store, build_id, chosen, source=source, render=render))
    pages = explorer_pages(build_signals(store, build_id), rules.pages, seed=build_id)
    shown = {str(sample.record.page_id) for sample in samples}
    return inspector_section(samples, rules.pages), explorer_section(pages, rules, shown=shown)


def sampled_pages(
    store: ObjectStore, build_id: str, chosen: Sequence[ChosenPage], *, source: Source, render: RenderConfig
) -> Iterator[SampledPage]:
    """By what they were chosen for, rejected ones first."""
    ids_by_key: defaultdict[str, list[str]] = defaultdict(list)
    for page in chosen:
        ids_by_key[page.key].append(page.page_id)
    strata = {page.page_id: page.strata for page in chosen}
    records = list(fetch_records(store, ids_by_key))
    shards = {page.page_id: layout.shard_id_of(page.key) for page in chosen}
    with Drawer(render, SIZE) as drawer:
        looks = look_at(records, shards, store=store, build_id=build_id, source=source, drawer=drawer, patience_s=MAX_DRAWING_S)
    left_bytes = MAX_PICTURE_BYTES
    for record in sorted(records, key=lambda record: strata[str(record.page_id)][0].place):
        look = looks[str(record.page_id)]
        if isinstance(look, Picture):
            left_bytes -= len(look.data)
        named = tuple(map(str, strata[str(record.page_id)]))
        yield SampledPage(record=record, look=look if left_bytes > 0 else TOO_MUCH, strata=named)


TOO_MUCH: PageLook = NoPicture(error="the pictures of this report are full; `pagemill inspect` shows the page")
