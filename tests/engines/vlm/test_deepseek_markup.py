"""DeepSeek-OCR's markup: the documented grammar, damage of every kind, and what no damage may do."""

import re
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engines.vlm.deepseek_markup import LABELS, read_deepseek
from pipeline.engines.vlm.reading import ReadPage
from pipeline.records import Block
from tests.engines.vlm.outputs import EOS, ref

WIDTH_PT, HEIGHT_PT = 999.0, 1998.0
"""A bin is a point wide and two points high."""
TAG_LIKE = re.compile(r"[<\uff1c][|\uff5c\u2502\u00a6][/\w\u2581\u200b-\u202e-]{3,64}[|\uff5c\u2502\u00a6][>\uff1e]|<image>")


def read(output: str) -> ReadPage:
    return read_deepseek(output, width_pt=WIDTH_PT, height_pt=HEIGHT_PT)


PAPER = (
    ref("title", "[[115, 83, 845, 130]]", "# Tides of the Northern Estuary  \n\n")
    + ref("text", "[[123, 152, 829, 205]]", "Ada Brook \\(^{1*}\\) and Jon Reed \\(^{2}\\)  \n\n")
    + ref("sub_title", "[[460, 283, 537, 301]]", "## 1 Introduction  \n\n")
    + ref("text", "[[114, 311, 884, 558]]", "High- water marks rise by \\(+10.6\\%\\) in spring.  \n\n")
    + ref("image", "[[131, 620, 863, 840]]")
    + ref("image_caption", "[[115, 853, 883, 887]]", "<center>Figure 1: Long-term mean. </center>  \n\n")
    + ref("equation", "[[120, 890, 275, 900]]", "\\[ h \\coloneqq a \\sin t \\eqqcolon g \\]  \n\n")
    + ref("table", "[[120, 905, 874, 950]]")
    + ref(
        "table_caption",
        "[[113, 900, 880, 904]]",
        'Table 1. Heights.   \n\n<table><tr><th rowspan="2">Port</th></tr></table>\n\n',
    )
    + ref("page_number", "[[490, 955, 510, 970]]", f"7{EOS}")
)
"""Laid out as the model lays out a paper: spaces at line ends, an image followed at once by its caption, a table's HTML after
its caption (docling-project/docling e1cb2b2, tests/data/md_deepseek/sources; deepseek-ai/DeepSeek-OCR issue 295)."""


def test_a_page_of_the_documented_grammar_gives_clean_markdown() -> None:
    page = read(PAPER)
    assert page.flags == ()
    assert page.text.split("\n\n") == [
        "# Tides of the Northern Estuary",
        "Ada Brook \\(^{1*}\\) and Jon Reed \\(^{2}\\)",
        "## 1 Introduction",
        "High-water marks rise by \\(+10.6\\%\\) in spring.",
        "![](#box=131.0,1240.0,863.0,1680.0)",
        "Figure 1: Long-term mean.",
        "\\[ h := a \\sin t =: g \\]",
        "Table 1. Heights.",
        '<table><tr><th rowspan="2">Port</th></tr></table>',
        "7",
    ]


def test_every_ref_becomes_a_block_with_our_label_and_its_box_in_points() -> None:
    blocks = read(PAPER).blocks
    labels = ["heading", "text", "heading", "text", "figure", "caption", "equation", "caption", "table", "page_number"]
    assert [block.label for block in blocks] == labels
    assert blocks[0].box_pt == (115.0, 166.0, 845.0, 260.0)
    assert blocks[4].text == ""
    assert blocks[8] == Block(
        label="table", text='<table><tr><th rowspan="2">Port</th></tr></table>', box_pt=(120.0, 1810.0, 874.0, 1900.0)
    )


def test_bins_reach_from_edge_to_edge() -> None:
    page = read_deepseek(ref("text", "[[0, 0, 999, 999]]", "a"), width_pt=612.0, height_pt=792.0)
    assert page.blocks[0].box_pt == (0.0, 0.0, 612.0, 792.0)


def test_several_boxes_of_one_ref_are_one_block_around_all() -> None:
    page = read(ref("text", "[[500, 10, 900, 20], [100, 400, 450, 410]]", "Over two columns."))
    assert page.blocks == (Block(label="text", text="Over two columns.", box_pt=(100.0, 20.0, 900.0, 820.0)),)
    assert page.flags == ()


def test_headers_and_footers_stay_in_the_text_for_cleaning_to_find() -> None:
    page = read(ref("header", "[[1, 2, 30, 4]]", "Annual Report\n") + ref("footer", "[[1, 990, 30, 995]]", "Page 3 of 9"))
    assert page.text == "Annual Report\n\nPage 3 of 9"
    assert [block.label for block in page.blocks] == ["header", "footer"]


def test_a_label_the_model_was_not_documented_to_write_is_kept() -> None:
    page = read(ref("stamp", "[[1, 2, 3, 4]]", "PAID"))
    assert page.blocks[0].label == "stamp"
    assert page.flags == ()


def test_a_label_that_is_no_word_is_text_of_the_page() -> None:
    page = read(ref("合計 300 円", "[[1, 2, 3, 4]]"))
    assert [(block.label, block.text) for block in page.blocks] == [("text", "合計 300 円")]
    assert page.text == "合計 300 円"


@pytest.mark.parametrize("output", ["Plain words.\n\n\n\nMore.", f"Plain words.\n\nMore.{EOS}"])
def test_the_plain_prompts_output_is_text_without_blocks(output: str) -> None:
    assert read(output) == ReadPage(text="Plain words.\n\nMore.", blocks=(), flags=())


def test_an_empty_output_is_an_empty_page() -> None:
    assert read("") == read(EOS) == ReadPage(text="", blocks=(), flags=())


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("large- scale and 2025- 02- 18", "large-scale and 2025-02-18"),
        ("pre- and post- war", "pre- and post-war"),
        ("Initial Condition- One link exists", "Initial Condition- One link exists"),
        ("BV- 10- C", "BV-10-C"),
        ("a - b", "a - b"),
        ("- item", "- item"),
        ("Vor- und Nachteile", "Vor- und Nachteile"),
    ],
)
def test_the_space_that_the_model_writes_after_hyphens_of_running_text_goes(written: str, kept: str) -> None:
    assert read(ref("text", "[[1, 2, 3, 4]]", written)).text == kept
    assert read(ref("sub_title", "[[1, 2, 3, 4]]", written)).text == written


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (f"Before.\n{ref('text', '[[1, 2, 3', 'After.')}", "Before.\n\nAfter."),
        ("<|ref|>text<|/ref|>\u6210\u4e3a 17  \n\n", "\u6210\u4e3a 17"),
        ("<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]\n2025 was wet.", "2025 was wet."),
        (
            "<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]\nOne.<|ref|>text<|/ref|><|det|>[[5, 6, 7, 8]]<|/det|>\nTwo.",
            "One.\n\nTwo.",
        ),
        ("<|ref|>title\n# Whole\n" + ref("text", "[[1, 2, 3, 4]]", "Body."), "# Whole\n\nBody."),
        ("<|ref|>text<|ref|>table<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nNested.", "Nested."),
        ("A.<|/ref|>B.<|/det|>C.", "A.\n\nB.\n\nC."),
        ("A.<|det|>[[1, 2, 3, 4]]<|/det|>B.", "A.\n\nB."),
        ("The end.\n<|re", "The end."),
        ("The end.\n<|ref|", "The end."),
        ("The end.\n<|ref|>sub_ti", "The end."),
        ("The end.\n<|ref|>text<|/re", "The end."),
        ("The end.\n<|ref|>text<|/ref|><|det|>[[12, 3", "The end."),
        ("The end.\n<|ref|>text<|/ref|><|det|>[[12, 3, 4, 5]]<|/d", "The end."),
        ("One<|grounding|>two <|User|>three", "One two  three"),
        ("<image>\nRead me <\uff5c\u2581pad\u2581\uff5c> twice <\uff5cUser\uff5c>", "Read me   twice"),
        ("Look \uff1c|ref|\uff1e alike <\u2502det\u2502> and <|\u202eref|> hidden", "Look   alike   and   hidden"),
        ("Mended <|r- ef|> into a tag", "Mended   into a tag"),
        ("<|re<|ref|>f|> and <|re<|grounding|>f|>", "<|re\n\nf|> and <|re f|>"),
    ],
)
def test_damaged_markup_is_repaired_and_flagged(output: str, text: str) -> None:
    page = read(output)
    assert page.text == text
    assert page.flags == ("markup_damaged",)


@pytest.mark.parametrize(
    "box",
    [
        *("[[1,2,3]]", "[[1,2,3,4,5]]", "[]", "", "[[1,2,3,4]", "[[1,2,3,4]]]", "[[1;2;3;4]]", "[[a,b,c,d]]", "{1:2}"),
        *("__import__('os').system('true')", "[[1,2,3,1e9]]", "[[[1,2,3,4]]]", "[[1,2,3,nan]]", f"[[1,2,3,{'9' * 5000}]]"),
    ],
)
def test_a_det_that_is_no_list_of_boxes_gives_text_without_a_block(box: str) -> None:
    assert read(ref("text", box, "Kept.")) == ReadPage(text="Kept.", blocks=(), flags=("markup_damaged",))


@pytest.mark.parametrize("box", ["[[-5, 10, 1200, 20]]", "[[900, 20, 0, 10.5]]"])
def test_boxes_are_put_in_order_and_on_the_page(box: str) -> None:
    x0, y0, x1, y1 = read(ref("text", box, "Kept.")).blocks[0].box_pt
    assert 0.0 <= x0 <= x1 <= WIDTH_PT
    assert 0.0 <= y0 <= y1 <= HEIGHT_PT


def test_coordinates_beyond_the_bins_are_damage() -> None:
    assert read(ref("text", "[[-5, 10, 1200, 20]]", "Kept.")).flags == ("markup_damaged",)


def test_the_text_can_be_encoded_and_holds_no_control_characters() -> None:
    page = read(ref("text", "[[1, 2, 3, 4]]", "nul \x00 half \ud83d bell \x07 return\r\nrow") + "<|r\x00ef|>")
    page.text.encode("utf-8")
    assert page.text == "nul  half \ufffd bell  return\nrow"


HOSTILE: dict[str, str] = {
    "refs": "<|ref|>" * 150_000,
    "closed refs": "<|ref|>a<|/ref|>" * 60_000,
    "open dets": "<|ref|>table<|/ref|><|det|>" * 40_000,
    "one det of numbers": "<|ref|>text<|/ref|><|det|>[[" + "1," * 500_000,
    "boxes": "<|ref|>text<|/ref|><|det|>[" + "[1,2,3,4]," * 100_000 + "]<|/det|>",
    "brackets": "<|det|>" + "[" * 1_000_000,
    "halves": "<|" * 500_000,
    "tables": "<table" * 170_000,
    "spaces": " " * 1_000_000 + "x",
    "lines": " \n" * 500_000 + "x",
    "ends": (" " + EOS) * 50_000 + "x",
    "captions": ref("table", "[[1,2,3,4]]") * 20_000 + ref("table_caption", "[[1,2,3,4]]", "<table") * 20_000,
    "figures": "![" * 500_000,
}


@pytest.mark.parametrize("output", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(60)
def test_a_megabyte_of_hostile_markup_takes_a_second_where_a_square_would_take_hours(output: str) -> None:
    page = read(output)
    assert not TAG_LIKE.search(page.text)


WORD = st.sampled_from(["rain", "fell", "17", "mill", "sacks", "\u00fcber", "\u6c34\u4f4d", "\\(x_1\\)", "3.5%"])
WORDS = st.lists(WORD, min_size=1, max_size=12).map(" ".join)
COORDINATE = st.integers(0, 999)
BOX = st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE).map(list)
INTACT = st.lists(
    st.tuples(st.sampled_from([*LABELS, "stamp"]), st.lists(BOX, min_size=1, max_size=3), WORDS), min_size=1, max_size=8
)
SHARDS = st.sampled_from(
    [
        *(
            "<|ref|>",
            "<|/ref|>",
            "<|det|>",
            "<|/det|>",
            "<|re",
            "f|>",
            "<",
            "|",
            ">",
            "|>",
            "<|",
            "[[1, 2, 3, 4]]",
            "[[1,2",
            "]]",
        ),
        *(
            "text",
            "table",
            "image",
            "\n",
            " ",
            EOS,
            "<|grounding|>",
            "<image>",
            "<|User|>",
            "\x00",
            "\ud800",
            "\u202e",
            "\u200b",
        ),
        *(
            "<table>",
            "<td>",
            "</table>",
            "<script>",
            "<center>",
            "</center>",
            "![",
            "](",
            "\uff1c",
            "\uff5c",
            "\uff1e",
            "- ",
            "-1",
        ),
    ]
)


Written = list[tuple[str, list[list[int]], str]]
"""Label, boxes and content of each block."""


def written(blocks: Written) -> str:
    return "\n\n".join(ref(label, str(boxes), content) for label, boxes, content in blocks)


@given(INTACT)
def test_intact_pages_lose_nothing_and_every_block_is_in_the_text_in_order(
    blocks: Written,
) -> None:
    page = read(written(blocks))
    assert page.flags == ()
    assert [block.text for block in page.blocks] == [content for _, _, content in blocks]
    text_alone = re.sub(r"!\[\]\(#box=[\d.,]+\)\n\n", "", page.text)
    assert text_alone == "\n\n".join(content for _, _, content in blocks)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """An intact page with pieces put in, taken out, doubled, and cut off."""
    output = written(draw(INTACT))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(output)))
        until = min(len(output), at + draw(st.integers(0, 30)))
        change: Callable[[str], str] = draw(st.sampled_from([lambda s: "", lambda s: s + s, lambda s: s[::-1]]))
        output = output[:at] + draw(SHARDS) + change(output[at:until]) + output[until:]
    return output[: draw(st.integers(0, len(output)))] if draw(st.booleans()) else output


@settings(max_examples=400)
@given(st.one_of(mutated(), st.lists(SHARDS, max_size=40).map("".join), st.text(alphabet=st.characters(), max_size=60)))
def test_no_output_raises_leaks_a_tag_or_leaves_the_page(output: str) -> None:
    page = read(output)
    assert set(page.flags) <= {"markup_damaged"}
    for text in (page.text, *(block.text for block in page.blocks)):
        text.encode("utf-8")
        assert not TAG_LIKE.search(text), text
        assert text == text.strip()
        assert "\n\n\n" not in text
    for block in page.blocks:
        x0, y0, x1, y1 = block.box_pt
        assert 0.0 <= x0 <= x1 <= WIDTH_PT
        assert 0.0 <= y0 <= y1 <= HEIGHT_PT
        assert block.label.encode()
        assert block.text in page.text


@given(INTACT, st.integers(0, 7), SHARDS)
def test_damage_in_one_block_leaves_the_words_of_the_others(blocks: Written, at: int, shard: str) -> None:
    damaged = [ref(label, str(boxes), content) for label, boxes, content in blocks]
    damaged[at % len(blocks)] = f"<|ref|>text{shard}"
    text = read("\n\n".join(damaged)).text
    for index, (_, _, content) in enumerate(blocks):
        if index not in (at % len(blocks), at % len(blocks) + 1):
            assert content in text


def test_parsing_is_safe_in_threads() -> None:
    results: list[ReadPage] = []
    threads = [threading.Thread(target=lambda: results.append(read(PAPER))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [read(PAPER)] * 4
