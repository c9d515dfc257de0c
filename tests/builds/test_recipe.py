"""What is in the recipe, what is not, and how a change is told."""

import json
from math import nan

import pytest

from pipeline.builds.recipe import difference, recipe_id, recipe_of
from pipeline.config import parse_config
from pipeline.errors import BuildError


def recipe(**sections: object) -> dict[str, object]:
    return recipe_of(parse_config({"input": {"uri": "in"}, "output": {"uri": "out"}, **sections}))


def test_what_changes_a_text_changes_the_recipe() -> None:
    changed = [
        recipe(render={"dpi": 200}),
        recipe(render={"channels": "rgb"}),
        recipe(render={"max_pixels": 1000}),
        recipe(engine={"scripts": ["latin"]}),
        recipe(engine={"detection_scale": 0.5}),
        recipe(engine={"name": "scripted"}),
        recipe(cleaning={"join_hyphens": False}),
    ]
    assert len({recipe_id(each) for each in (recipe(), *changed)}) == 1 + len(changed)


def test_another_cleaning_is_another_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    old = recipe()
    monkeypatch.setattr("pipeline.builds.recipe.CLEANING_VERSION", "next")
    assert difference(old, recipe()) == f"cleaning.version: {old['cleaning']['version']!r} -> 'next'"  # type: ignore[index]


@pytest.mark.parametrize(
    "section",
    [
        {"engine": {"workers": 9, "threads": 2, "window_pages": 3}},
        {"render": {"page_deadline_s": 1, "memory_bytes": 5, "window_pages": 2}},
        {"rules": {"pages": {"garbled_above": 0.5}}},
        {"plan": {"shard_bytes": 5}},
        {"build_id": "other"},
    ],
)
def test_what_changes_no_text_leaves_the_recipe(section: dict[str, object]) -> None:
    assert recipe_id(recipe(**section)) == recipe_id(recipe())


WIDER = {"kind": "reread", "name": "wider", "ngram_window": 300}
OTHER = {"kind": "engine", "name": "other", "engine": {"name": "ppocr"}}
SCRIPTED = {"name": "scripted"}


def test_a_build_without_a_ladder_keeps_the_recipe_it_had_before_there_were_ladders() -> None:
    assert "ladder" not in recipe()
    assert recipe_id(recipe(ladder=[])) == recipe_id(recipe())


def test_the_ladder_is_part_of_the_recipe_and_so_is_its_order() -> None:
    ladders = [[], [WIDER], [OTHER], [WIDER, OTHER], [OTHER, WIDER], [{**WIDER, "ngram_window": 400}]]
    assert len({recipe_id(recipe(engine=SCRIPTED, ladder=ladder)) for ladder in ladders}) == len(ladders)


def test_how_fast_a_rungs_engine_works_is_no_part_of_the_recipe() -> None:
    faster = {**OTHER, "engine": {"name": "ppocr", "threads": 8, "window_pages": 2}}
    assert recipe_id(recipe(ladder=[faster])) == recipe_id(recipe(ladder=[OTHER]))
    assert recipe_id(recipe(ladder=[{**OTHER, "engine": {"name": "ppocr", "squeeze": 0.5}}])) != recipe_id(
        recipe(ladder=[OTHER])
    )


def test_a_change_of_the_ladder_is_told_by_the_names_of_its_rungs() -> None:
    old = recipe(engine=SCRIPTED, ladder=[WIDER, OTHER])
    assert difference(old, recipe(engine=SCRIPTED, ladder=[{**WIDER, "ngram_window": 400}, OTHER])) == (
        "ladder.wider.ngram_window: 300 -> 400"
    )
    assert difference(old, recipe(engine=SCRIPTED, ladder=[WIDER])) == "ladder: ['wider', 'other'] -> ['wider']"
    assert difference(recipe(engine=SCRIPTED), old) == "ladder: (absent) -> ['wider', 'other']"


def test_a_recipe_read_back_from_json_is_the_same() -> None:
    made = recipe(engine={"scripts": ["latin", "han"]})
    assert recipe_id(json.loads(json.dumps(made))) == recipe_id(made)
    assert difference(json.loads(json.dumps(made)), made) == ""


def test_a_difference_is_told_by_the_path_of_each_key() -> None:
    assert difference(recipe(), recipe(render={"dpi": 200}, engine={"scripts": ["latin"]})) == (
        "engine.scripts: 'all' -> ['latin']; render.dpi: 150.0 -> 200.0"
    )
    assert difference({"a": {"b": 1}}, {"a": {"c": 2}}) == "a.b: 1 -> (absent); a.c: (absent) -> 2"


@pytest.mark.parametrize("value", [nan, object(), {1, 2}])
def test_a_value_without_a_stable_identity_is_refused(value: object) -> None:
    with pytest.raises(BuildError, match="no stable identity"):
        recipe_id({"dpi": value})
