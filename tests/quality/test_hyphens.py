"""Words broken at a line's end, with the document's own words as the judge."""

import pytest

from pipeline.quality.hyphens import join_line_ends, resolve_printed_hyphens


@pytest.mark.parametrize(
    ("page", "joined"),
    [
        ("infor-\nmation is", "information is"),
        ("well-\nknown and well-known", "well-known and well-known"),
        ("a cooperation: co-\noperation", "a cooperation: cooperation"),
        ("Donaudampf-\nschiff", "Donaudampfschiff"),
        ("Baden-\nBaden", "Baden-Baden"),
        ("die US-\nRegierung", "die US-Regierung"),
        ("Vor-\nund Nachteile", "Vor- und Nachteile"),
        ("e-\nmail", "e-mail"),
        ("prépara-\ntion générale", "préparation générale"),
        ("инфор-\nмация", "информация"),
        ("πληρο-\nφορία", "πληροφορία"),
        ("INFOR-\nMATION and information", "INFORMATION and information"),
        ("2019-\n2020 and x-\n7", "2019-\n2020 and x-\n7"),
        ("first -\nsecond", "first -\nsecond"),
        ("中文-\n文字", "中文-\n文字"),
        ("un-\nbe-\nlievable", "unbelievable"),
        ("end-  \n   ing", "ending"),
        ("a list:\n- item", "a list:\n- item"),
    ],
)
def test_a_break_is_resolved_by_its_letters_and_the_documents_words(page: str, joined: str) -> None:
    assert join_line_ends([page]) == [joined]


def test_the_judging_word_may_stand_on_another_page() -> None:
    assert join_line_ends(["a self-\nmade man", "they are self-made"])[0] == "a self-made man"
    assert join_line_ends(["a self-\nmade man", "they are selfmade"])[0] == "a selfmade man"


def test_a_word_broken_over_a_page_moves_to_where_it_begins() -> None:
    assert join_line_ends(["He gave infor-", "mation, and left."]) == ["He gave information,", "and left."]


@pytest.mark.parametrize("following", ["Mation", "42 men", "- item", "", "# heading"])
def test_a_page_that_ends_in_a_hyphen_is_left_alone_when_the_next_does_not_go_on(following: str) -> None:
    assert join_line_ends(["He gave infor-", following]) == ["He gave infor-", following]


@pytest.mark.parametrize(
    ("page", "resolved"),
    [
        ("infor\x02mation", "information"),
        ("floating\x02point and floating-point", "floating-point and floating-point"),
        ("infor\x02\nmation", "information"),
    ],
)
def test_pdfiums_hyphen_mark_is_judged_the_same_way(page: str, resolved: str) -> None:
    assert resolve_printed_hyphens([page]) == [resolved]
