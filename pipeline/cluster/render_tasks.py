"""Documents to pages in Ray tasks: a segfault, a hang or a memory bomb in PDF code costs one task, never the engine.

In: the documents of a shard and the source to read them from. Out: RenderEvents (see records). The bytes are read here, in
the worker, and travel to the task through the object store, so that a task that opens hostile bytes opens no store and an
archive is read in order by one cursor.

A task that dies, or keeps its reader waiting past a deadline, is started again at the page it was on; if it dies there
again, that page is named as failed and the task goes on behind it. Only time in which somebody waited for the page counts,
and none before the task says that it has begun: a process takes 1 to 10 s to start on a busy machine.
Cost: about 15 ms a document and 7 ms a page of 2 MB, measured on 2 shared cores.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.config import RenderConfig
from pipeline.interfaces import Source
from pipeline.records import (
    DocumentFailure,
    DocumentRef,
    KnownDocument,
    OpenedDocument,
    PageFailure,
    PageId,
    RenderedEvent,
    RenderEvent,
)
from pipeline.rendering import read_document, render_document
from pipeline.rendering.confinement import WITHOUT_CREDENTIALS, confine_process

DOCUMENTS_AHEAD = 2
"""Documents rendered at once for one shard, so that opening the next one overlaps the end of this one."""

RENDER_CPUS = 0.125
"""Logical CPUs of a task. A worker leaves half a CPU free (see worker.py): room for its two shards' four tasks, which
mostly wait for the engine, so no task ever queues behind another worker's long document."""


@dataclass(frozen=True, slots=True)
class TaskBegun:
    """The first item of every task: its process is up, and the clock of its page runs."""


@ray.remote(num_cpus=RENDER_CPUS, max_retries=0)
def render_one(
    document: DocumentRef, data: bytes, config: RenderConfig, first_page: int
) -> Iterator[TaskBegun | RenderedEvent]:
    """Renders one document in a process that may add little memory, runs for a bounded time and holds no credential."""
    yield TaskBegun()
    confine_process(memory_bytes=config.memory_bytes, cpu_s=config.document_deadline_s)
    yield from render_document(document, data, config=config, first_page=first_page)


class RenderTasks:
    """A Renderer over Ray tasks, on the node of its worker first. Thread-safe: it holds no state between calls."""

    def __init__(self, config: RenderConfig, *, known: Collection[str], node_id: str) -> None:
        """`known` are ids of documents that are read already."""
        self._config = config
        self._known = known
        self._node_id = node_id

    def __call__(self, documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
        waiting = iter(documents)
        running: list[_Rendering] = []
        try:
            while True:
                while len(running) < DOCUMENTS_AHEAD and (document := next(waiting, None)):
                    read = read_document(document, source, self._config, known=self._known)
                    if isinstance(read, DocumentFailure | KnownDocument):
                        yield read
                    else:
                        running.append(_Rendering(document, read, self._config, self._node_id))
                if not running:
                    return
                for rendering in _wait(running):
                    yield from rendering.take()
                for rendering in running:
                    yield from rendering.check_deadlines()
                running = [rendering for rendering in running if not rendering.is_done]
        finally:
            for rendering in running:
                rendering.cancel()


def _wait(running: list["_Rendering"]) -> list["_Rendering"]:
    """Those with something to take; the others are charged for the wait."""
    by_stream = {rendering.stream: rendering for rendering in running}
    started_s = time.monotonic()
    ready, late = ray.wait(list(by_stream), num_returns=1, timeout=min(r.patience_s for r in running), fetch_local=False)
    waited_s = time.monotonic() - started_s
    for stream in late:
        by_stream[stream].charge(waited_s)
    return [by_stream[stream] for stream in ready]


class _Rendering:
    """One document being rendered, and how far it got."""

    def __init__(self, document: DocumentRef, data: bytes, config: RenderConfig, node_id: str) -> None:
        self._document = document
        self._data_ref = ray.put(data)
        self._config = config
        self._placement = NodeAffinitySchedulingStrategy(node_id=node_id, soft=True)
        self._opened: OpenedDocument | None = None
        self._next_page = 0
        self._deaths_on_page = 0
        self._page_waited_s = 0.0
        self._document_waited_s = 0.0
        self.is_done = False
        self._start()

    def _start(self) -> None:
        self._is_begun = False
        self._start_waited_s = 0.0
        self.stream: ray.ObjectRefGenerator = render_one.options(
            num_returns="streaming",
            scheduling_strategy=self._placement,
            runtime_env={"env_vars": WITHOUT_CREDENTIALS},
            _generator_backpressure_num_objects=self._config.window_pages,
        ).remote(self._document, self._data_ref, self._config, self._next_page)

    @property
    def patience_s(self) -> float:
        """How much longer the current page may take, or the start of its task."""
        if not self._is_begun:
            return max(0.0, self._config.document_deadline_s - self._start_waited_s)
        left_s = self._config.document_deadline_s - self._document_waited_s
        return max(0.0, min(self._config.page_deadline_s - self._page_waited_s, left_s))

    def charge(self, waited_s: float) -> None:
        if not self._is_begun:
            self._start_waited_s += waited_s
            return
        self._page_waited_s += waited_s
        self._document_waited_s += waited_s

    def cancel(self) -> None:
        ray.cancel(self.stream, force=True)

    def take(self) -> Iterator[RenderedEvent]:
        """The next event of a stream that `ray.wait` called ready; what a death means, if the task died."""
        try:
            event: TaskBegun | RenderedEvent = ray.get(next(self.stream))
        except StopIteration:
            if self._opened is None or self._next_page < self._opened.num_pages:
                yield from self._died("crashed", "rendering ended before the last page")
            else:
                self.is_done = True
            return
        except ray.exceptions.RayError as error:
            yield from self._died("crashed", _one_line(error))
            return
        if isinstance(event, TaskBegun):
            self._is_begun = True
            return
        self._page_waited_s = 0.0
        if isinstance(event, OpenedDocument):
            if self._opened is not None:
                return
            self._opened = event
        elif isinstance(event, DocumentFailure):
            self.is_done = True
        else:
            self._next_page = event.page_id.page_index + 1
            self._deaths_on_page = 0
            self.is_done = self._opened is not None and self._next_page == self._opened.num_pages
        yield event

    def check_deadlines(self) -> Iterator[RenderedEvent]:
        """Kills a task that kept its reader waiting too long."""
        if self.is_done or self.patience_s > 0.0:
            return
        self.cancel()
        if not self._is_begun:
            limit_s = self._config.document_deadline_s
            yield from self._give_up(f"no rendering process began within {limit_s:g} s (render.document_deadline_s)")
            return
        if self._document_waited_s >= self._config.document_deadline_s:
            limit_s = self._config.document_deadline_s
            yield from self._give_up(f"the document took over {limit_s:g} s to render (render.document_deadline_s)")
            return
        limit_s = self._config.page_deadline_s
        yield from self._died("deadline", f"took over {limit_s:g} s to render (render.page_deadline_s)")

    def _give_up(self, error: str) -> Iterator[RenderedEvent]:
        self.is_done = True
        if self._opened is None:
            yield DocumentFailure(document=self._document, doc_id=None, reason="deadline", error=error)
            return
        for page_index in range(self._next_page, self._opened.num_pages):
            yield PageFailure(page_id=PageId(self._opened.doc_id, page_index), reason="deadline", error=error)

    def _died(self, reason: str, error: str) -> Iterator[RenderedEvent]:
        """First death on a page: once more. Second: the page is named, and the next one begun."""
        self._deaths_on_page += 1
        self._page_waited_s = 0.0
        if self._deaths_on_page == 1:
            self._start()
            return
        if self._opened is None:
            self.is_done = True
            yield DocumentFailure(document=self._document, doc_id=None, reason=reason, error=error, attempts=2)
            return
        yield PageFailure(page_id=PageId(self._opened.doc_id, self._next_page), reason=reason, error=error)
        self._next_page += 1
        self._deaths_on_page = 0
        if self._next_page == self._opened.num_pages:
            self.is_done = True
            return
        self._start()


def _one_line(error: Exception) -> str:
    """A Ray error without its page of advice."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0][:300]}" if lines else type(cause).__name__
