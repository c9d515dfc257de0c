import numpy as np

from pipeline.engines.ppocr.paragraphs import find_headings, join_lines

Box = tuple[float, float, float, float]


def text_of(lines: list[tuple[Box, str]]) -> str:
    boxes = np.array([box for box, _ in lines], dtype=np.float64).reshape(-1, 4)
    texts = [text for _, text in lines]
    return join_lines(boxes, texts, find_headings(boxes, [len(text) for text in texts]))


def full(y: float, text: str, *, x0: float = 50, x1: float = 600, height: float = 20) -> tuple[Box, str]:
    return (x0, y, x1, y + height), text


def test_no_line_is_no_text() -> None:
    assert text_of([]) == ""


def test_lines_of_a_paragraph_stand_on_lines_of_their_own() -> None:
    assert text_of([full(0, "first line"), full(24, "second line"), full(48, "third")]) == "first line\nsecond line\nthird"


def test_a_wider_step_begins_a_paragraph() -> None:
    assert text_of([full(0, "one"), full(24, "two"), full(70, "three"), full(94, "four")]) == "one\ntwo\n\nthree\nfour"


def test_an_indent_begins_a_paragraph() -> None:
    assert text_of([full(0, "one"), full(24, "two"), full(48, "three", x0=75), full(72, "four")]) == "one\ntwo\n\nthree\nfour"


def test_a_line_after_a_short_one_begins_a_paragraph() -> None:
    assert text_of([full(0, "one"), full(24, "two", x1=300), full(48, "three"), full(72, "four")]) == "one\ntwo\n\nthree\nfour"


def test_a_heading_stands_apart_without_a_wider_step() -> None:
    lines = [full(0, "A Title", height=36, x1=300), full(38, "body text that is long"), full(62, "and goes on")]
    assert text_of(lines) == "A Title\n\nbody text that is long\nand goes on"


def test_only_clearly_taller_lines_are_headings() -> None:
    boxes = np.array([[0, 0, 100, 36], [0, 40, 500, 60], [0, 64, 500, 86], [0, 90, 500, 110]], dtype=np.float64)
    assert find_headings(boxes, [7, 60, 60, 60]) == [True, False, False, False]


def test_cells_of_a_row_are_divided_by_a_tab_and_near_pieces_by_a_space() -> None:
    row = [full(0, "Barley", x0=50, x1=150), full(1, "7", x0=300, x1=320), full(0, "sacks", x0=328, x1=400)]
    assert text_of(row) == "Barley\t7 sacks"


def test_a_full_column_goes_on_in_the_next_one() -> None:
    left = [full(24 * k, f"left {k}", x0=50, x1=330) for k in range(4)]
    right = [full(24 * k, f"right {k}", x0=380, x1=660) for k in range(4)]
    assert text_of(left + right).count("\n\n") == 0
