"""Pages drawn in a process of their own: what a document does to that process stays there."""

import io
import os
import signal
from pathlib import Path

import pytest
from PIL import Image

from pipeline.config import RenderConfig
from pipeline.rendering import apart
from pipeline.rendering.apart import Drawer, NoPicture, Picture, PictureSize
from tests.conftest import draw_pdf
from tests.rendering import crafted

SIZE = PictureSize(side_px=300, quality=40)


@pytest.fixture
def document(tmp_path: Path) -> bytes:
    path = tmp_path / "three.pdf"
    draw_pdf(path, ["one", "two", "three"])
    return path.read_bytes()


def test_pages_come_in_the_order_asked_for_and_no_larger(document: bytes) -> None:
    with Drawer(RenderConfig(), SIZE) as drawer:
        looks = list(drawer.draw(document, [2, 0]))
    for look in looks:
        assert isinstance(look, Picture)
        assert max(look.width_px, look.height_px) <= SIZE.side_px
        with Image.open(io.BytesIO(look.data)) as image:
            assert (image.format, image.size) == ("WEBP", (look.width_px, look.height_px))


def test_what_cannot_be_drawn_says_why_and_the_next_document_is_drawn(document: bytes) -> None:
    with Drawer(RenderConfig(), SIZE) as drawer:
        (no_document,) = drawer.draw(b"nothing of the kind", [0])
        (no_page,) = drawer.draw(document, [7])
        (bomb,) = drawer.draw(crafted.page_of(crafted.nested_bomb(4), head=crafted.BOMB_HEAD), [0])
        (good,) = drawer.draw(document, [0])
    assert isinstance(no_document, NoPicture)
    assert "neither a PDF nor an image" in no_document.error
    assert no_page == NoPicture(error="the document has no page 7")
    assert isinstance(bomb, NoPicture)
    assert "bomb" in bomb.error
    assert isinstance(good, Picture)


def test_a_child_that_is_killed_costs_one_page(document: bytes) -> None:
    with Drawer(RenderConfig(), SIZE) as drawer:
        looks = drawer.draw(document, [0, 1, 2])
        first = next(looks)
        assert drawer._child is not None
        os.kill(drawer._child.pid, signal.SIGSTOP)
        drawer._buffer = b""
        os.kill(drawer._child.pid, signal.SIGKILL)
        rest = list(looks)
    assert isinstance(first, Picture)
    assert [type(look) for look in rest].count(Picture) >= 1
    assert len(rest) == 2


def test_a_child_that_hangs_is_given_up(document: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "START_S", 0.5)
    with Drawer(RenderConfig(page_deadline_s=0.5), SIZE) as drawer:
        drawer._begin()
        assert drawer._child is not None
        os.kill(drawer._child.pid, signal.SIGSTOP)
        (look,) = drawer.draw(document, [0])
    assert isinstance(look, NoPicture)
    assert "render.page_deadline_s" in look.error


def test_the_child_holds_no_credential(monkeypatch: pytest.MonkeyPatch, document: bytes) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.setenv("PAGEMILL_TEST_TOKEN", "another")
    with Drawer(RenderConfig(), SIZE) as drawer:
        list(drawer.draw(document, [0]))
        assert drawer._child is not None
        environment = Path(f"/proc/{drawer._child.pid}/environ").read_bytes()
    assert b"secret" not in environment
    assert b"another" not in environment


def test_an_answer_that_makes_no_sense_is_not_believed(document: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with Drawer(RenderConfig(), SIZE) as drawer:
        for line in (b'{"size_bytes": 99999999999, "width_px": 1, "height_px": 1}\n', b"nonsense\n", b"[1]\n"):
            monkeypatch.setattr(drawer, "_ask", lambda data, pages, line=line: _answer(drawer, line))
            (look,) = drawer.draw(document, [0])
            assert isinstance(look, NoPicture)


def _answer(drawer: Drawer, line: bytes) -> None:
    drawer._begin()
    drawer._buffer = line
