"""A figure's mark says where the figure is on the page, also when the page was read turned or in halves."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.figures import figure_mark, move_figures
from pipeline.engines.ladder.halves import cut_in_halves, join_readings
from pipeline.engines.ladder.turning import Degrees, turn_back, turn_page
from pipeline.records import Block, PageText
from tests.engines.pages import page_image

PAGE = page_image(np.full((1754, 1240), 255, np.uint8))
edges = st.floats(0.0, 800.0)


def reading(text: str, box_pt: tuple[float, float, float, float]) -> PageText:
    block = Block(label="figure", text=text, box_pt=box_pt)
    return PageText(page_id=PAGE.page_id, text=text, status="ok", engine="e", engine_version="1", blocks=(block,))


@given(box_pt=st.tuples(edges, edges, edges, edges), caption=st.text("ab (),.=#", max_size=10))
def test_a_mark_moved_nowhere_is_the_same_mark(box_pt: tuple[float, float, float, float], caption: str) -> None:
    mark = figure_mark(box_pt, caption)
    assert move_figures(f"before {mark} after", lambda box: box) == f"before {mark} after"


def test_a_picture_of_the_page_itself_is_no_mark() -> None:
    text = "![plan](plan.png) and (#box=1.0,2.0,3.0,4.0)"
    assert move_figures(text, lambda box: (0.0, 0.0, 0.0, 0.0)) == text


def test_marks_turn_back_with_their_blocks() -> None:
    turns: tuple[Degrees, ...] = (90, 180, 270)
    for degrees in turns:
        assert turn_page(PAGE, degrees).page_id == PAGE.page_id
        turned = turn_back(reading(figure_mark((10.0, 20.0, 40.0, 60.0)), (10.0, 20.0, 40.0, 60.0)), PAGE.facts, degrees)
        assert turned.text == figure_mark(turned.blocks[0].box_pt)
        assert turned.blocks[0].text == turned.text
        assert turned.blocks[0].box_pt != (10.0, 20.0, 40.0, 60.0)


def test_a_mark_of_the_lower_half_stands_in_the_lower_half_of_the_page() -> None:
    halves = cut_in_halves(PAGE, overlap_fraction=0.06)
    upper = reading("The upper half has a sentence of its own.", (0.0, 0.0, 9.0, 9.0))
    lower = reading(figure_mark((10.0, 200.0, 40.0, 260.0)), (10.0, 200.0, 40.0, 260.0))
    joined = join_readings(upper, lower, halves)
    top_pt = 200.0 + halves.lower_top_pt
    assert figure_mark((10.0, top_pt, 40.0, top_pt + 60.0)) in joined.text
    assert joined.blocks[-1].box_pt[1] == top_pt
