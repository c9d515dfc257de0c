import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engines.ppocr.gutters import split_at_gutters
from pipeline.engines.ppocr.reading_order import reading_order

Box = tuple[float, float, float, float]


def column(x: float, width: float, num_lines: int, *, y: float = 0.0, ragged: float = 0.0) -> list[Box]:
    """Lines of height 20 every 24."""
    return [(x, y + 24 * k, x + width - ragged * (k % 3), y + 24 * k + 20) for k in range(num_lines)]


def order_of(boxes: list[Box]) -> list[int]:
    return reading_order(np.array(boxes, dtype=np.float64).reshape(-1, 4))


def shuffled(boxes: list[Box]) -> None:
    """Asserts that `boxes`, given in the wanted order, are found in it from any other order."""
    for seed in range(3):
        mixed = np.random.default_rng(seed).permutation(len(boxes))
        found = [int(mixed[i]) for i in order_of([boxes[i] for i in mixed])]
        assert found == list(range(len(boxes)))


def test_no_line_and_one_line() -> None:
    assert order_of([]) == []
    assert order_of([(0, 0, 10, 10)]) == [0]


def test_single_lines_are_read_top_to_bottom() -> None:
    shuffled(column(50, 600, 12, ragged=80))


def test_a_page_with_two_columns_is_read_left_column_first() -> None:
    shuffled(column(50, 300, 12, ragged=20) + column(380, 300, 12))


def test_columns_of_unequal_height_and_shifted_lines() -> None:
    shuffled(column(50, 300, 20) + column(380, 300, 9, y=11))


def test_three_columns() -> None:
    shuffled(column(50, 200, 12) + column(280, 200, 12) + column(510, 200, 12))


def test_a_heading_over_columns_comes_first_and_a_foot_last() -> None:
    heading, foot = (50.0, 0.0, 680.0, 30.0), (50.0, 420.0, 680.0, 440.0)
    shuffled([heading, *column(50, 300, 12, y=60), *column(380, 300, 12, y=60), foot])


def test_a_heading_between_columns_divides_them() -> None:
    top = column(50, 300, 6) + column(380, 300, 6)
    below = column(50, 300, 6, y=260) + column(380, 300, 6, y=260)
    shuffled([*top, (50.0, 200.0, 680.0, 225.0), *below])


def test_columns_with_a_gap_at_the_same_height_are_not_cut_across() -> None:
    left = column(50, 300, 6) + column(50, 300, 6, y=170)
    right = column(380, 300, 6) + column(380, 300, 6, y=170)
    shuffled(left + right)


def test_a_running_head_with_two_pieces_is_read_before_the_columns() -> None:
    head: list[Box] = [(50.0, 0.0, 200.0, 20.0), (600.0, 0.0, 680.0, 20.0)]
    shuffled(head + column(50, 300, 12, y=110) + column(380, 300, 12, y=110))


def test_a_table_is_read_row_by_row() -> None:
    cells = [
        (x, 24.0 * row, x + 40.0 + 25 * ((row * 7 + k) % 4), 24.0 * row + 20)
        for row in range(8)
        for k, x in enumerate((50, 250, 450))
    ]
    shuffled([(float(a), b, float(c), d) for a, b, c, d in cells])


def test_titles_and_page_numbers_of_a_contents_page_stay_together() -> None:
    rows: list[Box] = []
    for k in range(10):
        rows += [(50.0, 24.0 * k, 150.0 + 90 * (k % 4), 24.0 * k + 20), (640.0, 24.0 * k, 670.0, 24.0 * k + 20)]
    shuffled(rows)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 1200), st.integers(0, 500), st.integers(0, 60)), max_size=40))
def test_the_order_is_a_permutation(rectangles: list[tuple[int, int, int, int]]) -> None:
    boxes = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in rectangles]
    assert sorted(order_of(boxes)) == list(range(len(boxes)))


def paper_with(words: list[Box], height: int = 400, width: int = 800) -> npt.NDArray[np.uint8]:
    """Strokes of one pixel every third one."""
    paper = np.full((height, width), 255, np.uint8)
    for x0, y0, x1, y1 in words:
        paper[int(y0) + 4 : int(y1) - 4, int(x0) : int(x1) : 3] = 0
    return paper


def test_a_line_merged_across_two_columns_is_divided_at_the_gutter() -> None:
    left, right = column(50, 300, 8), column(380, 300, 8)
    paper = paper_with(left + right)
    merged: Box = (left[3][0], left[3][1], right[3][2], right[3][3])
    boxes = np.array([*left[:3], *left[4:], *right[:3], *right[4:], merged])
    divided = split_at_gutters(paper, boxes)
    assert len(divided) == 16
    new = divided[-2:]
    assert new[0, 2] == pytest.approx(352, abs=3)
    assert new[1, 0] == pytest.approx(378, abs=3)


def test_a_gap_that_no_other_line_shares_is_not_a_gutter() -> None:
    lines = column(50, 600, 8)
    paper = paper_with(lines)
    paper[24 * 3 : 24 * 3 + 20, 300:330] = 255
    assert len(split_at_gutters(paper, np.array(lines))) == 8


def test_one_box_that_reaches_across_a_narrow_gutter_does_not_close_it() -> None:
    left = column(50, 300, 20)
    left[7] = (50, left[7][1], 367, left[7][3])
    shuffled(left + column(366, 300, 20))


def test_columns_of_terms_and_explanations_on_the_same_lines_are_read_one_after_the_other() -> None:
    def card(x: float) -> list[Box]:
        boxes: list[Box] = []
        for k in range(25):
            y = 24.0 * k
            pair = [(x, y, x + 100 + 9 * (k % 4), y + 20), (x + 200, y, x + 300, y + 20)]
            boxes += pair if k % 5 else [(x, y, x + 260, y + 20)]
        return boxes

    left, right = card(50), card(420)
    order = order_of(left + right)
    assert set(order[: len(left)]) == set(range(len(left)))


def test_specks_of_noise_do_not_hide_a_gutter() -> None:
    page_HW, boxes = np.full((400, 700), 255, np.uint8), []
    for k in range(8):
        y = 20 + 30 * k
        page_HW[y + 4 : y + 16, 40:320:4] = 0
        page_HW[y + 4 : y + 16, 338:640:4] = 0
        page_HW[y + 8, 327] = 0
        boxes.append((35, y, 645, y + 20))
    assert len(split_at_gutters(page_HW, np.array(boxes, dtype=np.float64))) == 16
