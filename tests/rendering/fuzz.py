"""Renders many mutated documents under the limits of a rendering task, and tells what escaped them.

    python -m tests.rendering.fuzz --inputs 2000 --seed 1

One child process renders input after input and is started again when it dies. A crash, a failed allocation or a hang that the
deadline ends is contained: in a build it costs one task, which is what rendering tasks are for. A finding is what a build would
not expect: an exception other than MemoryError out of `render_document`, events that break the promise of
`records.RenderEvent`, a process larger than its limit.
"""

import argparse
import multiprocessing
import resource
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.config import RenderConfig
from pipeline.records import DocumentFailure, DocumentRef, OpenedDocument, PageFailure, PageId, PageImage, RenderEvent
from pipeline.rendering import render_document
from pipeline.rendering.confinement import confine_process
from tests.rendering.mutations import mutated

CONFIG = RenderConfig(dpi=40, memory_bytes=600_000_000, max_document_pages=300)
DEADLINE_S = 30.0
SPARE_BYTES = 300_000_000
"""What a process holds before its first document: the libraries. Address space it had is not counted by the limit."""
SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "corpus"
MAX_START_BYTES = 120_000


class Outcome(NamedTuple):
    number: int
    kind: Literal["rendered", "refused", "contained", "finding"]
    what: str
    """Reason of a refusal, how the child died, or what was found."""


def start_documents(corpus: Path | None) -> list[bytes]:
    """The samples of the repository, and small files of a corpus of real documents, in order of name."""
    paths = sorted(SAMPLES.iterdir())
    if corpus is not None:
        paths += sorted(path for path in corpus.rglob("*") if path.suffix in (".pdf", ".png", ".tif", ".tiff", ".jpg"))
    documents = [path.read_bytes() for path in paths if path.stat().st_size <= MAX_START_BYTES or path.parent == SAMPLES]
    return [data for data in documents if data]


def fuzz(documents: Sequence[bytes], *, seed: int, numbers: range) -> Iterator[Outcome]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.rendering.fuzz"])
    child = _Child(context)
    try:
        for number in numbers:
            yield child.render(number, mutated(seed, number, documents))
    finally:
        child.kill()


class _Child:
    """A process that renders, and is started again when it dies."""

    def __init__(self, context: multiprocessing.context.ForkServerContext) -> None:
        self._context = context
        self._start()

    def _start(self) -> None:
        self._ours, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_render_all, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def render(self, number: int, data: bytes) -> Outcome:
        try:
            self._ours.send_bytes(data)
            if self._ours.poll(DEADLINE_S):
                return Outcome(number, *self._ours.recv())
            died = f"no answer within {DEADLINE_S:g} s"
        except (EOFError, OSError):
            self._process.join(5)
            died = f"died with {self._process.exitcode}"
        self.kill()
        self._start()
        return Outcome(number, "contained", died)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()


def _render_all(answers: Connection) -> None:
    while True:
        try:
            data = answers.recv_bytes()
        except EOFError:
            return
        answers.send(_render(data))


def _render(data: bytes) -> tuple[str, str]:
    confine_process(memory_bytes=CONFIG.memory_bytes, cpu_s=DEADLINE_S)
    document = DocumentRef(uri="/mutated", size_bytes=len(data), version="")
    try:
        seen = _Seen()
        for event in render_document(document, data, config=CONFIG):
            seen.check(event)
        seen.check_end()
    except MemoryError:
        return "contained", "MemoryError"
    except BaseException as error:  # noqa: BLE001  this is what the fuzzer looks for
        told = traceback.extract_tb(error.__traceback__)[-1]
        return "finding", f"{type(error).__name__}: {error} at {Path(told.filename).name}:{told.lineno}"
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak_bytes > CONFIG.memory_bytes + SPARE_BYTES:
        return "finding", f"{peak_bytes} bytes resident, with a limit of {CONFIG.memory_bytes}"
    return ("refused", seen.reason) if seen.reason else ("rendered", "")


class _Seen:
    """The promise of `records.RenderEvent`, checked event by event."""

    def __init__(self) -> None:
        self.reason = ""
        self._opened: OpenedDocument | None = None
        self._next_page = 0

    def check(self, event: RenderEvent) -> None:
        assert not self.reason, "an event after the document failed"
        match event:
            case DocumentFailure():
                assert self._opened is None, "the document failed after it was opened"
                assert event.reason
                assert event.error.encode()
                self.reason = event.reason
            case OpenedDocument():
                assert self._opened is None, "opened twice"
                assert 1 <= event.num_pages <= CONFIG.max_document_pages
                assert (event.title + event.author).encode() is not None
                self._opened = event
            case PageFailure() | PageImage():
                assert self._opened is not None, "a page before its document"
                assert event.page_id == PageId(self._opened.doc_id, self._next_page), "a page out of order"
                self._next_page += 1
                if isinstance(event, PageImage):
                    _check_image(event)
                else:
                    assert event.reason == "render_error"
                    assert event.error.encode()

    def check_end(self) -> None:
        if not self.reason:
            assert self._opened is not None, "no event at all"
            assert self._next_page == self._opened.num_pages, "pages are missing"


def _check_image(page: PageImage) -> None:
    facts = page.facts
    assert page.pixels_HWC.shape == (facts.height_px, facts.width_px, 1), "pixels of another shape"
    assert facts.width_px * facts.height_px <= CONFIG.max_pixels
    assert max(facts.width_px, facts.height_px) <= CONFIG.max_side_px
    assert facts.width_pt > 0
    assert facts.height_pt > 0
    assert 0 < facts.dpi <= CONFIG.dpi
    assert facts.rotation_degrees in (0, 90, 180, 270)
    assert 0.0 <= facts.ink_fraction <= 1.0
    assert facts.layer_text.encode() is not None
    for fraction in (facts.layer_garbled_fraction, facts.layer_hidden_fraction):
        assert fraction is None or 0.0 <= fraction <= 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="folder of real documents to start from, beside the samples")
    arguments = parser.parse_args()
    documents = start_documents(arguments.corpus)
    started_s = time.monotonic()
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in fuzz(documents, seed=arguments.seed, numbers=range(arguments.first, arguments.first + arguments.inputs)):
        counts[outcome.kind, outcome.what if outcome.kind != "finding" else ""] += 1
        if outcome.kind in ("contained", "finding"):
            print(outcome, flush=True)
    print(f"{arguments.inputs} inputs from {len(documents)} documents, {time.monotonic() - started_s:.0f} s")
    for (kind, what), count in sorted(counts.items()):
        print(f"{count:6d}  {kind} {what}")


if __name__ == "__main__":
    main()
