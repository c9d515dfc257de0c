"""Which mode reads a page: the cheapest one that should hold its text, from what is known before reading.

In: a PageImage, the policy's limits, the model. Out: a `ModeChoice`, with the tokens it expected and why. It never reads the
page and keeps no state: the same page gets the same mode. More expected tokens, narrower lines or stricter limits never give
a mode with fewer vision tokens; taking away modes that were not chosen changes nothing.

Costs what `density` costs, 2 to 4 ms a page, and 0.2 ms for the text layer. How good the estimates are stands in
infra/benchmarks/modes.md.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.config import Mode, ModePolicy
from pipeline.engines.vlm.density import TextLines, measure_lines
from pipeline.engines.vlm.geometry import scale_in
from pipeline.engines.vlm.modes import VisionModel, by_cost
from pipeline.records import PageFacts, PageImage

Evidence = Literal["layer", "lines", "none"]

LATIN, ACCENTED, DIGIT, SYMBOL, GREEK, CYRILLIC, HEBREW, ARABIC, HAN, KANA, HANGUL, OTHER = (
    *(0.225, 1.45, 0.77, 1.1),
    *(0.5, 0.37, 0.8, 0.5),
    *(0.65, 0.8, 0.9, 1.0),
)
"""Tokens per character, in DeepSeek-V3's tokenizer (128,000 entries; DeepSeek-OCR's own could not be had), fitted to 272 pages
of 76 documents, half against half: expected over true 0.86-1.20 (10-90 %). The maker says 0.3 for English, spaces included,
and 0.6 for Chinese. An accented letter costs that much because it breaks its word. Kana and OTHER (Thai, Devanagari, ...) rest
on one page or none."""
FIRST_CODES = (
    *((0x00, SYMBOL), (0x30, DIGIT), (0x3A, SYMBOL), (0x41, LATIN), (0x5B, SYMBOL), (0x61, LATIN), (0x7B, SYMBOL)),
    *((0xC0, ACCENTED), (0x250, SYMBOL), (0x370, GREEK), (0x400, CYRILLIC), (0x530, OTHER), (0x590, HEBREW), (0x600, ARABIC)),
    *((0x780, OTHER), (0x8A0, ARABIC), (0x900, OTHER), (0x1100, HANGUL), (0x1200, OTHER), (0x1E00, ACCENTED), (0x1F00, GREEK)),
    *((0x2000, SYMBOL), (0x2E80, HAN), (0x3001, SYMBOL), (0x3040, KANA), (0x3100, HAN), (0x3130, HANGUL), (0x3190, HAN)),
    *((0xA000, OTHER), (0xAC00, HANGUL), (0xD800, SYMBOL), (0xF900, HAN), (0xFB00, LATIN), (0xFB07, OTHER), (0xFB50, ARABIC)),
    *((0xFE00, SYMBOL), (0x20000, HAN), (0xE0000, SYMBOL)),
)
"""First code point of each stretch of Unicode and the tokens of its characters."""
SYMBOL_RUN = re.compile(r"([^\w\s])\1{2,}")
"""Dot leaders and rules of dashes: any number of them is about one token."""
MAX_GARBLED_FRACTION = 0.1
"""Of a layer that is still counted: garbage changes the count by no more than its share."""
MIN_LAYER_FRACTION = 1 / 3
"""A layer with less than this share of the tokens that the lines promise covers the page in part: a stamp on a scan."""
TOKENS_PER_STROKE = 0.5
"""And per em: see `line_tokens`."""
DEFAULT_EXPECTED_TOKENS = 1050
"""Of a page without layer and lines: DeepSeek-OCR's pages have as many on average (2,500 tokens/s over 2.39 pages/s, its
README and paper). On A4 it means base; what shows no lines is mostly a picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModeChoice:
    """A page's mode and what it rests on."""

    mode: Mode
    vision_tokens: int
    expected_tokens: int
    evidence: Evidence
    """Where `expected_tokens` comes from."""
    line_px: float | None
    """Pitch of text lines in this mode, in pixels; None when the page shows no lines."""
    holds: bool
    """Both limits of the policy hold; False when not even the largest allowed mode keeps them."""


def choose_mode(image: PageImage, policy: ModePolicy, model: VisionModel) -> ModeChoice:
    """The cheapest allowed mode with at most `compression_at_most` expected tokens per vision token and at least
    `line_px_at_least` from line to line; the one with most vision tokens when none keeps both.

    Raises ConfigError when the policy names a mode that the model does not have.
    """
    lines = measure_lines(image.pixels_HWC)
    evidence, expected_tokens = _estimate(image.facts, lines)
    height_px, width_px = image.pixels_HWC.shape[:2]
    return cheapest_mode(
        model,
        policy,
        size_px=(width_px, height_px),
        expected_tokens=expected_tokens,
        line_pitch_px=lines.line_pitch_px,
        evidence=evidence,
    )


def cheapest_mode(
    model: VisionModel,
    policy: ModePolicy,
    *,
    size_px: tuple[int, int],
    expected_tokens: int,
    line_pitch_px: float | None,
    evidence: Evidence,
) -> ModeChoice:
    """`choose_mode` once the page is measured. `size_px`: width, height. Without a pitch only the tokens decide."""
    choices: list[ModeChoice] = []
    for num_tokens, mode in by_cost(model, policy.modes, *size_px):
        line_px = None if line_pitch_px is None else line_pitch_px * scale_in(model, mode, *size_px)
        is_legible = line_px is None or line_px >= policy.line_px_at_least
        choice = ModeChoice(
            mode=mode,
            vision_tokens=num_tokens,
            expected_tokens=expected_tokens,
            evidence=evidence,
            line_px=line_px,
            holds=is_legible and expected_tokens <= policy.compression_at_most * num_tokens,
        )
        if choice.holds:
            return choice
        choices.append(choice)
    return choices[-1]


def expect_tokens(facts: PageFacts, lines: TextLines) -> int:
    """Text tokens that reading the page should give, markup not counted.

    From the text layer, drawn or hidden, where there is one that is not garbled and covers the page; from the lines otherwise;
    DEFAULT_EXPECTED_TOKENS without either.
    """
    return _estimate(facts, lines)[1]


def layer_tokens(text: str) -> int:
    """Tokens of a text by its characters: "Grain is ground" has 13 Latin letters, 3 tokens; 造紙 has 2."""
    visible = "".join(SYMBOL_RUN.sub(r"\1", text).split())
    codes = np.frombuffer(visible.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return math.ceil(float(_TOKENS_OF_STRETCH[np.searchsorted(_STRETCHES, codes, side="right") - 1].sum()))


def line_tokens(lines: TextLines) -> int:
    """Tokens of the lines seen: 0.5 * sqrt(strokes * em), em being how many times the pitch fits into the length of the lines.

    Both measures are free of the size of type and page. Logarithms of expected over true spread by 0.32 on 265 pages with the
    geometric mean, by 0.37 with strokes alone and 0.34 with ems alone. With 0.5, half of the born-digital documents of
    `jobs.bench_modes` lie above their text layer and half below.
    """
    if lines.line_pitch_px is None:
        return 0
    num_ems = lines.line_length_px / lines.line_pitch_px
    return math.ceil(TOKENS_PER_STROKE * math.sqrt(lines.num_strokes * num_ems))


def _estimate(facts: PageFacts, lines: TextLines) -> tuple[Evidence, int]:
    by_lines = line_tokens(lines)
    by_layer = layer_tokens(facts.layer_text) if (facts.layer_garbled_fraction or 0.0) <= MAX_GARBLED_FRACTION else 0
    if by_layer and by_layer >= MIN_LAYER_FRACTION * by_lines:
        return "layer", by_layer
    return ("lines", by_lines) if by_lines else ("none", DEFAULT_EXPECTED_TOKENS)


_STRETCHES = np.array([first for first, _ in FIRST_CODES], dtype=np.uint32)
_TOKENS_OF_STRETCH = np.array([tokens for _, tokens in FIRST_CODES])
