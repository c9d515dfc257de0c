"""Halves of a page and the readings of them as one."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import HalvesRung
from pipeline.engines.ladder.halves import cut_in_halves, join_readings
from pipeline.engines.ppocr.engine import PpocrEngine
from pipeline.records import Block, PageImage, PageText
from tests.conftest import prose_of
from tests.engines.ladder.doubles import image, ladder_on, reading
from tests.engines.pages import draw_grey, page_image, write_lines

OVERLAP = 0.1


@given(st.integers(2, 300), st.floats(0, 0.3))
def test_the_halves_together_show_every_row_and_the_overlap_twice(height_px: int, overlap: float) -> None:
    page = image(pixels=(height_px, 3, 1))
    halves = cut_in_halves(page, overlap_fraction=overlap)
    upper_px, lower_px = halves.upper.pixels_HWC.shape[0], halves.lower.pixels_HWC.shape[0]
    assert height_px <= upper_px + lower_px <= height_px * (1 + overlap) + 2
    assert (halves.upper.facts.height_px, halves.lower.facts.height_px) == (upper_px, lower_px)
    assert halves.lower_top_pt == pytest.approx(height_px - lower_px)
    assert (halves.lower.pixels_HWC[-1] == page.pixels_HWC[-1]).all()


def test_a_half_knows_no_text_layer() -> None:
    page = image(layer_text="words of the whole page")
    halves = cut_in_halves(page, overlap_fraction=OVERLAP)
    assert (halves.upper.facts.layer_text, halves.lower.facts.layer_text) == ("", "")


def block(text: str, top_pt: float) -> Block:
    return Block(label="text", text=text, box_pt=(0.0, top_pt, 60.0, top_pt + 3))


def test_blocks_of_the_lower_half_lie_in_their_place_and_those_of_the_overlap_stand_once() -> None:
    page = image()
    halves = cut_in_halves(page, overlap_fraction=OVERLAP)
    upper = reading(page.page_id, blocks=(block("title", 2), block("the same line in both", 38)))
    lower = reading(page.page_id, blocks=(block("the same 1ine in both".replace("1", "l"), 2), block("the end", 20)))
    joined = join_readings(upper, lower, halves)
    assert [(each.text, each.box_pt[1]) for each in joined.blocks] == [
        ("title", 2),
        ("the same line in both", 38),
        ("the end", 20 + halves.lower_top_pt),
    ]


def test_a_joined_reading_ends_as_the_worse_half_and_costs_both() -> None:
    page = image()
    halves = cut_in_halves(page, overlap_fraction=OVERLAP)
    upper = reading(page.page_id, vision_tokens=100, text_tokens=30, output_tokens=40, mode="small", flags=("a",))
    lower = replace(upper, finish_reason="length", vision_tokens=256, mode="base", confidence=0.5, flags=("a", "b"))
    joined = join_readings(upper, lower, halves)
    assert (joined.finish_reason, joined.vision_tokens, joined.text_tokens, joined.output_tokens) == ("length", 356, 60, 80)
    assert (joined.mode, joined.seconds, joined.flags, joined.confidence) == ("base", 2.0, ("a", "b"), 0.5)


def test_a_page_half_of_which_failed_has_failed() -> None:
    page = image()
    halves = cut_in_halves(page, overlap_fraction=OVERLAP)
    failed = reading(page.page_id, "", status="failed", error="no memory")
    for pair in ((reading(page.page_id), failed), (failed, reading(page.page_id))):
        joined = join_readings(*pair, halves)
        assert (joined.status, joined.text, joined.error) == ("failed", "", "half of the page: no memory")


class CountsPages:
    """Truncates what is higher than 50 pixels."""

    name = "counts"
    version = "1"
    max_pages_in_flight = 1

    def __init__(self) -> None:
        self.num_read = 0

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageText]:
        for page in pages:
            self.num_read += 1
            yield reading(page.page_id, "truncated" if page.facts.height_px > 50 else "good", engine=self.name)

    def close(self) -> None:
        return


def test_a_page_too_long_is_read_in_halves_and_judged_as_one() -> None:
    engine = CountsPages()
    (answer,) = ladder_on(engine, HalvesRung(name="halves", when=("truncated",))).recognize([image()])
    assert (answer.rung, answer.seconds, engine.num_read) == ("halves", 3.0, 3)


def test_a_half_that_shows_nothing_is_not_read() -> None:
    page = image()
    pixels = page.pixels_HWC.copy()
    pixels[30:] = 255
    engine = CountsPages()
    (answer,) = ladder_on(engine, HalvesRung(name="halves", when=("truncated",))).recognize([replace(page, pixels_HWC=pixels)])
    assert (answer.rung, answer.text.strip(), engine.num_read) == ("halves", "good", 2)


def test_a_real_page_read_in_halves_says_what_the_page_says(ppocr: PpocrEngine) -> None:
    words = prose_of(2, 2).split()
    rows = tuple(" ".join(words[at : at + 9]) for at in range(0, len(words), 9))
    page = page_image(draw_grey(lambda drawn: write_lines(drawn, rows), height_pt=450.0))
    (whole,) = ppocr.recognize([page])
    halves = cut_in_halves(page, overlap_fraction=0.12)
    upper, lower = (next(iter(ppocr.recognize([half]))) for half in (halves.upper, halves.lower))
    joined = join_readings(upper, lower, halves)
    assert joined.text.split() == whole.text.split()
    tops = np.array([each.box_pt[1] for each in joined.blocks])
    assert np.abs(np.sort(tops) - np.sort([each.box_pt[1] for each in whole.blocks])).max() < 4.0
