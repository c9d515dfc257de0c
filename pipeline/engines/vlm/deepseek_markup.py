r"""DeepSeek-OCR's grounded output to clean Markdown and located blocks.

In: what the model wrote, special tokens included, and the size of the page. Out: a `ReadPage`. The grammar is that of the
reference (deepseek-ai/DeepSeek-OCR e4ac34e, `run_dpsk_ocr_pdf.py`), whose `eval` is replaced by a strict reader of numbers:

    page    = text? (ref text)*
    ref     = "<|ref|>" label "<|/ref|>" "<|det|>" "[[" x0 "," y0 "," x1 "," y1 "]" ("," box)* "]" "<|/det|>"

Coordinates are 0 to 999 over the page's width and height. The text after a ref is its block, up to the next ref: Markdown,
titles with their `#`, formulas in `\( \)` and `\[ \]`, tables in HTML. The plain prompt ("Free OCR.") gives text without refs:
a page of no blocks.

* One ref is one block, and several boxes of it are one union: there is one text and no way to share it out.
* A figure becomes a mark (`reading`) where it stands. Headers, footers and page numbers stay in the text too: cleaning finds
  them again in the pages of the whole document and keeps what it takes out, which one page's label alone could not decide.
* A table with a caption is written as two refs, then the caption's text, then the table (DeepSeek-OCR issue 295, and docling's
  test page): the HTML goes to the table's block.
* `<center>` around captions goes, as in the reference's evaluation script; `\coloneqq` and `\eqqcolon` become `:=` and `=:`.
* Running text has a space after every hyphen, `large- scale`, `2025- 02- 18`, on every page of real output that was looked at
  (docling's, and three others published with their tags); captions and headings do not. The space goes, except after
  a suspended hyphen ("pre- and post-war") and before a capital that follows a small letter, where a list item was glued on.

Whatever breaks the grammar is repaired and flagged `markup_damaged`: nothing raises, no tag reaches a text, text is dropped
only inside a ref or a det that is closed. Costs 0.5 ms for a page of 3.6 kB on a busy core, and is linear: 1 MB of `<|ref|>`
takes 0.6 to 0.9 s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.engines.figures import figure_mark
from pipeline.engines.vlm.html_tables import bare_tables
from pipeline.engines.vlm.reading import MARKUP_DAMAGED, ReadPage, box_on_page
from pipeline.engines.vlm.scrubbing import encodable, tidy, without_half_token, without_special_tokens
from pipeline.records import Block, BoxPt

LABELS: Mapping[str, str] = {
    **dict.fromkeys(("title", "sub_title"), "heading"),
    **dict.fromkeys(("text", "paragraph"), "text"),
    **dict.fromkeys(("image", "figure", "chart"), "figure"),
    **dict.fromkeys(("image_caption", "figure_caption", "table_caption"), "caption"),
    **dict.fromkeys(("footnote", "table_footnote", "image_footnote"), "footnote"),
    **dict.fromkeys(("equation", "formula"), "equation"),
    **{name: name for name in ("table", "header", "footer", "page_number")},
}
"""The model's words and ours; another word of its kind is kept as it is."""
LABEL_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
LAST_BIN = 999
"""The reference maps v to v / 999 of the width or height."""

TAG = re.compile(r"(<\|/?(?:ref|det)\|>)")
REF, END_REF, DET, END_DET = "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"
BIN = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?")
BOX = rf"\[{BIN.pattern}(?:,{BIN.pattern}){{3}}\]"
BOXES = re.compile(rf"\[{BOX}(?:,{BOX})*\]|{BOX}")
CLOSED_COORDINATES = re.compile(r"\s*\[\[[-0-9., \]\[]*?\]\]")
CUT_COORDINATES = re.compile(r"\s*\[[-0-9., \]\[]*")
CENTER = re.compile(r"^[ \t]*<center>|</center>[ \t]*$", re.MULTILINE)
SPACED_HYPHEN = re.compile(r"(?<=([^\W_]))- (?=([^\W_]+))")
CONJUNCTIONS = frozenset({"and", "or", "to", "und", "oder", "bzw", "sowie", "et", "ou", "y", "o", "e", "en", "of"})
"""After them a hyphen stands for a word left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A ref and the text after it, or text that stands before any."""

    label: str
    content: str
    boxes: tuple[tuple[float, ...], ...] = ()
    """In bins, as written."""
    damaged: bool = False


def read_deepseek(output: str, *, width_pt: float, height_pt: float) -> ReadPage:
    """Parses either prompt's output; the page's size is as displayed, in points."""
    whole, damaged = without_half_token(encodable(output))
    blocks: list[Block] = []
    texts: list[str] = []
    for piece in _tables_in_their_refs(_pieces(whole)):
        content, leaked = _clean(piece)
        damaged |= leaked or piece.damaged
        box_pt = _union_pt(piece.boxes, width_pt, height_pt)
        if box_pt is not None:
            blocks.append(Block(label=piece.label, text=content, box_pt=box_pt))
            texts.append(figure_mark(box_pt) if piece.label == "figure" else "")
        texts.append(content)
    text = "\n\n".join(filter(None, texts))
    return ReadPage(text=text, blocks=tuple(blocks), flags=(MARKUP_DAMAGED,) if damaged else ())


def _pieces(output: str) -> Iterator[Piece]:
    """Cuts at the tags; `parts` holds text and tags in turn, text first and last."""
    parts = TAG.split(output)
    yield Piece(label="text", content=parts[0])
    at = 1
    while at < len(parts):
        tag, after = parts[at], parts[at + 1]
        if tag == REF and parts[at + 2 : at + 3] == [END_REF]:
            piece, at = _closed_ref(parts, at)
            yield piece
            continue
        if tag == DET and parts[at + 2 : at + 3] == [END_DET]:
            yield Piece(label="text", content=parts[at + 3], damaged=True)
            at += 4
            continue
        content = {REF: _without_label, DET: _without_coordinates}.get(tag, str)(after)
        yield Piece(label="text", content=content, damaged=True)
        at += 2


def _closed_ref(parts: list[str], at: int) -> tuple[Piece, int]:
    """The piece whose `<|ref|>` is `parts[at]`, and where the next tag is."""
    word, between = parts[at + 1].strip(), parts[at + 3]
    label = LABELS.get(word, word if LABEL_WORD.fullmatch(word) else "text")
    located_text = "" if LABEL_WORD.fullmatch(word) else parts[at + 1]
    damaged = bool(located_text)
    if between.strip() or parts[at + 4 : at + 5] != [DET]:
        return Piece(label=label, content=f"{located_text}\n{between}", damaged=True), at + 4
    if parts[at + 6 : at + 7] != [END_DET]:
        coordinates = CLOSED_COORDINATES.match(parts[at + 5])
        boxes = _boxes(coordinates[0]) if coordinates else ()
        content = f"{located_text}\n{_without_coordinates(parts[at + 5])}"
        return Piece(label=label, content=content, boxes=boxes, damaged=True), at + 6
    boxes = _boxes(parts[at + 5])
    in_range = bool(boxes) and all(0 <= edge <= LAST_BIN for box in boxes for edge in box)
    content = f"{located_text}\n{parts[at + 7]}"
    return Piece(label=label, content=content, boxes=boxes, damaged=damaged or not in_range), at + 8


def _boxes(coordinates: str) -> tuple[tuple[float, ...], ...]:
    """The boxes of a det; none when it is anything but boxes."""
    compact = "".join(coordinates.split())
    if not BOXES.fullmatch(compact):
        return ()
    edges = [float(number) for number in BIN.findall(compact)]
    return tuple(tuple(edges[first : first + 4]) for first in range(0, len(edges), 4))


def _union_pt(boxes: tuple[tuple[float, ...], ...], width_pt: float, height_pt: float) -> BoxPt | None:
    """Around all boxes; None when there is none."""
    if not boxes:
        return None
    xs = [edge for box in boxes for edge in box[0::2]]
    ys = [edge for box in boxes for edge in box[1::2]]
    scale_x, scale_y = width_pt / LAST_BIN, height_pt / LAST_BIN
    edges = (min(xs) * scale_x, min(ys) * scale_y, max(xs) * scale_x, max(ys) * scale_y)
    return box_on_page(edges, width_pt=width_pt, height_pt=height_pt)


def _without_label(text: str) -> str:
    """What follows an unclosed `<|ref|>`, less a label or, at the end of the output, the beginning of one."""
    line, newline, rest = text.strip().partition("\n")
    is_label = line in LABELS or (not rest and line and any(label.startswith(line) for label in LABELS))
    return rest if is_label else f"{line}{newline}{rest}"


def _without_coordinates(text: str) -> str:
    """What follows an unclosed `<|det|>`, less its numbers."""
    coordinates = CLOSED_COORDINATES.match(text) or CUT_COORDINATES.match(text)
    return text[coordinates.end() :] if coordinates else text


def _tables_in_their_refs(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Gives the HTML after a caption to the empty table before it; the caption comes first, as it is written."""
    table: Piece | None = None
    for piece in pieces:
        if table and piece.label == "caption" and (start := piece.content.find("<table")) >= 0:
            yield replace(piece, content=piece.content[:start])
            yield replace(table, content=piece.content[start:])
            table = None
            continue
        if table:
            yield table
        table = piece if piece.label == "table" and not piece.content.strip() else None
        if not table:
            yield piece
    if table:
        yield table


def _clean(piece: Piece) -> tuple[str, bool]:
    """A block's content as training reads it, and whether a special token had leaked into it."""
    content = piece.content.replace("\\coloneqq", ":=").replace("\\eqqcolon", "=:")
    if piece.label == "text" and "<table" not in content:
        content = SPACED_HYPHEN.sub(_hyphen, content)
    bare, leaked = without_special_tokens(content)
    return tidy(bare_tables(CENTER.sub("", bare))), leaked


def _hyphen(match: re.Match[str]) -> str:
    before, word = match[1], match[2]
    is_glued_item = before.islower() and word[0].isupper()
    return match[0] if word in CONJUNCTIONS or is_glued_item else "-"
