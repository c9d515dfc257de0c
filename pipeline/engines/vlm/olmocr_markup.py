r"""olmOCR-2's output to clean Markdown: YAML front matter off, figures marked.

In: what the model wrote and the size of the page. Out: a `ReadPage`. The form is that of allenai/olmocr f7cfe4c
(`FrontMatterOutputFormat` in olmocr/train/dataloader.py, read by olmocr/train/front_matter.py):

    ---
    primary_language: en
    is_rotation_valid: True
    rotation_correction: 0
    is_table: False
    is_diagram: False
    ---
    natural text: Markdown, formulas in \( \) and \[ \], tables in HTML, figures as ![what they show](page_x_y_w_h.png)

Five lines of `key: value` need no YAML reader. A missing, strange or cut front matter is flagged `front_matter_damaged` (olmOCR
itself throws such a page away and asks again); the text is kept. Of the values one counts here: where `is_rotation_valid` is
false, `rotation_correction` becomes the flag `rotation_90`, `rotation_180` or `rotation_270`. olmOCR's pipeline then turns the
image by that much with Pillow's `Image.Transpose.ROTATE_90`, which is counterclockwise, as its training augmentation did, and
asks again, adding up the turns; its schema says "clockwise", which is what the field meant in the data before augmentation.
Language, tables and diagrams are measured on every page by the quality rules, whatever engine read it.

A figure's x, y, w, h are pixels of the image that the model saw, whose longest side is 1288. They are often wrong (olmocr issue
437, boxes beyond the page): a box that leaves the page is cut and the page flagged `figure_box_outside`. Only figures are
blocks; nothing else has a box.

For who drives the model (olmocr/pipeline.py): temperature by attempt 0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0; at most 8,000
output tokens of a context of 16,384; a page that ends by length or has invalid rotation is asked again; after 8 attempts the
text layer. Costs 0.5 ms for a page of 3.5 kB; linear.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.engines.figures import figure_mark
from pipeline.engines.vlm.html_tables import bare_tables
from pipeline.engines.vlm.reading import MARKUP_DAMAGED, ReadPage, box_on_page
from pipeline.engines.vlm.scrubbing import encodable, tidy, without_half_token, without_special_tokens
from pipeline.records import Block

FRONT_MATTER_DAMAGED = "front_matter_damaged"
FIGURE_BOX_OUTSIDE = "figure_box_outside"

FIELDS: Mapping[str, str] = {
    "primary_language": r"[a-z]{2,3}(?:-[a-z]+)?|none|null",
    "is_rotation_valid": "true|false",
    "rotation_correction": "0|90|180|270",
    "is_table": "true|false",
    "is_diagram": "true|false",
}
"""Each field and the form of its value in lower case, as olmOCR's guided decoding allows it, `none` and longer tags besides."""
RULE = "---"
FIELD_LINE = re.compile(r"[ \t]*([a-z_]{1,32})[ \t]*:[ \t]*[\"']?([\w-]{0,16})[\"']?[ \t]*")
FIGURE = re.compile(r"!\[([^\[\]\n]{0,4000})\]\(page_(\d{1,6})_(\d{1,6})_(\d{1,6})_(\d{1,6})\.png\)")


class FrontMatter(NamedTuple):
    """What stood above the text."""

    fields: Mapping[str, str]
    """Known fields, values in lower case."""
    is_whole: bool
    """Between two rules, every field there with a value of its form."""


def read_olmocr(output: str, *, width_pt: float, height_pt: float, longest_side_px: int) -> ReadPage:
    """Parses the output for a page of this size, as displayed, that the model saw scaled to `longest_side_px`."""
    whole, was_cut = without_half_token(encodable(output))
    front_matter, body = _split_front_matter(whole)
    bare, leaked = without_special_tokens(body)
    text, figures, num_outside = _mark_figures(bare_tables(bare), width_pt, height_pt, longest_side_px)
    signs = {
        MARKUP_DAMAGED: leaked or was_cut,
        FRONT_MATTER_DAMAGED: not front_matter.is_whole,
        **_rotation_signs(front_matter.fields),
        FIGURE_BOX_OUTSIDE: num_outside > 0,
    }
    return ReadPage(text=tidy(text), blocks=tuple(figures), flags=tuple(name for name, holds in signs.items() if holds))


def _split_front_matter(output: str) -> tuple[FrontMatter, str]:
    """Front matter ends at its second rule, or before the first line that is no field of its own; a page that begins with a
    rule and no field keeps the rule."""
    lines = output.lstrip().split("\n", len(FIELDS) + 2)
    fields: dict[str, str] = {}
    if lines[0].rstrip() != RULE:
        return FrontMatter(fields, is_whole=False), output
    for at, line in enumerate(lines[1:], start=1):
        if fields and line.rstrip() == RULE:
            is_whole = all(re.fullmatch(form, fields.get(name, "")) for name, form in FIELDS.items())
            return FrontMatter(fields, is_whole), "\n".join(lines[at + 1 :])
        field = FIELD_LINE.fullmatch(line)
        if not field or field[1] not in FIELDS or field[1] in fields:
            return FrontMatter(fields, is_whole=False), "\n".join(lines[at:] if fields else lines)
        fields[field[1]] = field[2].lower()
    return FrontMatter(fields, is_whole=False), ""


def _rotation_signs(fields: Mapping[str, str]) -> dict[str, bool]:
    turned = fields.get("is_rotation_valid") == "false"
    return {f"rotation_{degrees}": turned and fields.get("rotation_correction") == degrees for degrees in ("90", "180", "270")}


def _mark_figures(text: str, width_pt: float, height_pt: float, longest_side_px: int) -> tuple[str, list[Block], int]:
    """The text with our marks, the figures, and how many of their boxes left the page by more than a pixel."""
    points_per_px = max(width_pt, height_pt) / longest_side_px
    figures: list[Block] = []
    parts: list[str] = []
    at = num_outside = 0
    for match in FIGURE.finditer(text):
        x, y, width, height = (int(number) * points_per_px for number in match.groups()[1:])
        num_outside += x + width > width_pt + points_per_px or y + height > height_pt + points_per_px
        box_pt = box_on_page((x, y, x + width, y + height), width_pt=width_pt, height_pt=height_pt)
        caption = match[1].strip()
        figures.append(Block(label="figure", text=caption, box_pt=box_pt))
        parts += [text[at : match.start()], figure_mark(box_pt, caption)]
        at = match.end()
    return "".join([*parts, text[at:]]), figures, num_outside
