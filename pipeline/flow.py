"""The whole factory on one screen: a shard of documents in, one judged row for every page out.

    documents --render--> images --engine--> texts --clean, measure, judge--> records, one per page

In: a Shard, and the sockets to read it with. Out: a ShardResult, drained: nothing lazy escapes. It knows nothing of Ray, of
where the bytes lie, or of how the result is committed. Memory: the rows of one shard, and the pages that the renderer and
the engine hold in their windows, whatever the length of a document.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from pipeline.config import BuildConfig, PageRules
from pipeline.errors import EngineError
from pipeline.interfaces import Engine, Renderer, Source
from pipeline.quality.cleaning import clean_document
from pipeline.quality.rules import Judgement, is_blank, judge_blank, judge_failure, judge_page
from pipeline.quality.signals import measure_pages
from pipeline.receipts import Shard, ShardResult, ShardTimes
from pipeline.records import (
    DocumentFailure,
    KnownDocument,
    OpenedDocument,
    PageFacts,
    PageFailure,
    PageId,
    PageImage,
    PageRecord,
    PageSignals,
    PageText,
    RenderEvent,
)


def build_shard(
    shard: Shard,
    *,
    source: Source,
    render: Renderer,
    engine: Engine,
    config: BuildConfig,
    on_page: Callable[[PageText], None],
) -> ShardResult:
    """Reads every page of the shard, then judges document by document. `on_page` hears of each answer as it comes.

    Raises EngineError (EngineDead among them) and StoreError; trouble with a page or a document is data.
    """
    clock = _Clock()
    ledger = _Ledger()
    events = clock.waiting_for_pages(render(shard.documents, source))
    images = ledger.admit(events, config.rules.pages)
    for page in engine.recognize(images):
        ledger.answer(page)
        on_page(page)
    ledger.check_complete()
    read_s = clock.elapsed_s()
    records = [record for opened in ledger.documents() for record in judge_document_pages(opened, ledger, config)]
    return ShardResult(
        shard=shard,
        documents=tuple(ledger.documents()),
        failures=tuple(ledger.failures),
        known=tuple(ledger.known),
        records=tuple(records),
        engine=engine.name,
        engine_version=engine.version,
        times=clock.times(read_s, engine_busy_s=sum(page.seconds for page in ledger.texts.values())),
        finished_at=datetime.now(UTC),
    )


def judge_document_pages(opened: OpenedDocument, ledger: "_Ledger", config: BuildConfig) -> Iterator[PageRecord]:
    """Cleans the pages of one document together (furniture and hyphens need neighbours), measures and judges each."""
    page_ids = [PageId(opened.doc_id, page_index) for page_index in range(opened.num_pages)]
    texts = [ledger.texts.get(page_id) for page_id in page_ids]
    facts = [ledger.facts.get(page_id) for page_id in page_ids]
    cleaned = clean_document([text.text if text else "" for text in texts], config.cleaning)
    signals = measure_pages(
        [page.text for page in cleaned],
        layer_texts=[fact.layer_text if fact else "" for fact in facts],
        layer_garbled=[fact.layer_garbled_fraction if fact else None for fact in facts],
    )
    now = datetime.now(UTC)
    for page_id, text, fact, clean, measured in zip(page_ids, texts, facts, cleaned, signals, strict=True):
        failure = ledger.page_failures.get(page_id)
        verdict = _judge(fact, text, failure, measured, config)
        yield PageRecord(
            page_id=page_id,
            document=opened,
            status=verdict.status,
            text=clean.text if verdict.status == "ok" else "",
            reject=verdict.reject,
            warnings=verdict.warnings,
            furniture=clean.furniture,
            facts=fact,
            page=text,
            signals=measured,
            error=failure.error if failure else text.error if text else "",
            processed_at=now,
        )


def _judge(
    facts: PageFacts | None, page: PageText | None, failure: PageFailure | None, signals: PageSignals, config: BuildConfig
) -> Judgement:
    """A page that could not be rendered, or was blank, or was read; `_Ledger.check_complete` leaves no fourth case."""
    if failure is not None:
        return judge_failure(failure.reason, facts, configured_dpi=config.render.dpi)
    assert facts is not None
    if page is None:
        return judge_blank(facts, configured_dpi=config.render.dpi)
    return judge_page(facts, page, signals, config.rules.pages, configured_dpi=config.render.dpi)


class _Ledger:
    """Every document and page of one shard, and what became of it: nothing enters that does not come out."""

    def __init__(self) -> None:
        self._opened: dict[str, OpenedDocument] = {}
        self.failures: list[DocumentFailure] = []
        self.known: list[KnownDocument] = []
        self.page_failures: dict[PageId, PageFailure] = {}
        self.facts: dict[PageId, PageFacts] = {}
        self.texts: dict[PageId, PageText] = {}
        self._asked: set[PageId] = set()

    def documents(self) -> list[OpenedDocument]:
        return [self._opened[doc_id] for doc_id in sorted(self._opened)]

    def admit(self, events: Iterable[RenderEvent], rules: PageRules) -> Iterator[PageImage]:
        """Notes every event; yields the pages that are worth an engine's time, each once."""
        for event in events:
            match event:
                case OpenedDocument():
                    self._open(event)
                case DocumentFailure():
                    self.failures.append(event)
                case KnownDocument():
                    self.known.append(event)
                case PageFailure():
                    self.page_failures.setdefault(event.page_id, event)
                case PageImage():
                    if event.page_id in self.facts:
                        continue
                    self.facts[event.page_id] = event.facts
                    if not is_blank(event.facts, rules):
                        self._asked.add(event.page_id)
                        yield event

    def _open(self, opened: OpenedDocument) -> None:
        """The same bytes under two names of a shard are one document; the second name is known by the first."""
        if self._opened.setdefault(opened.doc_id, opened) is not opened:
            self.known.append(KnownDocument(document=opened.document, doc_id=opened.doc_id))

    def answer(self, page: PageText) -> None:
        if page.page_id not in self._asked or page.page_id in self.texts:
            raise EngineError(f"engine {page.engine} answered page {page.page_id}, which it was not asked for or had answered")
        self.texts[page.page_id] = page

    def check_complete(self) -> None:
        for opened in self._opened.values():
            page_ids = {PageId(opened.doc_id, page_index) for page_index in range(opened.num_pages)}
            if lost := page_ids - self.facts.keys() - self.page_failures.keys():
                raise EngineError(f"rendering lost {len(lost)} pages of {opened.document.uri}, the first is {min(lost)}")
        if unanswered := self._asked - self.texts.keys():
            raise EngineError(f"the engine never answered {len(unanswered)} pages, the first is {min(unanswered)}")


class _Clock:
    """Wall seconds of a shard, split into waiting for pages and waiting for the engine."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._render_wait_s = 0.0

    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def waiting_for_pages(self, events: Iterator[RenderEvent]) -> Iterator[RenderEvent]:
        while True:
            asked_s = time.monotonic()
            event = next(events, None)
            self._render_wait_s += time.monotonic() - asked_s
            if event is None:
                return
            yield event

    def times(self, read_s: float, *, engine_busy_s: float) -> ShardTimes:
        """`read_s`: when the engine had answered everything, in seconds since the start."""
        total_s = self.elapsed_s()
        return ShardTimes(
            total_s=total_s,
            render_wait_s=self._render_wait_s,
            engine_s=read_s - self._render_wait_s,
            judge_s=total_s - read_s,
            engine_busy_s=engine_busy_s,
        )
