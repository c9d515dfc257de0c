"""The nouns. Frozen, keyword-only values that travel between the rooms; no behaviour, no third-party type but the pixels.

A stage never fills in a field of an earlier type, it makes a new one:

    DocumentRef --render--> OpenedDocument, PageImage | PageFailure --engine--> PageText --measure, judge--> PageRecord
                       |--> DocumentFailure
                       `--> KnownDocument

The nouns of a build (shard, receipt, manifest) are in `receipts.py`.

Array legend: H height in pixels, W width in pixels, C channels (1 grey, 3 RGB).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

PageStatus = Literal["ok", "blank", "failed", "forgotten"]
"""`forgotten`: the row says that there was a page, and nothing that stood on it."""
TextSource = Literal["ocr", "text_layer"]
BoxPt = tuple[float, float, float, float]
"""x0, y0, x1, y1 in points on the displayed page, top-left origin."""
LOOP_CUT = "loop_cut"
"""Flag of a reading whose looping tail was cut off: what is left is a whole reading."""


class PageId(NamedTuple):
    """Identity of one page; `str()` of it is the `id` column."""

    doc_id: str
    """sha256 of the document's bytes, hex."""
    page_index: int
    """0-based."""

    def __str__(self) -> str:
        return f"{self.doc_id}/{self.page_index:06d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRef:
    """One document as a source lists it: where it is, and what tells a changed file from an unchanged one."""

    uri: str
    """`s3://bucket/key`, an absolute path, or either followed by `#member` for a member of an archive."""
    size_bytes: int
    version: str
    """ETag, modification time or archive checksum: differs whenever the bytes differ."""
    modified_at: datetime | None = None
    """UTC; None when the source does not say."""
    sha256: str | None = None
    """Hex; None unless listing had to read the bytes anyway."""
    aliases: tuple[str, ...] = ()
    """Other URIs that hold the same bytes, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedDocument:
    """A document whose pages could be counted."""

    document: DocumentRef
    doc_id: str
    num_pages: int
    """At least 1."""
    media: Literal["pdf", "image"]
    title: str = ""
    author: str = ""
    is_form: bool = False
    """The PDF has AcroForm fields."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentFailure:
    """A document that never gave a page: a quarantine entry, not a row."""

    document: DocumentRef
    doc_id: str | None
    """None when the bytes could not be fetched."""
    reason: str
    """One of `config.values.QuarantineReason`."""
    error: str
    attempts: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownDocument:
    """A document whose bytes have been read before, in an earlier build or under another name of its shard: one more name of
    rows that are there, and no row of its own."""

    document: DocumentRef
    doc_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFacts:
    """What is known of a page before it is read."""

    width_pt: float
    height_pt: float
    """Size as displayed, after rotation."""
    rotation_degrees: int
    """0, 90, 180 or 270: the turn that display applied to the stored page."""
    dpi: float
    """Resolution the page was rendered at; below the configured one when a cap scaled the page down."""
    width_px: int
    height_px: int
    ink_fraction: float
    """Share of pixels that differ from the paper, 0..1; see `rendering.ink`."""
    layer_text: str = ""
    """The page's own text layer, "" when it has none."""
    layer_garbled_fraction: float | None = None
    """Share of replacement, private-use and control characters in the layer, 0..1; None without a layer."""
    layer_hidden_fraction: float | None = None
    """Share of the layer's characters that are not drawn (an earlier OCR's, under its scan), 0..1; None without a layer."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PageImage:
    """A rendered page; exists only between rendering and the engine. What a build with `images` keeps is an encoded copy, made
    when the page has been read (`album`)."""

    page_id: PageId
    facts: PageFacts
    pixels_HWC: npt.NDArray[np.uint8]
    """Top-left origin, white paper, C is 1 (grey) or 3 (RGB)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFailure:
    """A page that could not be rendered; becomes a row with status "failed"."""

    page_id: PageId
    reason: str
    """`render_error`, `deadline` or `crashed`."""
    error: str


RenderedEvent = OpenedDocument | PageImage | PageFailure | DocumentFailure
"""The bytes of a document give either one DocumentFailure, or one OpenedDocument and then exactly one PageImage or PageFailure
for each of its pages, in order."""
RenderEvent = RenderedEvent | KnownDocument
"""Rendering yields the same per document, or one KnownDocument. Documents may interleave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One piece of a page as the engine saw it: a line for PP-OCR, a labelled region for a vision-language model."""

    label: str
    """`line`, `heading`, `text`, `table`, `figure`, ..."""
    text: str
    box_pt: BoxPt
    confidence: float | None = None
    """0..1; None when the engine gives none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A reading of a page that the ladder set aside."""

    rung: str
    """`first` for the reading before any rung."""
    mode: str | None
    reasons: tuple[str, ...]
    """What was wrong with it: reject reasons, `overfull`."""
    seconds: float
    output_tokens: int | None
    error: str = ""
    """Only with the reason `engine_failed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageText:
    """What an engine read; exactly one per PageImage, failures included."""

    page_id: PageId
    text: str
    """Markdown in reading order; "" when status is "failed"."""
    status: Literal["ok", "failed"]
    engine: str
    engine_version: str
    source: TextSource = "ocr"
    blocks: tuple[Block, ...] = ()
    confidence: float | None = None
    """Mean over characters, 0..1; None when the engine gives none."""
    mean_logprob: float | None = None
    """Nats per token; None when the engine does not generate."""
    finish_reason: str | None = None
    """`stop`, `length`, `repetition`; None when the engine does not generate."""
    vision_tokens: int | None = None
    output_tokens: int | None = None
    """Generated, markup included."""
    text_tokens: int | None = None
    """Of `text`, without markup; None when the engine has no tokenizer."""
    expected_tokens: int | None = None
    """Text tokens that the mode policy expected before reading; None when it was not asked."""
    mode: str | None = None
    """The engine's resolution setting; None for an engine that has none."""
    rung: str = "first"
    """The step of the ladder that gave this reading; `first` when no rung was needed, configured or any better."""
    attempts: tuple[Attempt, ...] = ()
    """The other readings, oldest first."""
    seconds: float = 0.0
    """Engine time spent on this page, all attempts included."""
    error: str = ""
    """Only with "failed"."""
    flags: tuple[str, ...] = ()
    """What the engine noticed about its own reading, as warning names: `script_mismatch`, ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSignals:
    """Numbers measured on one cleaned page text; definitions in `quality.signals`. Fractions are 0..1."""

    num_chars: int
    num_words: int
    num_letters: int
    num_digits: int
    garbled_fraction: float
    alpha_word_fraction: float
    mean_word_chars: float
    dup_line_fraction: float
    """Characters in second and later copies of a line."""
    dup_10gram_fraction: float
    top_2gram_fraction: float
    zlib_fraction: float
    """Compressed size over size, zlib level 1; 1.0 for an empty text."""
    tail_repeats: int
    """How often the last piece of text repeats itself at the end, 1 when it does not."""
    tail_repeat_chars: int
    """Characters covered by those repeats, 0 when there are none."""
    equal_line_run: int
    """Longest run of equal non-empty lines."""
    equal_line_run_chars: int
    toc_line_fraction: float
    reference_line_fraction: float
    table_char_fraction: float
    language: str
    """BCP-47 primary tag, `und` when undecidable."""
    language_score: float
    """Share of the text in that language, 0..1."""
    language_score_fraction: float | None
    """Detector score over the language's usual score, about 1 on clean text; None when unknown."""
    script: str
    """ISO 15924 of most letters, `Zyyy` when there are none."""
    layer_chars: int
    """Characters of the text layer that are not white space."""
    layer_recall: float | None
    """Share of the layer's words found in the text, 0..1; None without a trusted layer."""
    layer_precision: float | None
    """Share of the text's words found in the layer, 0..1; None without a trusted layer."""
    layer_repeats: bool
    """The text layer itself repeats as a loop would, so repetition in the text is the page's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRecord:
    """One row of the `pages` table."""

    page_id: PageId
    document: OpenedDocument
    status: PageStatus
    text: str
    """Cleaned; "" unless something was read."""
    reject: tuple[str, ...]
    """Names of the broken rules; () means keep."""
    warnings: tuple[str, ...]
    """Names of the soft rules and tags that hold; they never reject."""
    furniture: tuple[str, ...]
    """Running heads, feet and page numbers that cleaning took out, top to bottom."""
    facts: PageFacts | None
    """None when the page could not be rendered."""
    page: PageText | None
    """None when no engine was asked (blank or not rendered)."""
    signals: PageSignals
    error: str
    processed_at: datetime
    """UTC."""
