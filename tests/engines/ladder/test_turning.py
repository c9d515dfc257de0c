"""Turned pages: pixels and boxes turn together, and back."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import TurnRung
from pipeline.engines.ladder.turning import Degrees, turn_back, turn_page
from pipeline.engines.ppocr.engine import PpocrEngine
from pipeline.records import Block, PageImage
from tests.engines.ladder.doubles import AtItsWord, image, ladder_on, reading
from tests.engines.pages import page_image

EACH_TURN = pytest.mark.parametrize("degrees", [90, 180, 270])


def with_dot(page: PageImage, x: int, y: int) -> PageImage:
    pixels = np.full_like(page.pixels_HWC, 255)
    pixels[y, x] = 0
    return replace(page, pixels_HWC=pixels)


@EACH_TURN
@given(x=st.integers(0, 59), y=st.integers(0, 79))
def test_a_box_around_a_dot_of_the_turned_page_is_around_it_on_the_page(degrees: Degrees, x: int, y: int) -> None:
    page = with_dot(image(), x, y)
    turned = turn_page(page, degrees)
    assert (turned.facts.height_px, turned.facts.width_px) == turned.pixels_HWC.shape[:2]
    (dot_y,), (dot_x,), _ = np.nonzero(turned.pixels_HWC == 0)
    block = Block(label="text", text="dot", box_pt=(float(dot_x), float(dot_y), float(dot_x) + 1, float(dot_y) + 1))
    back = turn_back(reading(page.page_id, blocks=(block,)), page.facts, degrees)
    assert back.blocks[0].box_pt == (x, y, x + 1, y + 1)
    assert back.flags == (f"turned_{degrees}",)


def test_a_page_turned_by_90_degrees_has_its_left_side_on_top() -> None:
    turned = turn_page(with_dot(image(), 0, 79), 90)
    assert turned.pixels_HWC[0, 0, 0] == 0
    assert turned.facts.rotation_degrees == 90


def test_turns_are_tried_one_by_one_until_one_reads_well() -> None:
    class ReadsLandscape:
        name = "landscape"
        version = "1"
        max_pages_in_flight = 1

        def recognize(self, pages):  # type: ignore[no-untyped-def]
            for page in pages:
                wide = page.facts.width_px > page.facts.height_px
                yield reading(page.page_id, "good" if wide else "gibberish", engine=self.name)

        def close(self) -> None:
            return

    ladder = ladder_on(ReadsLandscape(), TurnRung(name="turned", when=("gibberish",)), assessor=AtItsWord())
    (answer,) = ladder.recognize([image()])
    ladder.close()
    assert (answer.rung, answer.flags) == ("turned", ("turned_90",))
    assert [attempt.rung for attempt in answer.attempts] == ["first", "turned"]


@EACH_TURN
def test_a_real_page_on_its_side_is_read_upright_with_its_boxes_in_place(
    ppocr: PpocrEngine, prose_grey: npt.NDArray[np.uint8], degrees: Degrees
) -> None:
    upright = page_image(prose_grey)
    (expected,) = ppocr.recognize([upright])
    back: Degrees = {90: 270, 180: 180, 270: 90}[degrees]  # type: ignore[assignment]
    on_its_side = turn_page(upright, back)
    (turned,) = ppocr.recognize([turn_page(on_its_side, degrees)])
    assert turned.text == expected.text
    blocks = turn_back(turned, on_its_side.facts, degrees).blocks
    lying = on_its_side.pixels_HWC[:, :, 0] < 128
    for block in blocks:
        x0, y0, x1, y1 = (round(edge * 150 / 72) for edge in block.box_pt)
        assert lying[max(0, y0) : y1, max(0, x0) : x1].mean() > 0.05, "the box lies on ink"
