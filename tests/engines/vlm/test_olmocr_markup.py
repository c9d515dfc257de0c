"""olmOCR-2's output: front matter off, figures marked with boxes in points, damage flagged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engines.vlm.olmocr_markup import read_olmocr
from pipeline.engines.vlm.reading import ReadPage
from pipeline.records import Block

FRONT_MATTER = """---
primary_language: en
is_rotation_valid: True
rotation_correction: 0
is_table: False
is_diagram: False
---
"""
"""As the model card of allenai/olmOCR-2-7B-1025 shows it."""


def read(output: str) -> ReadPage:
    """A page of 322 by 644 points that the model saw at 644 by 1288 pixels: two pixels a point."""
    return read_olmocr(output, width_pt=322.0, height_pt=644.0, longest_side_px=1288)


def test_the_documented_output_gives_its_text() -> None:
    page = read(
        FRONT_MATTER + "# Tides\n\nRise of \\( 3 \\) m.  \n\n\n\n<table>\n<tr>\n<td class='x'>a</td>\n</tr>\n</table><|im_end|>"
    )
    assert page.text == "# Tides\n\nRise of \\( 3 \\) m.\n\n<table>\n<tr>\n<td>a</td>\n</tr>\n</table>"
    assert (page.blocks, page.flags) == ((), ())


def test_a_page_without_text_is_empty_and_whole() -> None:
    no_text = FRONT_MATTER.replace(" en", " None").rstrip()
    assert read(no_text) == read(no_text + "\n") == ReadPage(text="", blocks=(), flags=())


@pytest.mark.parametrize(
    ("spelling", "flags"),
    [
        ("is_table: true", ()),
        ('is_table: "False"', ()),
        ("is_table: maybe", ("front_matter_damaged",)),
        ("is_table:", ("front_matter_damaged",)),
    ],
)
def test_values_are_checked(spelling: str, flags: tuple[str, ...]) -> None:
    page = read(FRONT_MATTER.replace("is_table: False", spelling) + "Text.")
    assert (page.text, page.flags) == ("Text.", flags)


@pytest.mark.parametrize("degrees", ["90", "180", "270"])
def test_a_page_that_the_model_calls_turned_is_flagged_with_the_turn(degrees: str) -> None:
    turned = FRONT_MATTER.replace("True", "False").replace("correction: 0", f"correction: {degrees}")
    assert read(turned + "Text.") == ReadPage(text="Text.", blocks=(), flags=(f"rotation_{degrees}",))


def test_a_turn_that_the_model_calls_valid_is_no_turn() -> None:
    assert read(FRONT_MATTER.replace("correction: 0", "correction: 90") + "Text.").flags == ()


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("Text alone.", "Text alone."),
        ("", ""),
        ("---\n\nA page with a rule above.", "---\n\nA page with a rule above."),
        ("---\nprimary_language: en\nis_table: False\n# Title\n\nText.", "# Title\n\nText."),
        ("---\nprimary_language: en\n---\nText.", "Text."),
        ("---\nprimary_language: en\nprimary_language: de\n---\nText.", "primary_language: de\n---\nText."),
        ("---\nprimary_language: en\nis_rotation_va", "is_rotation_va"),
        ("---\nprimary_language: en\n", ""),
        ("---\nprimary_language: !!python/object/apply:os.system ['true']\n---\nText.", None),
    ],
)
def test_damaged_front_matter_is_flagged_and_the_text_kept(output: str, text: str | None) -> None:
    page = read(output)
    assert page.text == (output if text is None else text)
    assert page.flags == ("front_matter_damaged",)


def test_a_figure_becomes_a_mark_and_a_block_with_its_box_in_points() -> None:
    page = read(FRONT_MATTER + "Above.\n\n![Rain by month](page_100_200_300_400.png)\n\nBelow.")
    assert page.text == "Above.\n\n![Rain by month](#box=50.0,100.0,200.0,300.0)\n\nBelow."
    assert page.blocks == (Block(label="figure", text="Rain by month", box_pt=(50.0, 100.0, 200.0, 300.0)),)
    assert page.flags == ()


def test_a_figures_box_beyond_the_page_is_cut_and_flagged() -> None:
    page = read(FRONT_MATTER + "![](page_370_682_1012_1012.png)")
    assert page.blocks[0].box_pt == (185.0, 341.0, 322.0, 644.0)
    assert page.flags == ("figure_box_outside",)


def test_other_images_stay_as_they_are_written() -> None:
    assert read(FRONT_MATTER + "![a](page_1_2_3.png) ![b](x.png)").text == "![a](page_1_2_3.png) ![b](x.png)"


PARTS = st.sampled_from(
    [
        *(
            FRONT_MATTER,
            "---\n",
            "---",
            "primary_language: en\n",
            "is_table: ",
            "rotation_correction: 90\n",
            "\n",
            " ",
            ":",
            "\x00",
        ),
        *(
            "![a](page_1_2_3_4.png)",
            "![",
            "](page_9",
            ".png)",
            "<|im_end|>",
            "<|endoftext|>",
            "<|vision_start|>",
            "<|im",
            "\ud800",
        ),
        *("<table>", "<td>", "</table>", "<script>", "Rain fell.", "\u6c34\u4f4d"),
    ]
)


@settings(max_examples=300)
@given(st.lists(PARTS, max_size=30).map("".join))
def test_no_output_raises_leaks_a_token_or_leaves_the_page(output: str) -> None:
    page = read(output)
    page.text.encode("utf-8")
    assert not any(token in page.text for token in ("<|im_end|>", "<|endoftext|>", "<|vision_start|>", "\x00"))
    for block in page.blocks:
        x0, y0, x1, y1 = block.box_pt
        assert 0.0 <= x0 <= x1 <= 322.0
        assert 0.0 <= y0 <= y1 <= 644.0


@pytest.mark.parametrize(
    "output",
    [
        *("---\n" + "is_table: " * 100_000, "---\nis_table:" + " " * 1_000_000 + "x", "![" * 500_000, "<table" * 170_000),
        *("---\n" * 250_000, "![a](page_1_2_3_4.png)" * 45_000, " " * 1_000_000 + "x", "<|im_end|>" * 100_000 + "x"),
    ],
    ids=lambda output: output[:24],
)
@pytest.mark.timeout(60)
def test_a_megabyte_of_hostile_output_is_read_in_linear_time(output: str) -> None:
    read(output).text.encode("utf-8")
