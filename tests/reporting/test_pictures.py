"""What a page looks like: the picture that the build kept, else one drawn from the document it was read from, else a reason."""

import io
from pathlib import Path

import pytest
from PIL import Image

from pipeline.builds import layout
from pipeline.config import RenderConfig, StoreConfig
from pipeline.records import PageRecord
from pipeline.rendering.apart import Drawer, NoPicture, Picture, PictureSize
from pipeline.reporting.pictures import PageLook, look_at
from pipeline.sources import open_source
from pipeline.store import FolderStore
from pipeline.tables.images import StoredImage, encode_images
from tests.reporting.made_builds import BUILD_ID, drawn_pages

SIZE = PictureSize(side_px=200, quality=50)
SHARD = "a-shard"


@pytest.fixture
def drawn(tmp_path: Path) -> list[PageRecord]:
    return drawn_pages(tmp_path / "drawn.pdf")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(root=tmp_path / "out")


def looks_of(records: list[PageRecord], store: FolderStore, *, patience_s: float = 60.0) -> list[PageLook]:
    source = open_source(StoreConfig(uri=str(Path(records[0].document.document.uri).parent)))
    shards = {str(record.page_id): SHARD for record in records}
    with Drawer(RenderConfig(), SIZE) as drawer:
        looks = look_at(records, shards, store=store, build_id=BUILD_ID, source=source, drawer=drawer, patience_s=patience_s)
    return [looks[str(record.page_id)] for record in records]


def test_a_picture_that_the_build_kept_is_shown_smaller_and_the_rest_is_drawn(
    drawn: list[PageRecord], store: FolderStore
) -> None:
    sink = io.BytesIO()
    Image.new("L", (800, 400), 77).save(sink, "PNG")
    kept = StoredImage(page_id=drawn[1].page_id, data=sink.getvalue(), width_px=800, height_px=400, format="png")
    store.put_once(layout.images_key(BUILD_ID, SHARD), encode_images([kept], {}), attempt_id="x")
    of_document, of_build = looks_of(drawn, store)
    assert isinstance(of_build, Picture)
    assert (of_build.width_px, of_build.height_px) == (200, 100)
    with Image.open(io.BytesIO(of_build.data)) as image:
        assert abs(image.convert("L").getpixel((50, 50)) - 77) < 4  # type: ignore[operator]
    assert isinstance(of_document, Picture)
    assert of_document.height_px > of_document.width_px


def test_a_document_that_has_changed_since_it_was_read_is_not_shown(drawn: list[PageRecord], store: FolderStore) -> None:
    path = Path(drawn[0].document.document.uri)
    path.write_bytes(path.read_bytes() + b"\n")
    assert looks_of(drawn, store) == [NoPicture(error=f"{path} holds other bytes now than when it was read")] * 2


def test_a_document_that_is_gone_says_so(drawn: list[PageRecord], store: FolderStore) -> None:
    Path(drawn[0].document.document.uri).unlink()
    assert all(isinstance(look, NoPicture) and "cannot be read any more" in look.error for look in looks_of(drawn, store))


def test_drawing_ends_when_patience_does(drawn: list[PageRecord], store: FolderStore) -> None:
    assert looks_of(drawn, store, patience_s=-1.0) == [NoPicture(error="drawing other pages took over -1 s")] * 2
