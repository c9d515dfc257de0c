"""The figures that judge an engine: what counts as an error, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.quality.scoring import (
    Agreement,
    BoxedText,
    compare_boxed,
    compare_text,
    join_hyphens,
    match_by_boxes,
    normalise,
    order_by_content,
    repair_tex_accents,
    total,
    without_markdown,
    without_order,
)


def words_of(lines: list[BoxedText]) -> list[BoxedText]:
    """The words of each line, side by side in its box."""
    words: list[BoxedText] = []
    for line in lines:
        x0, y0, x1, y1 = line.box_pt
        parts = line.text.split()
        step = (x1 - x0) / len(parts)
        words += [BoxedText(word, (x0 + i * step, y0, x0 + (i + 1) * step, y1)) for i, word in enumerate(parts)]
    return words


def column(texts: list[str], x: float) -> list[BoxedText]:
    return [BoxedText(text, (x, 20.0 * row, x + 200.0, 20.0 * row + 14.0)) for row, text in enumerate(texts)]


LEFT = column(["the first line of the left column", "goes on here and", "ends here"], 0)
RIGHT = column(["only then begins the other", "column on the right with", "more to say"], 220)


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("\u201cyes\u201d \u2018no\u2019", "\"yes\" 'no'"),
        ("1914\u20131918 \u2014 \u2212 5", "1914-1918 - - 5"),
        ("\u2022 first", "\u00b7 first"),
        ("\ufb01ne \ufb02ow e\ufb03cient", "fine flow efficient"),
        ("Wa\u017f\u017fer", "Wasser"),
        ("scho\u0364n", "sch\u00f6n"),
        ("wait\u2026", "wait..."),
        ("\uff08full\uff0cwidth\uff09", "(full,width)"),
        ("x\u00b2 \u00bd", "x2 1/2"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        (" much \n\t space\u00a0here ", "much space here"),
    ],
)
def test_signs_that_look_alike_are_one_sign(printed: str, read: str) -> None:
    assert normalise(printed) == normalise(read) == read


@pytest.mark.parametrize(("left", "right"), [("a", "A"), ("\u00e9", "e"), ("\u00ab", '"'), ("0", "O"), ("1", "l"), (".", ",")])
def test_signs_that_differ_in_print_stay_apart(left: str, right: str) -> None:
    assert normalise(left) != normalise(right)


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_words_broken_at_a_line_end_are_joined_and_ranges_are_not() -> None:
    assert join_hyphens("an exam-\nple and re-  \r\n  read, 1914-\n1918, end -\nnext") == (
        "an example and reread, 1914-\n1918, end -\nnext"
    )


def test_markdown_marks_go_and_the_printed_text_stays() -> None:
    markdown = (
        "---\nlanguage: en\n---\n# Title\n\nSome **bold** text, a [link](http://x.org/a) and C# at 5 * 3.<!-- image -->\n\n"
        "| a | b |\n|---|:-:|\n| 1 | 2 |\n"
    )
    assert normalise(without_markdown(markdown)) == "Title Some bold text, a link and C# at 5 * 3. a b 1 2"


def test_accents_that_tex_stores_before_their_letter_are_put_on_it() -> None:
    assert repair_tex_accents("caf\u00b4e na\u00a8\u0131ve G\u00a8odel") == "caf\u00e9 na\u00efve G\u00f6del"
    assert repair_tex_accents("`` and 5\u00b4 stay") == "`` and 5\u00b4 stay"


def test_a_page_read_right_has_no_errors() -> None:
    page = compare_boxed(LEFT + RIGHT, words_of(LEFT + RIGHT))
    assert (page.cer, page.cer_spaced, page.cer_page_order, page.word_f1) == (0.0, 0.0, 0.0, 1.0)
    assert page.num_pages == 1


def test_lines_mixed_across_columns_cost_page_order_but_not_recognition() -> None:
    mixed = [line for pair in zip(LEFT, RIGHT, strict=True) for line in pair]
    page = compare_boxed(mixed, words_of(LEFT + RIGHT))
    assert page.cer == 0.0
    assert page.cer_spaced == 0.0
    assert page.cer_page_order > 0.3
    assert page.word_f1 == 1.0


def test_lines_mixed_across_columns_are_put_right_by_content_where_there_are_no_boxes() -> None:
    mixed = [line.text for pair in zip(LEFT, RIGHT, strict=True) for line in pair]
    truth = "\n".join(line.text for line in LEFT + RIGHT)
    page = compare_text(mixed, "\n".join(mixed), truth)
    assert page.cer == 0.0
    assert page.cer_page_order > 0.3


def test_one_wrong_sign_in_a_hundred_is_one_percent() -> None:
    truth = "abcde fghij " * 10
    page = compare_text([truth.replace("j", "i", 1)], truth.replace("j", "i", 1), truth)
    assert page.num_chars == 100
    assert page.cer == page.cer_page_order == pytest.approx(0.01)
    assert page.word_recall == page.word_precision == pytest.approx(0.95)


def test_glued_words_cost_only_the_rate_with_spaces_and_the_words() -> None:
    page = compare_boxed([BoxedText("twowords", (0, 0, 90, 10))], words_of([BoxedText("two words", (0, 0, 90, 10))]))
    assert page.cer == 0.0
    assert page.cer_spaced == pytest.approx(1 / 9)
    assert page.word_f1 == 0.0


def test_a_page_not_read_at_all_is_all_errors() -> None:
    page = compare_boxed([], words_of(LEFT))
    assert page.cer == page.cer_page_order == 1.0
    assert (page.word_recall, page.word_precision, page.word_f1) == (0.0, 1.0, 0.0)


def test_text_invented_on_an_empty_page_is_counted() -> None:
    page = compare_boxed([BoxedText("ghost", (0, 0, 9, 9))], [])
    assert page.num_errors == 5
    assert page.word_precision == 0.0


def test_a_word_that_two_lines_hold_goes_to_the_nearer_one() -> None:
    upper, lower = BoxedText("upper", (0, 0, 100, 22)), BoxedText("lower", (0, 14, 100, 36))
    words = [BoxedText("upper", (0, 4, 40, 14)), BoxedText("lower", (0, 14, 40, 30))]
    assert match_by_boxes([lower, upper], words) == ("upper\nlower", "upper lower")


def test_a_line_with_no_true_word_stands_beside_its_neighbour() -> None:
    stray = BoxedText("stray", (0, 35, 10, 37))
    read, _ = match_by_boxes([stray, *LEFT], words_of(LEFT))
    assert read.splitlines() == [LEFT[0].text, LEFT[1].text, "stray", LEFT[2].text]


def test_a_line_across_two_columns_is_held_against_the_words_it_covers() -> None:
    across = [BoxedText(f"{a.text} {b.text}", (0, a.box_pt[1], 420, a.box_pt[3])) for a, b in zip(LEFT, RIGHT, strict=True)]
    page = compare_boxed(across, words_of(LEFT + RIGHT))
    assert page.cer == page.cer_spaced == 0.0
    assert page.cer_page_order > 0.3


def test_cells_stored_column_by_column_or_backwards_do_not_cost_a_row_that_is_read_right() -> None:
    cells = [BoxedText(text, (x, y, x + 20, y + 10)) for x, y, text in ((40, 0, "b"), (40, 20, "d"), (0, 0, "a"), (0, 20, "c"))]
    rows = [BoxedText("a b", (0, 0, 60, 10)), BoxedText("c d", (0, 20, 60, 30))]
    assert compare_boxed(rows, cells).num_errors == 0


def test_an_unread_word_is_an_error_at_its_own_place() -> None:
    page = compare_boxed([LEFT[0], LEFT[2]], words_of(LEFT))
    assert page.num_errors == len("goesonhereand")


def test_a_page_without_a_known_order_counts_for_recognition_alone() -> None:
    page = without_order(compare_boxed([], words_of(LEFT)))
    assert (page.cer, page.cer_page_order, page.num_chars_ordered) == (1.0, 0.0, 0)


def test_repeated_lines_never_make_the_matched_rate_worse_than_the_page_order() -> None:
    lines = ["lorem ipsum dolor", "sit amet lorem", "ipsum dolor sit", "amet lorem ipsum"] * 3
    page = compare_text(lines, "\n".join(lines), " ".join(lines))
    assert page.cer == page.cer_page_order == 0.0


def test_a_short_line_follows_the_line_before_it() -> None:
    assert order_by_content(["second line here", "7", "first line there"], "first line there second line here 7") == [2, 0, 1]


def test_a_truth_joined_by_hand_costs_nothing_where_the_page_breaks_words() -> None:
    page = compare_text(["a hyphen-", "ated word"], "a hyphen-\nated word", "a hyphenated word")
    assert page.cer == page.cer_spaced == page.cer_page_order == 0.0


def test_long_pages_weigh_more_than_short_ones() -> None:
    whole = total([Agreement(num_pages=1, num_chars=900, num_errors=0), Agreement(num_pages=1, num_chars=100, num_errors=100)])
    assert (whole.num_pages, whole.cer) == (2, 0.1)


def test_no_pages_make_an_empty_sum() -> None:
    assert total([]) == Agreement()


@given(st.lists(st.text(alphabet="abc dE\u00e9\u4e00", min_size=1).filter(str.strip), min_size=1, max_size=6), st.randoms())
def test_the_order_of_the_lines_never_changes_the_matched_rate(texts: list[str], random: object) -> None:
    lines = column(texts, 0)
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert compare_boxed(shuffled, words_of(lines)).num_errors == 0


@given(st.text(max_size=60), st.text(max_size=60))
def test_rates_are_zero_for_equal_texts_only_and_never_negative(read: str, truth: str) -> None:
    page = compare_boxed([BoxedText(read, (0, 0, 1, 1))], [BoxedText(truth, (0, 0, 1, 1))])
    assert (page.num_errors == 0) == (normalise(read).replace(" ", "") == normalise(truth).replace(" ", ""))
    assert page.num_errors <= page.num_errors_spaced
    assert page.num_words_shared <= min(page.num_words, page.num_words_read)


@given(st.lists(st.text(max_size=20), max_size=8), st.text(max_size=80))
def test_every_line_is_placed_once(lines: list[str], truth: str) -> None:
    assert sorted(order_by_content(lines, truth)) == list(range(len(lines)))
