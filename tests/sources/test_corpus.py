"""Folders and prefixes, from disk and from a bucket."""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.config import StoreConfig
from pipeline.errors import DocumentMissing, SourceError
from pipeline.sources import open_source
from tests.sources.place import Place, zip_of


def test_everything_visible_below_a_folder_is_a_document_in_order_of_name(place: Place) -> None:
    place.lay(dict.fromkeys(["b.pdf", "a/z.PDF", "a/b/c.png", "a.txt", "notes", "ö.jpeg"], b"x"))
    place.lay(dict.fromkeys([".hidden.pdf", "_builds/r.json", "a/.git/config", "a/_x.pdf"], b"x"))
    assert place.names() == ["a.txt", "a/b/c.png", "a/z.PDF", "b.pdf", "notes", "ö.jpeg"]


def test_a_document_knows_its_size_version_and_time_and_is_read(place: Place) -> None:
    place.lay({"a.pdf": b"0123456789"})
    source = place.source()
    (document,) = source.scan()
    assert (document.uri, document.size_bytes) == (place.uri("a.pdf"), 10)
    assert document.version == place.store.head("a.pdf").version
    assert document.modified_at is not None
    assert document.modified_at.utcoffset() is not None
    assert source.read(document) == b"0123456789"
    assert source.read_tail(document, 3) == b"789"
    assert source.read_tail(document, 99) == b"0123456789"


def test_one_document_may_be_the_whole_input(place: Place) -> None:
    place.lay({"a.pdf": b"x", "a.pdf2": b"y"})
    assert place.names("a.pdf") == ["a.pdf"]


def test_a_prefix_ends_at_a_slash(place: Place) -> None:
    place.lay({"in/a.pdf": b"x", "in2/b.pdf": b"y"})
    assert place.names("in") == place.names("in/") == ["in/a.pdf"]


def test_a_source_travels_and_is_shared_by_threads(place: Place) -> None:
    place.lay({"a.zip": zip_of(*((f"{n}.pdf", b"%d" % n * 5000) for n in range(20)))})
    source = pickle.loads(pickle.dumps(place.source()))
    documents = list(source.scan())
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(source.read, documents))
    assert read == [b"%d" % n * 5000 for n in range(20)]


def test_a_document_that_went_away_is_missing(place: Place) -> None:
    place.lay({"a.pdf": b"x"})
    source = place.source()
    (document,) = source.scan()
    place.store.delete("a.pdf")
    with pytest.raises(DocumentMissing, match=r"a\.pdf does not exist"):
        source.read(document)
    with pytest.raises(DocumentMissing):
        source.read_tail(document, 10)


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere does not exist, or may not be entered; check input\.uri"):
        list(open_source(StoreConfig(uri=str(tmp_path / "nowhere"))).scan())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(SourceError, match=r"cannot list the input .*locked: permission denied"):
        list(open_source(StoreConfig(uri=str(tmp_path))).scan())


def test_links_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"x")
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(list(open_source(StoreConfig(uri=str(tmp_path))).scan())) == 1


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pdf").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    (document,) = open_source(StoreConfig(uri="in")).scan()
    assert document.uri == str(tmp_path / "in" / "a.pdf")
