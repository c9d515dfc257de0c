"""Pages drawn in a process of their own, for whoever looks at a document without a cluster: reports and `pagemill inspect`.

In: a document's bytes and the numbers of its pages. Out: a `Picture` for each, or a `NoPicture` that says why there is none.
Hostile bytes are opened in the child alone, which has the limits of a rendering task, no credential and no store; what comes
back from it is a line of JSON and bytes that are passed on and never decoded here. A child that dies or is too slow is killed
and another is begun for the next document. A child takes 0.6 s to start (measured) and serves any number of documents.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter, ValidationError

from pipeline.config import RenderConfig
from pipeline.rendering.confinement import WITHOUT_CREDENTIALS

START_S = 60.0
"""For a child to be up, on a busy machine."""
MAX_ANSWER_BYTES = 16_000_000
"""A page of 1,600 px is 0.3 MB; a child that claims more is not the one that was started."""
MAX_LINE_BYTES = 100_000
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureSize:
    """How large and how good pictures are."""

    side_px: int
    """Longer side, at most."""
    quality: int
    """Of WebP, 1 to 100."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A page as WebP."""

    data: bytes
    width_px: int
    height_px: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPicture:
    """A page that cannot be shown."""

    error: str
    """Why, in a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """The line of JSON before the bytes."""

    error: str = ""
    width_px: int = 0
    height_px: int = 0
    size_bytes: int = 0


ANSWER: TypeAdapter[_Answer] = TypeAdapter(_Answer)


class _ChildLost(Exception):
    """Ends a document's drawing; never leaves this module."""


class Drawer:
    """Open while pictures are wanted; holds one child. Not thread-safe."""

    def __init__(self, config: RenderConfig, size: PictureSize) -> None:
        self._config = config.model_copy(update={"max_side_px": min(config.max_side_px, size.side_px)})
        self.size = size
        self._child: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def draw(self, data: bytes, pages: Sequence[int]) -> Iterator[Picture | NoPicture]:
        """One for each of `pages`, 0-based, in their order."""
        for number, page in enumerate(pages):
            try:
                if number == 0 or self._child is None:
                    self._ask(data, pages[number:])
                yield self._take()
            except _ChildLost as lost:
                self.close()
                yield NoPicture(error=f"page {page} could not be drawn: {lost}")

    def _ask(self, data: bytes, pages: Sequence[int]) -> None:
        if self._child is None:
            self._begin()
        request = {
            "config": self._config.model_dump_json(),
            "quality": self.size.quality,
            "pages": list(pages),
            "size_bytes": len(data),
        }
        deadline_s = time.monotonic() + START_S + self._config.page_deadline_s
        self._write(json.dumps(request).encode() + b"\n", deadline_s)
        self._write(data, deadline_s)

    def _begin(self) -> None:
        """Nothing of this process's environment is passed on."""
        path = os.pathsep.join(folder or os.curdir for folder in sys.path)
        self._buffer = b""
        self._child = subprocess.Popen(
            [sys.executable, "-m", "pipeline.rendering.drawing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"PYTHONPATH": path, **WITHOUT_CREDENTIALS},
        )
        assert self._child.stdin is not None
        os.set_blocking(self._child.stdin.fileno(), False)

    def close(self) -> None:
        """Ends the child, if there is one; drawing begins another."""
        if self._child is None:
            return
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child.kill()
        self._child.wait()
        self._child = None

    def _write(self, data: bytes, deadline_s: float) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        left = memoryview(data)
        pipe = self._child.stdin.fileno()
        while left:
            if not select.select([], [pipe], [], max(0.0, deadline_s - time.monotonic()))[1]:
                raise _ChildLost("the drawing process took no bytes")
            try:
                left = left[os.write(pipe, left[:CHUNK_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise _ChildLost(self._death()) from error

    def _take(self) -> Picture | NoPicture:
        deadline_s = time.monotonic() + START_S + self._config.page_deadline_s
        line = self._read_line(deadline_s)
        try:
            answer = ANSWER.validate_json(line)
        except ValidationError as error:
            raise _ChildLost("the drawing process gave no answer that makes sense") from error
        if answer.error:
            return NoPicture(error=answer.error)
        if not 0 < answer.size_bytes <= MAX_ANSWER_BYTES or answer.width_px < 1 or answer.height_px < 1:
            raise _ChildLost("the drawing process gave a picture of an impossible size")
        data = self._read_bytes(answer.size_bytes, deadline_s)
        return Picture(data=data, width_px=answer.width_px, height_px=answer.height_px)

    def _read_line(self, deadline_s: float) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise _ChildLost("the drawing process gave no answer that makes sense")
            self._buffer += self._read_some(deadline_s)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _read_bytes(self, num_bytes: int, deadline_s: float) -> bytes:
        while len(self._buffer) < num_bytes:
            self._buffer += self._read_some(deadline_s)
        data, self._buffer = self._buffer[:num_bytes], self._buffer[num_bytes:]
        return data

    def _read_some(self, deadline_s: float) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        pipe = self._child.stdout.fileno()
        if not select.select([pipe], [], [], max(0.0, deadline_s - time.monotonic()))[0]:
            raise _ChildLost(f"it took over {self._config.page_deadline_s:g} s (render.page_deadline_s)")
        if not (data := os.read(pipe, CHUNK_BYTES)):
            raise _ChildLost(self._death())
        return data

    def _death(self) -> str:
        assert self._child is not None
        return f"the drawing process ended ({self._child.wait()})"
