"""Every shape of input, from a folder and from a bucket."""

import csv
import gzip
import io
import os
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import StoreConfig
from pipeline.errors import DocumentMissing, SourceError
from pipeline.interfaces import ObjectStore, Source
from pipeline.records import DocumentRef
from pipeline.sources import open_source
from pipeline.store import open_store


class Place:
    """Where a test lays its input: a folder or a bucket."""

    def __init__(self, config: StoreConfig) -> None:
        self.config = config
        self.store: ObjectStore = open_store(config)

    def lay(self, objects: Mapping[str, bytes]) -> "Place":
        for key, data in objects.items():
            self.store.put(key, data)
        return self

    def source(self, key: str = "") -> Source:
        return open_source(self.config.model_copy(update={"uri": self.uri(key)}))

    def uri(self, key: str) -> str:
        return f"{self.store.uri}/{key}".rstrip("/")

    def names(self, key: str = "") -> list[str]:
        return [document.uri.removeprefix(self.store.uri + "/") for document in self.source(key).scan()]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(StoreConfig(uri=str(tmp_path / "corpus")))
    endpoint_url = request.getfixturevalue("s3_endpoint")
    return Place(StoreConfig(uri=f"s3://{request.getfixturevalue('s3_bucket')}/corpus", endpoint_url=endpoint_url))


def zip_of(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10)), data, compression)
    return out.getvalue()


def tar_of(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), 1_700_000_000
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def tgz_of(*members: tuple[str, bytes]) -> bytes:
    return gzip.compress(tar_of(*members))


PACKERS: tuple[tuple[str, Callable[..., bytes]], ...] = (("zip", zip_of), ("tar", tar_of), ("tar.gz", tgz_of), ("tgz", tgz_of))

# ---- folders and prefixes -----------------------------------------------------------------------------------------------


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


# ---- archives -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_members_are_documents_of_their_own(place: Place, suffix: str, pack: Callable[..., bytes]) -> None:
    members = [
        ("x/a.pdf", b"first"),
        ("y/a.pdf", b"second" * 100_000),
        ("./z.pdf", b""),
        ("../../up.pdf", b"4"),
        ("/abs.pdf", b"5"),
    ]
    place.lay({f"d/in.{suffix}": pack(*members, ("__MACOSX/x", b"no"), (".DS_Store", b"no"))})
    source = place.source()
    documents = list(source.scan())
    prefix = place.uri(f"d/in.{suffix}") + "#"
    assert [d.uri.removeprefix(prefix).lstrip("/") for d in documents] == [name.lstrip("/") for name, _ in members]
    assert [d.size_bytes for d in documents] == [len(data) for _, data in members]
    assert [source.read(d) for d in documents] == [data for _, data in members]
    assert [source.read(d) for d in reversed(documents)] == [data for _, data in reversed(members)]
    assert source.read_tail(documents[1], 7) == b"dsecond"
    assert len({d.version for d in documents}) == len(documents)
    assert all(d.version.startswith(place.store.head(f"d/in.{suffix}").version + "@") for d in documents)
    assert all(d.modified_at is not None and d.modified_at.year in (2023, 2024) for d in documents)
    assert place.names(f"d/in.{suffix}") == place.names()


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_one_name_twice_in_an_archive_stays_two_documents(tmp_path: Path, suffix: str, pack: Callable[..., bytes]) -> None:
    place = Place(StoreConfig(uri=str(tmp_path)))
    place.lay({f"in.{suffix}": pack(("a.pdf", b"old"), ("a.pdf#2", b"odd"), ("a.pdf", b"new"))})
    source = place.source()
    assert place.names() == [f"in.{suffix}#a.pdf", f"in.{suffix}#a.pdf#2", f"in.{suffix}#a.pdf#3"]
    assert [source.read(d) for d in source.scan()] == [b"old", b"odd", b"new"]


def test_only_regular_members_count(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in [("d", tarfile.DIRTYPE), ("l", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("c", tarfile.CHRTYPE)]:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "real.pdf"
            archive.addfile(entry)
        archive.addfile(tarfile.TarInfo("real.pdf"))
    place = Place(StoreConfig(uri=str(tmp_path))).lay({"in.tar": out.getvalue()})
    assert place.names() == ["in.tar#real.pdf"]
    link = zipfile.ZipInfo("link.pdf")
    link.external_attr = 0o120777 << 16
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive_:
        archive_.writestr(link, "real.pdf")
        archive_.writestr("folder/", "")
        archive_.writestr("real.pdf", "x")
    place.lay({"in.zip": zipped.getvalue()})
    assert place.names("in.zip") == ["in.zip#real.pdf"]


def test_listing_a_packed_tar_tells_each_sha256(tmp_path: Path) -> None:
    place = Place(StoreConfig(uri=str(tmp_path))).lay({"in.tgz": tgz_of(("a.pdf", b"abc"))})
    (document,) = place.source().scan()
    assert document.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("suffix", "pack", "damage", "num_members"),
    [
        ("zip", zip_of, "cut", 0),
        ("tar", tar_of, "cut", 3),
        ("tar", tar_of, "rubbish", 0),
        ("tar", tar_of, "hole", 3),
        ("tar.gz", tgz_of, "cut", 3),
        ("tar.gz", tgz_of, "rubbish", 0),
    ],
)
def test_what_an_archive_lost_leaves_the_archive_in_the_listing(
    tmp_path: Path, suffix: str, pack: Callable[..., bytes], damage: str, num_members: int
) -> None:
    good = pack(*((f"{number}.pdf", random.Random(number).randbytes(3000)) for number in range(6)))
    rubbish, fourth_header = b"rubbish!" * 64, 3 * (512 + 3072)
    damaged = {
        "cut": good[:10_000],
        "rubbish": rubbish + good,
        "hole": good[:fourth_header] + rubbish + good[fourth_header + 512 :],
    }[damage]
    place = Place(StoreConfig(uri=str(tmp_path))).lay({f"in.{suffix}": damaged, "other.pdf": b"x"})
    names = place.names()
    assert names == [*(f"in.{suffix}#{number}.pdf" for number in range(num_members)), f"in.{suffix}", "other.pdf"]


def test_a_member_that_cannot_be_unpacked_is_missing_alone(tmp_path: Path) -> None:
    packed = bytearray(zip_of(("a.pdf", b"a" * 3000), ("b.pdf", b"b"), compression=zipfile.ZIP_STORED))
    packed[100] ^= 255
    place = Place(StoreConfig(uri=str(tmp_path))).lay({"in.zip": bytes(packed)})
    source = place.source()
    broken, good = source.scan()
    with pytest.raises(DocumentMissing, match=r"in\.zip#a\.pdf cannot be unpacked: Bad CRC-32"):
        source.read(broken)
    assert source.read(good) == b"b"


def test_a_member_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.corpus.MAX_MEMBER_BYTES", 1_000_000)
    for suffix, pack in PACKERS:
        place = Place(StoreConfig(uri=str(tmp_path))).lay({f"in.{suffix}": pack(("bomb.pdf", bytes(1_000_001)))})
        source = place.source(f"in.{suffix}")
        (document,) = source.scan()
        with pytest.raises(DocumentMissing, match="above the limit of 1000000"):
            source.read(document)


def test_an_archive_that_changed_since_it_was_listed_is_not_read(place: Place) -> None:
    place.lay({"in.tar": tar_of(("a.pdf", b"old"))})
    (document,) = place.source().scan()
    place.lay({"in.tar": tar_of(("b.pdf", b"newer"), ("a.pdf", b"new"))})
    with pytest.raises(DocumentMissing, match="has changed since it was listed"):
        place.source().read(document)
    place.store.delete("in.tar")
    with pytest.raises(DocumentMissing, match="does not exist"):
        place.source().read(document)


def test_a_packed_tar_is_unpacked_once_for_reading_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readers that take turns, each in listing order: two passes, not one a document."""
    place = Place(StoreConfig(uri=str(tmp_path)))
    place.lay({"in.tgz": tgz_of(*((f"{number:03d}.pdf", b"%d" % number * 1000) for number in range(60)))})
    opened: list[object] = []
    open_tar = tarfile.open

    def counting(*args: object, **options: object) -> tarfile.TarFile:
        opened.append(args)
        return open_tar(*args, **options)  # type: ignore[call-overload, no-any-return]

    source = place.source()
    documents = list(source.scan())
    monkeypatch.setattr(tarfile, "open", counting)
    for early, late in zip(documents[:30], documents[30:], strict=True):
        assert source.read(late)[:2] == late.uri[-6:-4].lstrip("0").encode()[:2]
        source.read(early)
    assert len(opened) == 2


def test_a_gzip_of_several_parts_is_read_to_its_end(tmp_path: Path) -> None:
    packed = tar_of(("a.pdf", b"a" * 3000), ("b.pdf", b"b" * 3000))
    place = Place(StoreConfig(uri=str(tmp_path))).lay({"in.tgz": gzip.compress(packed[:2000]) + gzip.compress(packed[2000:])})
    assert place.names() == ["in.tgz#a.pdf", "in.tgz#b.pdf"]


# ---- lists --------------------------------------------------------------------------------------------------------------


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
