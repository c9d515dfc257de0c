"""The recipe: what changes a page's text, as plain values with one identity. In: a BuildConfig. Out: a mapping and its hash.

Workers, threads, windows, deadlines and memory limits are left out: they change when a page is read, not what it says.
So do rules, shard sizes and addresses. The identity is of content, so two spellings of one config are one recipe.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from pipeline.config import BuildConfig
from pipeline.errors import BuildError
from pipeline.quality.cleaning import CLEANING_VERSION
from pipeline.tables.parquet import to_json

RENDER_FIELDS = frozenset({"dpi", "channels", "max_side_px", "max_pixels"})
ENGINE_TIMING_FIELDS = frozenset({"workers", "threads", "window_pages", "seconds_per_page", "gpus", "cpus", "serving"})
ABSENT = "(absent)"


def recipe_of(config: BuildConfig) -> dict[str, object]:
    """Render, engine and cleaning settings that change text, as plain JSON values."""
    cleaning = config.cleaning.model_dump(mode="json")
    return {
        "render": config.render.model_dump(mode="json", include=set(RENDER_FIELDS)),
        "engine": config.engine.model_dump(mode="json", exclude=set(ENGINE_TIMING_FIELDS)),
        "cleaning": {**cleaning, "version": CLEANING_VERSION},
    }


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
    return "; ".join(f"{key}: {before.get(key, ABSENT)} -> {after.get(key, ABSENT)}" for key in changed)


def _leaves(values: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", repr(list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value)
