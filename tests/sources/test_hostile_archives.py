"""Archives made to hurt: bombs, lies about sizes, overlaps, headers without end, and random damage."""

import gzip
import io
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.config import StoreConfig
from pipeline.errors import DocumentMissing, DocumentTooLarge, SourceError
from pipeline.records import DocumentRef
from pipeline.sources import list_documents
from tests.rendering.mutations import delete_chunk, double_chunk, flip_bytes
from tests.sources.place import PACKERS, Place, tar_of, tgz_of, zip_of

FREE_BYTES = "pipeline.sources.unpacking.FREE_BYTES"
GOOD = ("good.pdf", b"%PDF- as any other")


def laid(tmp_path: Path, name: str, data: bytes) -> Place:
    return Place(StoreConfig(uri=str(tmp_path))).lay({name: data})


def read_all(place: Place) -> dict[str, bytes | str]:
    """The bytes of each document by its name, or the reason why there are none."""
    source = place.source()
    found: dict[str, bytes | str] = {}
    for document in source.scan():
        name = document.uri.rpartition("/")[2]
        try:
            found[name] = source.read(document)
        except DocumentMissing as error:
            found[name] = error.reason
    return found


def test_a_member_that_unpacks_a_thousandfold_is_refused_and_its_neighbour_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FREE_BYTES, 1_000_000)
    place = laid(tmp_path, "in.zip", zip_of(("bomb.pdf", bytes(2_000_000)), GOOD))
    assert read_all(place) == {"in.zip#bomb.pdf": "too_large", "in.zip#good.pdf": GOOD[1]}
    source = place.source()
    bomb = next(source.scan())
    with pytest.raises(DocumentTooLarge, match="a decompression bomb: 19"):
        source.read(bomb)


def test_a_large_member_that_hardly_shrinks_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FREE_BYTES, 1_000_000)
    honest = random.Random(1).randbytes(2_000_000)
    for suffix, pack in PACKERS:
        (tmp_path / suffix).mkdir()
        assert read_all(laid(tmp_path / suffix, f"in.{suffix}", pack(("a.pdf", honest)))) == {f"in.{suffix}#a.pdf": honest}


@pytest.mark.parametrize("name", ["bomb.pdf", ".hidden"])
def test_a_packed_tar_that_swells_is_left_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Read member by member, and skipped over as one that is hidden. What came before the bomb is kept."""
    monkeypatch.setattr(FREE_BYTES, 1_000_000)
    place = laid(tmp_path, "in.tgz", tgz_of(GOOD, (name, bytes(40_000_000)), ("behind.pdf", b"x")))
    assert place.names() == ["in.tgz#good.pdf", "in.tgz"]


def test_a_zip_whose_members_share_their_bytes_is_not_unpacked_again_and_again(tmp_path: Path) -> None:
    """The directory names the second member's header as a third one that begins inside the first."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.pdf", b"a" * 1000)
        archive.writestr("b.pdf", b"b")
        entry = archive.infolist()[1]
        archive.infolist()[0].compress_size += 50
        assert entry.header_offset == 1000 + 30 + 5
    found = read_all(laid(tmp_path, "in.zip", out.getvalue()))
    assert found == {"in.zip#a.pdf": "damaged", "in.zip#b.pdf": b"b"}


@pytest.mark.parametrize("stated", [10, 5_000, 2**31, 2**40])
def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_states(tmp_path: Path, stated: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.pdf", b"a" * 100_000)
        archive.writestr(*GOOD)
        archive.infolist()[0].file_size = stated
    found = read_all(laid(tmp_path, "in.zip", out.getvalue()))
    assert found == {"in.zip#a.pdf": "damaged" if stated < 10**6 else "too_large", "in.zip#good.pdf": GOOD[1]}


def test_a_method_that_asks_for_gigabytes_first_is_not_read(tmp_path: Path) -> None:
    place = laid(tmp_path, "in.zip", zip_of(("a.pdf", b"a" * 100), compression=zipfile.ZIP_LZMA))
    assert read_all(place) == {"in.zip#a.pdf": "unsupported"}


def test_a_member_that_asks_for_a_password_is_named_so(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("locked.pdf", b"%PDF-")
        archive.writestr(*GOOD)
        archive.infolist()[0].flag_bits |= 1
    found = read_all(laid(tmp_path, "in.zip", out.getvalue()))
    assert found == {"in.zip#locked.pdf": "encrypted", "in.zip#good.pdf": GOOD[1]}


NOISE = random.Random(5).randbytes(4000)
BROKEN = {
    "bomb.tgz": (gzip.compress(tar_of(("bomb.pdf", bytes(40_000_000)))), "too_large"),
    "bomb.tar.gz": (gzip.compress(tar_of(("a.pdf", NOISE), (".hidden", bytes(40_000_000)))), "too_large"),
    "cut.tgz": (tgz_of(("a.pdf", NOISE))[:2000], "damaged"),
    "cut.tar": (tar_of(("a.pdf", NOISE))[:2000], "damaged"),
    "cut.zip": (zip_of(("a.pdf", NOISE))[:2000], "damaged"),
    "no_tar.tgz": (gzip.compress(NOISE), "damaged"),
    "empty.zip": (b"", b""),
    "page.zip": (b"%PDF-1.4 under another name", b"%PDF-1.4 under another name"),
    "page.tgz": (b"<html>404</html>", b"<html>404</html>"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_archive_that_cannot_be_listed_says_why_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also beside its twin; and what is no archive but for its name is given as it is."""
    monkeypatch.setattr(FREE_BYTES, 1_000_000)
    data, expected = BROKEN[name]
    place = Place(StoreConfig(uri=str(tmp_path))).lay({name: data, f"twin_{name}": data, "good.pdf": GOOD[1]})
    documents = list_documents(place.source())
    assert {key: value for key, value in read_all(place).items() if "#" not in key} == {
        name: expected,
        f"twin_{name}": expected,
        "good.pdf": GOOD[1],
    }
    whole = {document.uri.rpartition("/")[2] for document in documents if "#" not in document.uri}
    assert whole >= {name, "good.pdf"}


def test_a_bomb_says_so_and_how_far_it_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FREE_BYTES, 1_000_000)
    source = laid(tmp_path, "bomb.tgz", BROKEN["bomb.tgz"][0]).source()
    (bomb,) = source.scan()
    with pytest.raises(
        DocumentTooLarge, match=r"bomb\.tgz cannot be listed to its end: a decompression bomb: it unpacks to over"
    ):
        source.read(bomb)


def header_of(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar header with any size, in base 256 where eight octal digits do not hold it."""
    entry = tarfile.TarInfo(name)
    entry.type = kind
    block = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (
        (b"\xff" if size < 0 else b"\x80")
        + b"\xff\xff\xff"[: 3 if size < 0 else 0]
        + (b"" if size < 0 else bytes(3))
        + struct.pack(">q", size)
    )
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("size", [-512, -1024])
@pytest.mark.parametrize("suffix", ["tar", "tgz"])
def test_a_tar_that_leads_back_to_its_start_ends(tmp_path: Path, size: int, suffix: str) -> None:
    data = tar_of(GOOD)[:1024] + header_of("back.pdf", size) + bytes(2048)
    place = laid(tmp_path, f"in.{suffix}", gzip.compress(data) if suffix == "tgz" else data)
    assert place.names() == [f"in.{suffix}#good.pdf", f"in.{suffix}"]


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_header_of_gigabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    data = tar_of(GOOD)[:1024] + header_of("x", 8_000_000_000, kind) + bytes(20_000_000)
    for suffix, packed in (("tar", data), ("tgz", gzip.compress(data, 1))):
        (tmp_path / suffix).mkdir()
        place = laid(tmp_path / suffix, f"in.{suffix}", packed)
        assert place.names() == [f"in.{suffix}#good.pdf", f"in.{suffix}"]


def test_an_archive_in_an_archive_is_one_document(tmp_path: Path) -> None:
    inner = zip_of(("deep.pdf", b"%PDF-"))
    assert read_all(laid(tmp_path, "in.zip", zip_of(("inner.zip", inner)))) == {"in.zip#inner.zip": inner}


def test_nothing_of_an_archive_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    escape = [("../escaped.pdf", b"1"), ("/escaped.pdf", b"2"), ("a/../../escaped.pdf", b"3"), ("C:\\escaped.pdf", b"4")]
    (tmp_path / "corpus").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    place = Place(StoreConfig(uri=str(tmp_path / "corpus")))
    place.lay({f"in.{suffix}": pack(*escape) for suffix, pack in PACKERS})
    source = place.source()
    assert sorted(source.read(document) for document in source.scan()) == sorted([b"1", b"2", b"3", b"4"] * len(PACKERS))
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {f"corpus/in.{suffix}" for suffix, _ in PACKERS}
    assert not Path("/escaped.pdf").exists()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_random_damage_is_listed_and_read_without_any_other_error(tmp_path: Path, seed: int) -> None:
    """Whatever listing raises is a SourceError, and whatever reading raises a DocumentMissing: the worker lives."""
    chance = random.Random(seed)
    members = [(f"{number}.pdf", chance.randbytes(chance.randrange(3000))) for number in range(4)]
    packed = [
        *((suffix, pack(*members)) for suffix, pack in PACKERS),
        *(
            ("zip", zip_of(*members, compression=method))
            for method in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        ),
    ]
    for number in range(140):
        suffix, data = packed[number % len(packed)]
        mutate = chance.choice((flip_bytes, flip_bytes, delete_chunk, double_chunk))
        if suffix in ("tar.gz", "tgz") and chance.random() < 0.7:
            data = gzip.compress(mutate(chance, gzip.decompress(data), [data]))
        else:
            data = mutate(chance, data, [data])
        path = tmp_path / f"{number}.{suffix}"
        path.write_bytes(data)
        source = Place(StoreConfig(uri=str(path))).source()
        documents: list[DocumentRef] = []
        try:
            documents += source.scan()
        except SourceError:
            continue
        for document in documents:
            try:
                assert isinstance(source.read(document), bytes)
            except DocumentMissing:
                continue
