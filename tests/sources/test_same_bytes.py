"""Equal bytes become one document; nothing else does."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DocumentMissing
from pipeline.records import DocumentRef
from pipeline.sources.same_bytes import TAIL_BYTES, merge_same_bytes


class Shelf:
    """A source in memory that counts what is asked of it; None is a document that cannot be read."""

    def __init__(self, contents: dict[str, bytes | None]) -> None:
        self.contents = contents
        self.num_reads = 0
        self.num_tails = 0

    def scan(self) -> Iterator[DocumentRef]:
        for uri, data in self.contents.items():
            yield DocumentRef(uri=uri, size_bytes=5 if data is None else len(data), version="1")

    def read(self, document: DocumentRef) -> bytes:
        self.num_reads += 1
        return self._content(document)

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        self.num_tails += 1
        return self._content(document)[-num_bytes:]

    def _content(self, document: DocumentRef) -> bytes:
        data = self.contents[document.uri]
        if data is None:
            raise DocumentMissing(f"{document.uri} does not exist")
        return data


def merged(contents: dict[str, bytes | None]) -> tuple[dict[str, tuple[str, ...]], Shelf]:
    shelf = Shelf(contents)
    return {document.uri: document.aliases for document in merge_same_bytes(shelf.scan(), shelf)}, shelf


def test_copies_become_aliases_of_the_smallest_uri() -> None:
    found, _ = merged({"/c": b"same", "/a": b"same", "/x": b"diff", "/b": b"same"})
    assert found == {"/a": ("/b", "/c"), "/x": ()}


def test_a_document_of_its_own_size_is_never_opened() -> None:
    _, shelf = merged({f"/{size}": b"x" * size for size in range(1, 50)})
    assert (shelf.num_tails, shelf.num_reads) == (0, 0)


def test_documents_with_other_tails_are_not_read_whole() -> None:
    found, shelf = merged({f"/{number}": b"head" * 5000 + b"%03d" % number for number in range(10)})
    assert len(found) == 10
    assert (shelf.num_tails, shelf.num_reads) == (10, 0)


def test_equal_tails_alone_do_not_make_documents_equal() -> None:
    tail = b"t" * TAIL_BYTES
    found, shelf = merged({"/a": b"1" + tail, "/b": b"2" + tail, "/c": b"1" + tail})
    assert found == {"/a": ("/c",), "/b": ()}
    assert shelf.num_reads == 3


def test_empty_missing_and_unreadable_documents_are_left_alone() -> None:
    found, _ = merged({"/a": b"", "/b": b"", "/c": None, "/d": b"12345", "/e": b"12345", "/f": None})
    assert found == {"/a": (), "/b": (), "/c": (), "/d": ("/e",), "/f": ()}
    gone = [DocumentRef(uri=uri, size_bytes=0, version="missing") for uri in ("/x", "/y")]
    assert list(merge_same_bytes(gone, Shelf({}))) == gone


def test_a_known_sha256_saves_the_reading() -> None:
    shelf = Shelf({})
    known = [DocumentRef(uri=uri, size_bytes=3, version="1", sha256="ab" * 32) for uri in ("/b", "/a")]
    (document,) = merge_same_bytes(known, shelf)
    assert (document.uri, document.aliases, shelf.num_reads, shelf.num_tails) == ("/a", ("/b",), 0, 0)


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.none() | st.binary(max_size=3), max_size=25))
def test_every_name_is_found_once_and_only_equal_bytes_are_merged(contents: dict[str, bytes | None]) -> None:
    found, _ = merged(contents)
    names = [name for uri, aliases in found.items() for name in (uri, *aliases)]
    assert sorted(names) == sorted(contents)
    assert all(contents[alias] == contents[uri] and alias > uri for uri, aliases in found.items() for alias in aliases)
    readable = [data for data in contents.values() if data]
    assert sum(1 for uri in found if contents[uri]) == len(set(readable))
    assert list(found) == [name for name in contents if name in found]
