"""The ladder: what is tried, in order, when a page was read badly. Plain data; `engines.ladder` climbs it.

A page goes to the next rung whose `on` holds one of the reasons against its reading so far: reject reasons of the page rules
(`loop`, `truncated`, `garbled`, `gibberish`, `low_conf`, `layer_mismatch`, `engine_failed`, ...) or the warning `overfull`.
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from pipeline.config.engines import EngineConfig
from pipeline.config.values import Section
from pipeline.config.vlm import Mode, Prompt

BAD_READING = ("loop", "truncated", "garbled", "gibberish", "low_conf", "layer_mismatch", "engine_failed")


class RungSection(Section):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """What the page's row says in `rung`; unique in the ladder, and not `first`, the reading before any rung."""
    on: tuple[str, ...] = BAD_READING


class RereadRung(RungSection):
    """The same engine with other settings; what is None stays as it was."""

    kind: Literal["reread"] = "reread"
    mode: Mode | Literal["larger"] | None = None
    """`larger`: the next larger mode than the one the page was read in; no such mode, no attempt."""
    prompt: Prompt | None = None
    ngram_size: PositiveInt | None = None
    ngram_window: PositiveInt | None = None
    temperature: NonNegativeFloat | None = None


class TurnRung(RungSection):
    """The page turned, each turn an attempt, until one reads well."""

    kind: Literal["turn"] = "turn"
    degrees: tuple[Literal[90, 180, 270], ...] = (180, 90, 270)


class HalvesRung(RungSection):
    """The page cut into an upper and a lower half that overlap; what both read is kept once."""

    kind: Literal["halves"] = "halves"
    overlap_fraction: Annotated[float, Field(ge=0.0, le=0.3)] = 0.06
    """Of the page's height; 0.06 of A4 is 18 mm, three lines of text."""


class EngineRung(RungSection):
    """Another engine, opened when the first page needs it."""

    kind: Literal["engine"] = "engine"
    engine: EngineConfig


class TextLayerRung(RungSection):
    """The page's own text layer, when it can be trusted: drawn, not garbled, long enough (the `layer_` thresholds of the
    page rules)."""

    kind: Literal["text_layer"] = "text_layer"


class CutRung(RungSection):
    """Keeps what was read before the loop began, where that is at least 200 characters."""

    kind: Literal["cut"] = "cut"
    on: tuple[str, ...] = ("loop",)


Rung = Annotated[RereadRung | TurnRung | HalvesRung | EngineRung | TextLayerRung | CutRung, Field(discriminator="kind")]
