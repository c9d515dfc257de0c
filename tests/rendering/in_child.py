"""Runs rendering in a child process with an address-space limit and a deadline, as the cluster does; gives a summary."""

import multiprocessing
import resource
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from pipeline.config import RenderConfig
from pipeline.records import DocumentFailure, DocumentRef, OpenedDocument, PageFailure, PageImage
from pipeline.rendering import render_document


class Summary(NamedTuple):
    kinds: str
    """One letter an event: O opened, I image, F page failure, D document failure."""
    reason: str
    """Of the document failure, else ""."""
    errors: tuple[str, ...]
    num_pages: int
    ended: str
    """`returned`, or how the child died."""


def summaries(paths: Sequence[Path], *, limit_bytes: int, deadline_s: float) -> dict[str, Summary]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.rendering.in_child", "pipeline.rendering"])
    return {path.name: _in_child(context, path, limit_bytes, deadline_s) for path in paths}


def _in_child(context: multiprocessing.context.ForkServerContext, path: Path, limit_bytes: int, deadline_s: float) -> Summary:
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_render, args=(theirs, str(path), limit_bytes))
    child.start()
    theirs.close()
    try:
        if not ours.poll(deadline_s):
            return Summary("", "", (), 0, "deadline")
        return ours.recv()  # type: ignore[no-any-return]
    except EOFError:
        child.join(5)
        return Summary("", "", (), 0, f"died with {child.exitcode}")
    finally:
        child.kill()
        child.join()
        ours.close()


def _render(answer: Connection, path: str, limit_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    kinds, reason, errors, num_pages = "", "", [], 0
    data = Path(path).read_bytes()
    document = DocumentRef(uri=path, size_bytes=len(data), version="")
    for event in render_document(document, data, config=RenderConfig()):
        match event:
            case OpenedDocument():
                kinds, num_pages = kinds + "O", event.num_pages
            case PageImage():
                kinds += "I"
            case PageFailure():
                kinds, errors = kinds + "F", [*errors[:4], event.error]
            case DocumentFailure():
                kinds, reason, errors = kinds + "D", event.reason, [event.error]
    answer.send(Summary(kinds, reason, tuple(errors), num_pages, "returned"))
