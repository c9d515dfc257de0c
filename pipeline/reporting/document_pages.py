"""The pages of one document as HTML, a few at a time: what `pagemill inspect` shows.

In: a document that was found, its store and corpus. Out: a page of the inspector that lists every page of the document and
holds some of them whole, drawn when they are asked for. Open while somebody looks; holds 2 kB a page of the document, and one
drawing process.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from pipeline.builds import layout
from pipeline.config import PageRules, RenderConfig
from pipeline.interfaces import ObjectStore, Source
from pipeline.records import PageRecord
from pipeline.rendering.apart import Drawer, PictureSize
from pipeline.reporting.inspector import inspector_section
from pipeline.reporting.lookup import FoundPages
from pipeline.reporting.page import render_page
from pipeline.reporting.pictures import look_at
from pipeline.reporting.samples import SampledPage, fetch_records

SIZE = PictureSize(side_px=1400, quality=60)
"""Of a page that somebody looks at alone: footnotes are legible; 100 to 200 kB."""
NUM_TOGETHER = 8


class DocumentPages:
    """Not thread-safe: it holds one drawing process."""

    def __init__(
        self, store: ObjectStore, found: FoundPages, *, source: Source, render: RenderConfig, rules: PageRules
    ) -> None:
        self._store = store
        self._found = found
        self._source = source
        self._rules = rules
        self._drawer = Drawer(render, SIZE)
        self._listed = [_without_text(record) for record in fetch_records(store, {found.key: found.ids})]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._drawer.close()

    def html_around(self, place: int) -> str:
        """The page of HTML that holds the page at `place`, from 0, and its neighbours; a place beyond the end is the last."""
        first = min(place, len(self._found.ids) - 1) // NUM_TOGETHER * NUM_TOGETHER
        return self._html(self._found.ids[first : first + NUM_TOGETHER])

    def html(self) -> str:
        """With every page of the document, which stand in memory together."""
        return self._html(self._found.ids)

    def _html(self, ids: Sequence[str]) -> str:
        records = list(fetch_records(self._store, {self._found.key: ids}))
        shards = dict.fromkeys(ids, layout.shard_id_of(self._found.key))
        looks = look_at(
            records,
            shards,
            store=self._store,
            build_id=self._found.build_id,
            source=self._source,
            drawer=self._drawer,
            patience_s=math.inf,
        )
        samples = [SampledPage(record=record, look=looks[str(record.page_id)], strata=()) for record in records]
        section = inspector_section(samples, self._rules, listed=self._listed)
        document = self._found.document
        return render_page(
            document.document.uri, [section], subtitle=f"document {document.doc_id}, build {self._found.build_id}"
        )


def _without_text(record: PageRecord) -> PageRecord:
    """What the list shows of a page."""
    return replace(record, text="", furniture=(), page=record.page and replace(record.page, text="", blocks=(), attempts=()))
