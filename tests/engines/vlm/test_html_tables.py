"""Tables: what a table is made of stays, what could run goes, what only looks like a tag is text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.vlm.html_tables import INLINE_TAGS, TABLE_TAGS, bare_tables


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        (
            '<table><tr><td rowspan="2" colspan=3>a</td></tr></table>',
            '<table><tr><td rowspan="2" colspan="3">a</td></tr></table>',
        ),
        ("<TABLE border=1 onload=\"x()\"><TR><TH class='b'>a</TH></TR></TABLE>", "<table><tr><th>a</th></tr></table>"),
        ("<table><td>a<br/>b<sup>2</sup></td></table>", "<table><td>a<br>b<sup>2</sup></td></table>"),
        ("<table><td><b onclick=x>a</b></td></table>", "<table><td>&lt;b onclick=x>a</b></td></table>"),
        ("<table><td><script>f()</script></td></table>", "<table><td>&lt;script>f()&lt;/script></td></table>"),
        ("<table><td>p<0.05, a<b and c>d</td></table>", "<table><td>p<0.05, a&lt;b and c>d</td></table>"),
        ("<table><td><table><td>in</td></table><img src=x></td></table><img>", None),
        ("<table><tr><td></td><td", "<table><tr><td></td><td"),
        ("Print <script>alert(1)</script> and <td class=x>.", "Print <script>alert(1)</script> and <td class=x>."),
        ("no table", "no table"),
    ],
)
def test_tables_become_bare_and_other_text_stays(written: str, bare: str | None) -> None:
    expected = bare or "<table><td><table><td>in</td></table>&lt;img src=x></td></table><img>"
    assert bare_tables(written) == expected


PARTS = st.sampled_from(
    [
        "<table>",
        "</table>",
        "<table a=b>",
        "<tr>",
        '<td colspan="2" onclick="x">',
        "</td>",
        "<script>",
        "<b>",
        "<br/>",
        "<",
        ">",
        "a",
        "\n",
    ]
)


@given(st.lists(PARTS, max_size=40).map("".join))
def test_between_the_first_table_tag_and_its_end_only_allowed_tags_are_left(text: str) -> None:
    bare = bare_tables(f"<table>{text}")
    inside = bare[: bare.index("</table>")] if "</table>" in bare else bare
    for name, attributes in re.findall(r"</?([A-Za-z]\w*)([^<>]*)>", inside):
        assert name in TABLE_TAGS | INLINE_TAGS
        assert re.fullmatch(r'(?: (?:row|col)span="\d+")*', attributes)


@given(st.lists(PARTS, max_size=40).map("".join))
def test_bare_tables_are_bare_and_keep_what_is_between_the_tags(text: str) -> None:
    once = bare_tables(text)
    assert bare_tables(once) == once
    tag = r"<[^<>]*>|&lt;"
    assert re.sub(tag, "", once).count("a") >= re.sub(tag, "", text).count("a")
