"""The ladder: what is tried, in order, when a page was read badly. Plain data; `engines.ladder` climbs it.

A page is tried on each rung whose `when` holds one of the reasons against its readings so far: reject reasons of the page
rules, or the warning `overfull`. It stops at the first reading that nothing speaks against. So the ladder is its own bound: a
page costs at most its first reading, one for each `reread` and `engine`, one for each turn of a `turn` (three by default) and
one for the two halves of a `halves`; `text_layer` and `cut` read nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator

from pipeline.config.engines import DeepseekOcr2Config, DeepseekOcrConfig, EngineConfig
from pipeline.config.values import Section
from pipeline.config.vlm import Mode, Prompt, VlmConfig

Reason = Literal[
    "loop",
    "truncated",
    "garbled",
    "glued",
    "gibberish",
    "low_conf",
    "layer_mismatch",
    "unreadable_script",
    "engine_failed",
    "overfull",
]
BAD_READING: tuple[Reason, ...] = (
    "loop",
    "truncated",
    "garbled",
    "gibberish",
    "low_conf",
    "layer_mismatch",
    "engine_failed",
)
FIRST = "first"
"""The reading before any rung."""


class RungSection(Section):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """What the page's row says in `rung`; unique in the ladder, and not `first`, the reading before any rung."""
    when: Annotated[tuple[Reason, ...], Field(min_length=1)] = BAD_READING
    """Not `on`, which YAML reads as true."""

    @field_validator("name")
    @classmethod
    def _is_not_first(cls, name: str) -> str:
        if name == FIRST:
            raise ValueError("`first` is the reading before any rung; give the rung another name")
        return name


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
    degrees: Annotated[tuple[Literal[90, 180, 270], ...], Field(min_length=1)] = (180, 90, 270)
    """Clockwise."""


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
    when: Annotated[tuple[Reason, ...], Field(min_length=1)] = ("loop",)


Rung = Annotated[RereadRung | TurnRung | HalvesRung | EngineRung | TextLayerRung | CutRung, Field(discriminator="kind")]

RUNG_SECTIONS: Mapping[str, type[RungSection]] = {
    "reread": RereadRung,
    "turn": TurnRung,
    "halves": HalvesRung,
    "engine": EngineRung,
    "text_layer": TextLayerRung,
    "cut": CutRung,
}

REREAD_SETTINGS: Mapping[str, str] = {
    "mode": "mode",
    "prompt": "prompt",
    "ngram_size": "ngram",
    "ngram_window": "ngram",
    "temperature": "temperature",
}
"""Key of a RereadRung to the key of the engine that it changes."""


def refuse_unfit_rungs(ladder: tuple[Rung, ...], engine: EngineConfig) -> None:
    """Raises ValueError for two rungs of one name, and for a rung that asks of the engine what it does not have."""
    names = [rung.name for rung in ladder]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"two rungs are named {doubled[0]!r}; a row tells by the name which of them read the page")
    for rung in ladder:
        if isinstance(rung, RereadRung):
            _refuse_unfit_reread(rung, engine)


def _refuse_unfit_reread(rung: RereadRung, engine: EngineConfig) -> None:
    settings = [key for key in REREAD_SETTINGS if getattr(rung, key) is not None]
    if not settings:
        raise ValueError(f"rung {rung.name!r} changes nothing; give it one of {', '.join(REREAD_SETTINGS)}")
    if engine.name == "ppocr":
        raise ValueError(
            f"rung {rung.name!r} reads again with other settings, which the engine ppocr cannot; take the rung out"
        )
    for key in settings:
        if isinstance(engine, VlmConfig) and REREAD_SETTINGS[key] not in type(engine).model_fields:
            raise ValueError(
                f"rung {rung.name!r} changes {key!r}, which the engine {engine.name} does not have; take the key out"
            )
    if not isinstance(engine, VlmConfig):
        return
    if engine.ngram is None and (rung.ngram_size or rung.ngram_window):
        raise ValueError(f"rung {rung.name!r} changes the n-gram limit, which is off; set engine.ngram or take the key out")
    modes = _modes_of(engine)
    if rung.mode not in (None, "larger", *modes):
        raise ValueError(f"rung {rung.name!r} asks for mode {rung.mode!r}, but {engine.name} has {', '.join(modes)}")


def _modes_of(engine: VlmConfig) -> tuple[str, ...]:
    match engine:
        case DeepseekOcrConfig():
            return get_args(Mode)
        case DeepseekOcr2Config():
            return ("base", "gundam")
    return ()
