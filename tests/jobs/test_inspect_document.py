"""`pagemill inspect`: a document is found by what a person calls it, and shown to this machine alone."""

import http.client
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest

from jobs import inspect_document
from jobs.command_line import DONE, WRONG_USE
from jobs.inspect_document import handler_of
from pipeline.builds import layout
from pipeline.errors import ConfigError, StoreError
from pipeline.interfaces import ObjectStore
from pipeline.records import PageRecord
from pipeline.reporting import lookup
from pipeline.reporting.lookup import find_pages
from pipeline.store import FolderStore
from tests.reporting.made_builds import BUILD_ID, drawn_pages, put_pages, random_pages

TOKEN = "a-token"


@pytest.fixture
def drawn(tmp_path: Path) -> list[PageRecord]:
    return drawn_pages(tmp_path / "drawn.pdf")


@pytest.fixture
def store(tmp_path: Path, drawn: list[PageRecord], monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A build of pages alone; nothing of its plan is looked at but its name."""
    made = FolderStore(root=tmp_path / "out")
    put_pages(made, [*drawn, *random_pages(3)])

    class Planned:
        build_id = BUILD_ID

    monkeypatch.setattr(lookup, "past_builds", lambda store: [Planned()])
    return made


def test_a_document_is_found_by_id_by_its_beginning_by_name_and_by_the_end_of_one(
    store: ObjectStore, drawn: list[PageRecord]
) -> None:
    doc_id, uri = drawn[0].page_id.doc_id, drawn[0].document.document.uri
    for word in (doc_id, doc_id[:10], uri, "drawn.pdf"):
        found = find_pages(store, word)
        assert (found.document.doc_id, found.page_index) == (doc_id, None)
        assert found.ids == [f"{doc_id}/000000", f"{doc_id}/000001"]
    assert find_pages(store, f"{doc_id[:12]}/1").ids == [f"{doc_id}/000001"]


@pytest.mark.parametrize(
    ("word", "told"), [("nowhere.pdf", "no page in"), ("rawn.pdf", "no page in"), ("{id}/9", "has 2 pages")]
)
def test_what_is_not_there_is_refused(store: ObjectStore, drawn: list[PageRecord], word: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        find_pages(store, word.format(id=drawn[0].page_id.doc_id))


def test_a_file_is_written_that_holds_every_page(
    store: ObjectStore, tmp_path: Path, drawn: list[PageRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"input: {{uri: {tmp_path}}}\noutput: {{uri: {tmp_path / 'out'}}}\n")
    path = tmp_path / "page.html"
    assert inspect_document.main([str(config), "drawn.pdf", "--write", str(path)]) == DONE
    html = path.read_text()
    for record in drawn:
        assert f'id="data-page-{record.page_id}"' in html
        assert f'id="data-picture-{record.page_id}"' in html
    assert inspect_document.main([str(config), "drawn.pdf", "--write", str(tmp_path / "nowhere" / "page.html")]) == WRONG_USE
    assert "cannot be written" in capsys.readouterr().err
    assert layout.PAGES_KEY.fullmatch(find_pages(store, "drawn.pdf").key)


def html_around(place: int) -> str:
    if place == 13:
        raise StoreError("the bucket <is> gone")
    return f"page {place}"


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer((inspect_document.LOOPBACK, 0), handler_of(html_around, TOKEN)) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()


def asked(server: HTTPServer, path: str, *, method: str = "GET", host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(inspect_document.LOOPBACK, server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{inspect_document.LOOPBACK}:{server.server_port}")
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def test_the_address_that_was_told_is_answered(server: HTTPServer) -> None:
    assert asked(server, f"/{TOKEN}/") == (200, b"page 0")
    assert asked(server, f"/{TOKEN}/?at=17") == (200, b"page 17")


@pytest.mark.parametrize(
    "path",
    ["/", f"/{TOKEN}", "/b-token/", f"/{TOKEN}/x", f"/{TOKEN}/../", "/favicon.ico", f"/{TOKEN}/?at=-1", f"/{TOKEN}/?at=x"],
)
def test_no_other_address_is(server: HTTPServer, path: str) -> None:
    assert asked(server, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "127.0.0.1:1"])
def test_a_page_from_elsewhere_that_resolves_to_this_machine_is_refused(server: HTTPServer, host: str) -> None:
    assert asked(server, f"/{TOKEN}/", host=host)[0] == 404


def test_a_store_that_fails_is_told_in_the_browser_and_the_server_goes_on(server: HTTPServer) -> None:
    status, body = asked(server, f"/{TOKEN}/?at=13")
    assert status == 500
    assert b"the bucket &lt;is&gt; gone" in body
    assert asked(server, f"/{TOKEN}/?at=14") == (200, b"page 14")


def test_nothing_but_reading_is_answered(server: HTTPServer) -> None:
    assert asked(server, f"/{TOKEN}/", method="POST")[0] == 501
