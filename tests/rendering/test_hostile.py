"""Damaged, crafted and encrypted documents in a limited child process: each gives a well-formed stream of events."""

import io
import struct
import zlib
from pathlib import Path

import pytest

from pipeline.config import RenderConfig
from pipeline.records import DocumentFailure, DocumentRef, RenderEvent
from pipeline.rendering import render_document
from tests.rendering import crafted
from tests.rendering.in_child import Summary, summaries

NUM_DOCUMENTS = 40


def is_well_formed(summary: Summary) -> bool:
    if summary.kinds == "D":
        return bool(summary.reason)
    return summary.kinds[:1] == "O" and len(summary.kinds) == 1 + summary.num_pages and set(summary.kinds[1:]) <= {"I", "F"}


def in_child(tmp_path: Path, data: bytes, *, limit_bytes: int = 1_500_000_000) -> Summary:
    path = tmp_path / "crafted"
    path.write_bytes(data)
    (summary,) = summaries([path], limit_bytes=limit_bytes, deadline_s=60).values()
    return summary


def events(data: bytes, config: RenderConfig) -> list[RenderEvent]:
    return list(render_document(DocumentRef(uri="/d", size_bytes=len(data), version=""), data, config=config))


@pytest.mark.corpus
def test_hostile_documents_give_a_sensible_stream(corpus_dir: Path) -> None:
    """A spread of the folder, and the bombs of 10 GB."""
    paths = sorted(path for path in (corpus_dir / "hostile").rglob("*") if path.is_file())
    bombs = [path for path in paths if "deflate-bomb" in path.name]
    assert bombs
    spread = paths[:: max(1, len(paths) // NUM_DOCUMENTS)][:NUM_DOCUMENTS]
    found = summaries([*bombs, *spread], limit_bytes=4_000_000_000, deadline_s=60)
    assert {name: s for name, s in found.items() if s.ended != "returned" or not is_well_formed(s)} == {}


@pytest.mark.parametrize("bomb", [crafted.bomb_in_a_form(4), crafted.page_of(crafted.nested_bomb(4), head=crafted.BOMB_HEAD)])
def test_a_page_that_unpacks_to_gigabytes_is_named_before_it_is_drawn(tmp_path: Path, bomb: bytes) -> None:
    assert len(bomb) < 2000
    summary = in_child(tmp_path, bomb)
    assert (summary.kinds, summary.ended) == ("OF", "returned")
    assert "is a decompression bomb" in summary.errors[0]


def test_the_pages_beside_a_bomb_are_drawn(tmp_path: Path) -> None:
    assert in_child(tmp_path, crafted.bomb_between_good_pages(4)).kinds == "OIFI"


def test_a_stream_below_the_bomb_mark_meets_the_limit_of_the_config(tmp_path: Path) -> None:
    """Text at a tenth of its size is no bomb to MuPDF, whatever it amounts to."""
    drawing = b"".join(b"%d %d m %d 9 l S\n" % (i % 89, i % 97, i % 83) for i in range(20_000))
    data = crafted.page_of(zlib.compress(drawing), head=b"/Filter /FlateDecode")
    _, page = events(data, RenderConfig(max_stream_bytes=100_000))
    assert "above render.max_stream_bytes (100000)" in getattr(page, "error", "")
    assert in_child(tmp_path, data).kinds == "OI"


def test_a_stream_that_unpacks_to_gigabytes_hurts_only_its_own_process(tmp_path: Path) -> None:
    packer = zlib.compressobj(1)
    bomb = b"".join(packer.compress(b"0 0 m 9 9 l S\n" * 1_000_000) for _ in range(20)) + packer.flush()
    summary = in_child(tmp_path, crafted.page_of(bomb, head=b"/Filter /FlateDecode"), limit_bytes=500_000_000)
    assert (summary.kinds, summary.ended) == ("OF", "returned")


@pytest.mark.parametrize("num_pages", [200_000, 2_000_000])
def test_a_document_of_more_pages_than_anyone_prints_is_refused_whole(num_pages: int) -> None:
    (refused,) = events(crafted.page_tree_of(num_pages), RenderConfig())
    assert isinstance(refused, DocumentFailure)
    assert refused.reason == "too_large"
    assert f"{num_pages} pages, above render.max_document_pages (50000)" in refused.error


def test_a_document_of_just_as_many_pages_as_allowed_is_read() -> None:
    found = events(crafted.page_tree_of(30), RenderConfig(dpi=20, max_document_pages=30))
    assert len(found) == 31
    assert len(events(crafted.page_tree_of(31), RenderConfig(dpi=20, max_document_pages=30))) == 1


@pytest.mark.parametrize(
    "data",
    [
        crafted.forms_in_forms(20_000),
        crafted.page_trees_in_page_trees(20_000),
        crafted.page_of(b"[" * 1_000_000),
        crafted.page_of(b"<<" * 500_000),
        crafted.page_of(b"q " * 1_000_000),
        crafted.page_of(b"", b"/ExtGState " + b"<</A" * 300_000),
        crafted.image_of(65_000, 65_000),
        crafted.image_of(2**31 - 1, 2**31 - 1),
    ],
    ids=["forms", "page trees", "arrays", "dictionaries", "graphics states", "resources", "image", "image beyond all bounds"],
)
def test_what_nests_or_claims_without_end_overflows_no_stack(tmp_path: Path, data: bytes) -> None:
    summary = in_child(tmp_path, data)
    assert summary.ended == "returned"
    assert is_well_formed(summary)


def test_what_mupdf_says_of_odd_bytes_can_be_stored() -> None:
    """Found by the fuzzer: its warnings quote bytes that are no UTF-8, and no table can hold the surrogates made of them."""
    table = crafted.stream_of(b"", b"/Type /XRef /Size 3 /W [1 2 1] /Root 1 0 R /Filter /FlateD\xf7code")
    (refused,) = events(b"%PDF-1.5\n1 0 obj\n" + table + b"\nendobj\nstartxref\n9\n%%EOF", RenderConfig())
    assert isinstance(refused, DocumentFailure)
    assert b"FlateD" in refused.error.encode()


def tiff_of(num_frames: int, *, loops: bool = False) -> bytes:
    """Frames of one pixel that share their pixel; the last may lead back to the first."""
    out = io.BytesIO(b"II*\0" + struct.pack("<I", 8))
    out.seek(8)
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (278, 1), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    ifd_bytes = 2 + len(entries) + 4
    for number in range(num_frames):
        following = 8 + (number + 1) * ifd_bytes if number + 1 < num_frames else 8 if loops else 0
        out.write(struct.pack("<H", len(tags)) + entries + struct.pack("<I", following))
    return out.getvalue()


def test_a_tiff_of_more_frames_than_anyone_scans_is_refused_whole(tmp_path: Path) -> None:
    (refused,) = events(tiff_of(200), RenderConfig(max_document_pages=100))
    assert isinstance(refused, DocumentFailure)
    assert refused.reason == "too_large"
    assert len(events(tiff_of(100), RenderConfig(max_document_pages=100))) == 101


def test_a_tiff_that_leads_back_to_its_start_ends(tmp_path: Path) -> None:
    assert is_well_formed(in_child(tmp_path, tiff_of(5, loops=True)))


def test_a_small_png_of_gigapixels_is_a_page_that_names_the_limit(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    summary = in_child(tmp_path, png)
    assert summary.kinds == "OF"
    assert "60000 x 60000 pixels need 32400000000 bytes, above render.memory_bytes" in summary.errors[0]
