"""Scripts, actions and references to the outside in a PDF: nothing runs, nothing is fetched, no other file is read."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import RenderConfig
from pipeline.records import DocumentRef, OpenedDocument, PageImage
from pipeline.rendering import render_document
from tests.rendering.crafted import pdf_of, stream_of

SECRET = "thesecretword"


class Listener(http.server.ThreadingHTTPServer):
    """A server that only counts who comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        self.num_visitors = 0

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]
        self.num_visitors += 1
        return super().get_request()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def active_pdf(url: str, file: Path, witness: Path) -> bytes:
    """Every way out that ISO 32000 offers, each leading to `url` or `file`; scripts and launches would make `witness`."""
    script = f"this.submitForm('{url}/js'); app.launchURL('{url}/js', true); this.saveAs('{witness}'); getURL('{url}/get');"
    name = f"({file})".encode()
    submit = f'<template><event><submit target="{url}/xfa"/></event></template>'
    xfa = f'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">{submit}</xdp:xdp>'
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction 5 0 R /AA << /WC 6 0 R /WS 7 0 R >> /AcroForm 12 0 R"
        b" /Names << /JavaScript << /Names [(start) 5 0 R] >> >> /URI << /Base (%b) >> >>" % url.encode(),
        b"<< /Type /Pages /Kids [3 0 R 13 0 R] /Count 2 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /AA << /O 6 0 R /C 7 0 R >>"
        b" /Annots [8 0 R 9 0 R 10 0 R 11 0 R] /Resources << /Font << /F 14 0 R >> /XObject << /I 15 0 R /R 16 0 R >> >> >>",
        stream_of(b"BT /F 12 Tf 20 100 Td (the page itself) Tj ET q 50 0 0 50 0 0 cm /I Do Q /R Do"),
        b"<< /S /JavaScript /JS (%b) >>" % script.encode(),
        b"<< /S /Launch /F %b /Win << /F (touch) /P %b >> /Unix (touch %b) >>" % (name, name, str(witness).encode()),
        b"<< /S /GoToR /F << /FS /URL /F (%b/gotor) >> /D [0 /Fit] >>" % url.encode(),
        b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (%b/uri) >> >>" % url.encode(),
        b"<< /Type /Annot /Subtype /Link /Rect [9 9 20 20] /A << /S /ImportData /F %b >> >>" % name,
        b"<< /Type /Annot /Subtype /Link /Rect [9 9 20 20] /A << /S /SubmitForm /F << /FS /URL /F (%b/form) >> >> >>"
        % url.encode(),
        b"<< /Type /Annot /Subtype /Movie /Rect [30 30 60 60] /Movie << /F << /FS /URL /F (%b/movie) >> /Poster true >> >>"
        % url.encode(),
        b"<< /Fields [] /NeedAppearances true /XFA 17 0 R >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 18 0 R /Resources << /Font << /F 14 0 R >> >> >>",
        b"<< /Type /Font /Subtype /TrueType /BaseFont /Outside /FontDescriptor << /Type /FontDescriptor /FontName /Outside"
        b" /Flags 32 /FontFile2 19 0 R >> >>",
        b"<< /Type /XObject /Subtype /Image /Width 9 /Height 9 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 0"
        b" /F << /FS /URL /F (%b/image) >> >>\nstream\n\nendstream" % url.encode(),
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 99 99] /Ref << /F << /FS /URL /F (%b/ref) >> /Page 0 >> /Length 0 >>"
        b"\nstream\n\nendstream" % url.encode(),
        stream_of(xfa.encode()),
        b"<< /Length 0 /F %b >>\nstream\n\nendstream" % name,
        b"<< /Length 0 /F << /FS /URL /F (%b/font) >> >>\nstream\n\nendstream" % url.encode(),
    ]
    return pdf_of(objects)


def test_nothing_in_a_pdf_runs_reaches_out_or_reads_another_file(tmp_path: Path, listener: Listener) -> None:
    file, witness = tmp_path / "outside.txt", tmp_path / "witness"
    file.write_text(f"BT /F 12 Tf 20 100 Td ({SECRET}) Tj ET")
    data = active_pdf(f"http://127.0.0.1:{listener.server_port}", file, witness)
    found = list(render_document(DocumentRef(uri="/d", size_bytes=len(data), version=""), data, config=RenderConfig()))
    opened, first, outside = found
    assert isinstance(opened, OpenedDocument)
    assert isinstance(first, PageImage)
    assert isinstance(outside, PageImage)
    assert first.facts.layer_text.strip() == "the page itself"
    assert outside.facts.layer_text == ""
    assert outside.facts.ink_fraction == 0.0
    assert listener.num_visitors == 0
    assert not witness.exists()


def test_the_listener_would_notice(listener: Listener) -> None:
    import urllib.error
    import urllib.request

    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{listener.server_port}/")
    assert listener.num_visitors == 1
