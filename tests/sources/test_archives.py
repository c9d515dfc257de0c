"""Members of archives."""

import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import StoreConfig
from pipeline.errors import DocumentMissing
from tests.sources.place import PACKERS, Place, tar_of, tgz_of, zip_of


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
