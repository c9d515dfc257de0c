"""The recipe: what changes a page's text, as plain values with one identity. In: a BuildConfig. Out: a mapping and its hash.

Workers, threads, windows, deadlines and memory limits are left out: they change when a page is read, not what it says.
So do rules, shard sizes and addresses. The identity is of content, so two spellings of one config are one recipe.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from pipeline.config import BuildConfig, EngineConfig, EngineRung, Rung
from pipeline.errors import BuildError
from pipeline.quality.cleaning import CLEANING_VERSION
from pipeline.tables.parquet import to_json

RENDER_FIELDS = frozenset({"dpi", "channels", "max_side_px", "max_pixels"})
ENGINE_TIMING_FIELDS = frozenset(
    {
        *("workers", "threads", "window_pages", "gpus", "cpus", "serving"),
        *("seconds_per_page", "pages_in_flight", "seconds_sigma"),
    }
)
ABSENT = "(absent)"


def recipe_of(config: BuildConfig) -> dict[str, object]:
    """Render, engine, ladder and cleaning settings that change text, as plain JSON values; `ladder` only when there is one."""
    cleaning = config.cleaning.model_dump(mode="json")
    ladder = {"ladder": [_rung_values(rung) for rung in config.ladder]} if config.ladder else {}
    return {
        "render": config.render.model_dump(mode="json", include=set(RENDER_FIELDS)),
        "engine": _engine_values(config.engine),
        **ladder,
        "cleaning": {**cleaning, "version": CLEANING_VERSION},
    }


def _engine_values(engine: EngineConfig) -> dict[str, object]:
    return engine.model_dump(mode="json", exclude=set(ENGINE_TIMING_FIELDS))


def _rung_values(rung: Rung) -> dict[str, object]:
    """Without the settings that it leaves alone."""
    values = rung.model_dump(mode="json", exclude_none=True)
    return {**values, "engine": _engine_values(rung.engine)} if isinstance(rung, EngineRung) else values


def recipe_id(recipe: Mapping[str, object]) -> str:
    """First 16 hex digits of the sha256 of the recipe's canonical JSON. Raises BuildError for a value that has none."""
    try:
        return hashlib.sha256(to_json(recipe).encode()).hexdigest()[:16]
    except (TypeError, ValueError) as error:
        raise BuildError(f"the recipe has no stable identity: {error}; use plain numbers, texts, lists and mappings") from error


def difference(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """What changed, for people: "engine.scripts: 'all' -> ['latin']; render.dpi: 150.0 -> 200.0". "" when nothing did."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key, ABSENT) != after.get(key, ABSENT)]
    told = [key for key in changed if not _is_of_a_rung_that_came_or_went(key, before, after)]
    return "; ".join(f"{key}: {before.get(key, ABSENT)} -> {after.get(key, ABSENT)}" for key in told)


def _leaves(values: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its path. A list of rungs is the list of their names, and each rung's values under its name:
    `ladder: ['wider', 'cut']`, `ladder.wider.ngram_window: 300`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        elif _is_ladder(value):
            yield f"{path}{key}", repr([rung["name"] for rung in value])
            for rung in value:
                yield from _leaves(rung, f"{path}{key}.{rung['name']}.")
        else:
            yield f"{path}{key}", repr(list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value)


def _is_ladder(value: object) -> TypeGuard[Sequence[Mapping[str, object]]]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    return all(isinstance(rung, Mapping) and "name" in rung for rung in value)


def _is_of_a_rung_that_came_or_went(key: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """The list of names tells of it."""
    ladder, _, rest = key.partition(".")
    name = f"{ladder}.{rest.partition('.')[0]}.name"
    return ladder == "ladder" and rest != "" and (name in before) != (name in after)
