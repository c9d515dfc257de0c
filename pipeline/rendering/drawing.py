"""What a page looks like, small: the child process of `apart`. Never imported by whoever holds a credential or a store.

In: requests on standard input, one after another: a line of JSON, then the document's bytes. Out, on standard output, for each
page that was asked for: a line of JSON, then the bytes of a WebP image, none when the page could not be drawn. Confined anew
for each document, as a rendering task is. A page costs 10 to 30 ms at 800 px, most of it WebP.
"""

import io
import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from pipeline.config import RenderConfig
from pipeline.records import DocumentFailure, DocumentRef, PageFailure, PageImage
from pipeline.rendering import render_document
from pipeline.rendering.confinement import confine_process

WEBP_METHOD = 2
"""Of 0 to 6; as `album` encodes."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Until the requests end."""
    while line := requests.readline():
        request = json.loads(line)
        config = RenderConfig.model_validate_json(request["config"])
        data = requests.read(request["size_bytes"])
        confine_process(memory_bytes=config.memory_bytes, cpu_s=config.document_deadline_s)
        for page_index in request["pages"]:
            for part in _answer(data, page_index, config, quality=request["quality"]):
                answers.write(part)
            answers.flush()


def _answer(data: bytes, page_index: int, config: RenderConfig, *, quality: int) -> Iterator[bytes]:
    document = DocumentRef(uri="", size_bytes=len(data), version="")
    for event in render_document(document, data, config=config, first_page=page_index):
        match event:
            case PageImage():
                image = _encode(event, quality)
                yield _line({"width_px": event.facts.width_px, "height_px": event.facts.height_px, "size_bytes": len(image)})
                yield image
                return
            case PageFailure() | DocumentFailure():
                yield _line({"error": event.error})
                return
    yield _line({"error": f"the document has no page {page_index}"})


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _encode(page: PageImage, quality: int) -> bytes:
    sink = io.BytesIO()
    pixels_HWC = page.pixels_HWC
    image = Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)
    image.save(sink, "WEBP", quality=quality, method=WEBP_METHOD)
    return sink.getvalue()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
