"""Pages to one text: what goes on over a page's end goes on in the text, what does not is kept apart, and spans stay exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.publishing.join import join_pages

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PROSE = st.sampled_from(
    [
        "The miller opens the sluice before dawn so that the",
        "vats are warm when the first carts arrive from town.",
        "the rags are cut into strips and left to soft-",
        "en for nine days under wet canvas, and",
        "# A heading",
        "| a | b |",
    ]
)


def joined(*pages: str) -> str:
    return join_pages(range(len(pages)), pages)[0]


@given(st.lists(st.tuples(st.booleans(), LETTERS | PROSE), max_size=6))
def test_spans_laid_end_to_end_are_the_text_and_hold_their_pages(pages: list[tuple[bool, str]]) -> None:
    indices, texts = [], []
    for skips, text in pages:
        indices.append((indices[-1] if indices else 0) + 1 + skips)
        texts.append(text)
    text, page_ends = join_pages(indices, texts)
    spans = [text[start:end] for start, end in zip((0, *page_ends), page_ends, strict=False)]
    assert "".join(spans) == text
    assert [span.strip().rstrip("-") for span in spans] == [each.strip().rstrip("-") for each in texts]


def test_a_sentence_that_goes_on_gets_a_blank() -> None:
    text, page_ends = join_pages(
        (4, 5), ("It stands below the weir, where the current", "is strong enough to turn two wheels.")
    )
    assert text == "It stands below the weir, where the current is strong enough to turn two wheels."
    assert text[: page_ends[0]] == "It stands below the weir, where the current "


def test_a_word_that_runs_over_the_page_is_whole_and_one_with_a_hyphen_of_its_own_keeps_it() -> None:
    assert joined("Here is one more of the many an exam-", "ple of this kind.").endswith("an example of this kind.")
    known = "A well-known mill of the valley stands here.\n\nIt is by far the most well-"
    assert joined(known, "known of them all.").endswith("the most well-known of them all.")


def test_a_sentence_goes_on_in_a_script_without_spaces_or_capitals() -> None:
    first, second = (
        "水车在堰下转动河水在那里变窄水流足以同时带动两个轮子春天磨坊",
        "主在黎明前打开水闸这样第一批车辆从镇上到达时大桶是温热的。",
    )
    assert joined(first, second) == first + second
    assert joined(first + "。", second) == f"{first}。\n\n{second}"


@pytest.mark.parametrize(
    ("page", "following"),
    [
        ("The first cart arrives from the town at noon.", "the second one comes later in the day."),
        ("Is that what all of the millers said?", "asked the carter on the bridge that morning."),
        ("It stands below the weir, where the current", "Is strong enough to turn two wheels."),
        ("It stands below the weir, where the current", "is\n\nUsage of the function in a program"),
        ("A label of three", "words that go on here for a while."),
        ("# How the mill below the old weir works and", "why it works as well as it does."),
        ("| the mill | the weir | the vat | the river | and", "then some text goes on in small letters."),
        ("It stands below the weir, where the current", "| is | strong | enough |"),
        ("It stands below the weir, where the current", "- is strong enough to turn two wheels."),
        ("Text of the page.\n\n3 See the book of the miller, and all that", "goes on above the note."),
        ("THE MILL BELOW THE WEIR AND ALL THAT", "it does for the people of the town."),
        ("12 34 56 78 90 12 34 56 78", "and some more text of this kind."),
    ],
    ids=[
        *("sentence end", "question", "capital", "heading in small letters", "short line", "heading", "table before"),
        *("table after", "list", "footnote", "capitals", "numbers"),
    ],
)
def test_what_may_not_go_on_is_kept_apart(page: str, following: str) -> None:
    assert joined(page, following) == f"{page}\n\n{following}"


def test_pages_with_one_left_out_between_them_are_kept_apart() -> None:
    pages = ("It stands below the weir, where the current", "is strong enough to turn two wheels.")
    assert join_pages((0, 2), pages)[0] == "\n\n".join(pages)
