"""Lists of documents."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import StoreConfig
from pipeline.errors import DocumentMissing, SourceError
from pipeline.records import DocumentRef
from pipeline.sources import open_source
from tests.sources.place import Place, tar_of, zip_of


def csv_of(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def parquet_of(columns: dict[str, list[str | None]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


WANTED = ["docs/b.pdf", "docs/a, #1.pdf", "docs/gone.pdf"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("list.txt", "\ufeff# ours\n\ndocs/b.pdf\r\n docs/a, #1.pdf\n#docs/c.pdf\ndocs/gone.pdf\ndocs/b.pdf".encode()),
        ("list.csv", csv_of([["id", "URL"], *([str(n), name] for n, name in enumerate(WANTED)), ["9", ""]])),
        ("list.csv", csv_of([["path", "uri"], *([f"no/{name}", name] for name in WANTED)])),
        ("list.csv", csv_of([[name] for name in WANTED])),
        ("LIST.PARQUET", parquet_of({"id": ["1", "2", "3", "4"], "path": [*WANTED, None]})),
        ("list.parquet", parquet_of({"anything": [*WANTED]})),
    ],
)
def test_a_list_gives_its_documents_in_its_order(place: Place, name: str, data: bytes) -> None:
    place.lay({"docs/a, #1.pdf": b"a", "docs/b.pdf": b"bb", "docs/c.pdf": b"c", name: data})
    source = place.source(name)
    documents = list(source.scan())
    assert [d.uri for d in documents] == [place.uri(key) for key in WANTED]
    assert [d.size_bytes for d in documents] == [2, 1, 0]
    assert documents[2].version == "missing"
    assert source.read(documents[1]) == b"a"
    with pytest.raises(DocumentMissing):
        source.read(documents[2])


def test_a_list_may_name_hidden_documents_archives_members_and_folders(place: Place) -> None:
    listed = ["_x.pdf", "in.zip", "in.tar#b.pdf", "in.tar#none.pdf", "more/", place.uri("c.pdf")]
    place.lay({"_x.pdf": b"x", "in.zip": zip_of(("a.pdf", b"a")), "in.tar": tar_of(("a.pdf", b"a"), ("b.pdf", b"b"))})
    place.lay({"c.pdf": b"c", "more/d.pdf": b"d", "list.txt": "\n".join(listed).encode()})
    source = place.source("list.txt")
    documents = list(source.scan())
    names = [document.uri.removeprefix(place.uri("") + "/") for document in documents]
    assert names == ["_x.pdf", "in.zip#a.pdf", "in.tar#b.pdf", "in.tar#none.pdf", "more/d.pdf", "c.pdf"]
    assert [d.version == "missing" for d in documents] == [False, False, False, True, False, False]
    assert source.read(documents[2]) == b"b"


@pytest.mark.parametrize(
    ("name", "data", "trouble"),
    [
        ("list.csv", b"id,name\n1,a.pdf\n", "no column uri or url or path among id, name"),
        ("list.parquet", b"not parquet", "not a readable list"),
        ("list.txt", b"\xff\xfe\x00", "not a readable list"),
        ("list.txt", b"https://example.org/a.pdf", "https:// is not supported"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, trouble: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=trouble):
        list(open_source(StoreConfig(uri=str(tmp_path / name))).scan())


@pytest.mark.s3
def test_a_list_on_disk_may_name_objects_of_several_buckets(tmp_path: Path, s3_endpoint: str, s3_bucket: str) -> None:
    Place(StoreConfig(uri=f"s3://{s3_bucket}", endpoint_url=s3_endpoint)).lay({"k/a.pdf": b"a"})
    (tmp_path / "b.pdf").write_bytes(b"b")
    (tmp_path / "list.txt").write_text(f"s3://{s3_bucket}/k/a.pdf\nb.pdf\n")
    source = open_source(StoreConfig(uri=str(tmp_path / "list.txt"), endpoint_url=s3_endpoint))
    assert [source.read(document) for document in source.scan()] == [b"a", b"b"]


def test_documents_are_told_apart_from_members_by_their_version(tmp_path: Path) -> None:
    (tmp_path / "old.zip#1").mkdir()
    (tmp_path / "old.zip#1" / "a.pdf").write_bytes(b"a")
    source = open_source(StoreConfig(uri=str(tmp_path)))
    assert [source.read(document) for document in source.scan()] == [b"a"]
    assert isinstance(next(iter(source.scan())), DocumentRef)
