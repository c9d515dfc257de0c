"""Pages to images while they are read: which pages, which size, which pixels, and how many are held."""

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline import album as album_module
from pipeline.album import WAITING_PAGES, Album, encode_image, side_px_of
from pipeline.config import ImagesConfig, PageRules
from pipeline.errors import ConfigError
from pipeline.flow import build_shard
from pipeline.receipts import Shard, ShardResult
from pipeline.records import PageFailure, PageId, PageImage, PageText, RenderEvent
from pipeline.tables.images import StoredImage
from tests.builds.factory import config
from tests.test_flow import CONFIG, NoSource, Reciter, Script, document, facts, opened

PNG = ImagesConfig(format="png")
MODES = ("tiny", "small", "base", "large", "gundam", None)


def drawn(height_px: int, width_px: int, channels: int = 1, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, channels), dtype=np.uint8)


def image(
    doc_id: str, page_index: int, *, ink_fraction: float = 0.05, pixels: npt.NDArray[np.uint8] | None = None
) -> PageImage:
    shown = drawn(80, 60, seed=page_index) if pixels is None else pixels
    return PageImage(page_id=PageId(doc_id, page_index), facts=facts(ink_fraction), pixels_HWC=shown)


class ModalReciter(Reciter):
    """Reads the pages in turn in each mode."""

    def recognize(self, pages: object) -> Iterator[PageText]:  # type: ignore[override]
        for answer in super().recognize(pages):  # type: ignore[arg-type]
            yield replace(answer, mode=MODES[answer.page_id.page_index % len(MODES)])


def read(
    events_by_uri: dict[str, list[RenderEvent]], engine: Reciter, images: ImagesConfig
) -> tuple[ShardResult, list[StoredImage]]:
    shard = Shard(shard_id="s", documents=tuple(document(uri.removeprefix("memory://")) for uri in events_by_uri))
    heard: list[PageText] = []
    with Album(images, PageRules()) as album:
        result = build_shard(
            shard,
            source=NoSource(),
            render=album.watching(Script(events_by_uri)),
            engine=engine,
            config=CONFIG,
            on_page=album.hearing(heard.append),
        )
        assert len(heard) == len(engine.asked)
        return result, list(album.images(result.records))


def shown(stored: StoredImage) -> Image.Image:
    return Image.open(io.BytesIO(stored.data))


def test_every_page_that_was_read_and_every_blank_one_has_its_own_pixels_in_order() -> None:
    b, a = opened("b", 2), opened("a", 3)
    pages = {
        of.doc_id: [image(of.doc_id, index, pixels=drawn(80, 60, seed=seed + index)) for index in range(of.num_pages)]
        for seed, of in enumerate((b, a))
    }
    blank = image(a.doc_id, 1, ink_fraction=0.0, pixels=np.full((80, 60, 1), 255, np.uint8))
    pages[a.doc_id][1] = blank
    engine = Reciter()
    result, images = read({"memory://b": [b, *pages[b.doc_id]], "memory://a": [a, *pages[a.doc_id]]}, engine, PNG)
    assert blank.page_id not in engine.asked
    assert [stored.page_id for stored in images] == [record.page_id for record in result.records]
    for stored in images:
        drawing = next(page for page in pages[stored.page_id.doc_id] if page.page_id == stored.page_id)
        assert np.array_equal(np.asarray(shown(stored)), drawing.pixels_HWC[:, :, 0])


def test_a_page_that_failed_has_no_image() -> None:
    a = opened("a", 3)
    broken = PageFailure(page_id=PageId(a.doc_id, 1), reason="render_error", error="bad content stream")
    events: list[RenderEvent] = [a, image(a.doc_id, 0), broken, image(a.doc_id, 2)]
    result, images = read({"memory://a": events}, Reciter(page_2="failed"), PNG)
    assert [record.status for record in result.records] == ["ok", "failed", "failed"]
    assert [stored.page_id.page_index for stored in images] == [0]


def test_a_page_that_was_read_as_a_loop_has_no_image() -> None:
    """The engine called it whole; judging made it a failed page."""
    a = opened("a", 1)
    with Album(PNG, PageRules()) as album:
        result = build_shard(
            Shard(shard_id="s", documents=(a.document,)),
            source=NoSource(),
            render=album.watching(Script({"memory://a": [a, image(a.doc_id, 0)]})),
            engine=Reciter(),
            config=CONFIG,
            on_page=album.hearing(lambda page: None),
        )
        (record,) = result.records
        assert list(album.images([replace(record, status="failed")])) == []


def test_a_rejected_page_keeps_its_image_because_other_rules_may_keep_it() -> None:
    a = opened("a", 1)
    with Album(PNG, PageRules()) as album:
        shard = Shard(shard_id="s", documents=(a.document,))
        render = album.watching(Script({"memory://a": [a, image(a.doc_id, 0)]}))
        strict = config(rules={"pages": {"low_conf_below": 1.0}}).model_copy(update={"engine": CONFIG.engine})
        result = build_shard(
            shard, source=NoSource(), render=render, engine=Reciter(), config=strict, on_page=album.hearing(lambda page: None)
        )
        (record,) = result.records
        assert len(list(album.images([replace(record, reject=("low_conf",))]))) == 1


def test_the_same_bytes_twice_in_a_shard_have_each_image_once() -> None:
    a, twin = opened("a", 2, doc_id="d" * 64), opened("b", 2, doc_id="d" * 64)
    pages = [image("d" * 64, 0), image("d" * 64, 1, ink_fraction=0.0)]
    _, images = read({"memory://a": [a, *pages], "memory://b": [twin, *pages]}, Reciter(), PNG)
    assert [stored.page_id.page_index for stored in images] == [0, 1]


def test_no_page_is_encoded_twice_and_none_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[PageId] = []

    def noted(page: PageImage, side_px: int, config: ImagesConfig) -> StoredImage:
        encoded.append(page.page_id)
        return encode_image(page, side_px, config)

    monkeypatch.setattr(album_module, "encode_image", noted)
    a, twin = opened("a", 3, doc_id="d" * 64), opened("b", 3, doc_id="d" * 64)
    pages = [image("d" * 64, 0), image("d" * 64, 1, ink_fraction=0.0), image("d" * 64, 2)]
    read({"memory://a": [a, *pages], "memory://b": [twin, *pages]}, Reciter(page_2="failed"), PNG)
    assert sorted(page_id.page_index for page_id in encoded) == [0, 1]


def test_an_image_has_the_size_of_the_mode_that_read_the_page() -> None:
    a = opened("a", len(MODES))
    pixels = np.full((1754, 1240, 1), 255, np.uint8)
    pages = [image(a.doc_id, index, pixels=pixels) for index in range(len(MODES))]
    config = ImagesConfig(format="jpeg", max_side_px=1600)
    _, images = read({"memory://a": [a, *pages]}, ModalReciter(), config)
    assert [max(shown(stored).size) for stored in images] == [512, 640, 1024, 1280, 1600, 1600]
    assert all(shown(stored).size == (stored.width_px, stored.height_px) for stored in images)
    assert all(stored.width_px == round(stored.height_px * 1240 / 1754) for stored in images)


@given(st.sampled_from([*MODES, "unheard of"]), st.integers(16, 4000))
def test_no_image_is_larger_than_the_cap(mode: str | None, max_side_px: int) -> None:
    config = ImagesConfig(max_side_px=max_side_px)
    assert side_px_of(mode, config) <= max_side_px


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("format", ["webp", "jpeg", "png"])
def test_each_format_keeps_size_and_colours_and_png_every_pixel(format: str, channels: int) -> None:
    grid = np.linspace(0, 255, 90 * 70).reshape(90, 70, 1).astype(np.uint8)
    pixels = np.concatenate([grid, 255 - grid, grid // 2], axis=2)[:, :, :channels]
    stored = encode_image(image("d", 0, pixels=pixels), 2048, ImagesConfig(format=format, quality=90))
    found = shown(stored)
    assert (found.format, stored.format, found.size) == (format.upper(), format, (70, 90))
    back = np.asarray(found.convert("L" if channels == 1 else "RGB")).reshape(pixels.shape).astype(int)
    error = np.abs(back - pixels)
    assert error.max() == 0 if format == "png" else error.mean() < 6


def test_a_small_page_is_not_enlarged() -> None:
    stored = encode_image(image("d", 0), 512, PNG)
    assert (stored.width_px, stored.height_px) == (60, 80)


def test_reading_waits_when_too_many_pages_wait_to_be_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bounds the memory: the pages whose pixels are held for Pillow."""
    go_on = threading.Event()
    real = encode_image

    def slow(page: PageImage, side_px: int, config: ImagesConfig) -> StoredImage:
        go_on.wait(10)
        return real(page, side_px, config)

    monkeypatch.setattr(album_module, "encode_image", slow)
    a = opened("a", 3 * WAITING_PAGES)
    passed: list[int] = []

    def events() -> Iterator[RenderEvent]:
        yield a
        for index in range(a.num_pages):
            passed.append(index)
            yield image(a.doc_id, index, ink_fraction=0.0)

    with Album(PNG, PageRules()) as album:
        watched = album.watching(lambda documents, source: events())
        reader = threading.Thread(target=lambda: list(watched((), NoSource())))
        reader.start()
        deadline_s = time.monotonic() + 10
        while len(passed) <= WAITING_PAGES and time.monotonic() < deadline_s:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(passed) == WAITING_PAGES + 1
        go_on.set()
        reader.join(20)
        assert len(passed) == a.num_pages


def test_a_shard_that_fails_leaves_no_thread_behind() -> None:
    a = opened("a", 2)
    before = threading.active_count()
    with pytest.raises(Exception, match="never answered"):
        read({"memory://a": [a, image(a.doc_id, 0), image(a.doc_id, 1)]}, Reciter(page_1="silent"), PNG)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        ({"format": "gif"}, r"images\.format"),
        ({"quality": 0}, r"images\.quality"),
        ({"quality": 101}, r"images\.quality"),
        ({"max_side_px": 20000}, r"images\.max_side_px"),
        ({"side_px_by_mode": {"huge": 100}}, r"images\.side_px_by_mode"),
        ({"size": 3}, r"unknown config key 'images\.size'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_by_its_path(images: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        config(images=images)
