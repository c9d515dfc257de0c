"""The ladder's section: what it takes, and how a mistake in it is told."""

import pytest

from pipeline.config import BuildConfig, RereadRung, TurnRung, parse_config
from pipeline.errors import ConfigError

TURN = {"kind": "turn", "name": "turned"}
WIDER = {"kind": "reread", "name": "wider", "ngram_window": 300}


def config(*rungs: dict[str, object], engine: dict[str, object] | None = None, **sections: object) -> BuildConfig:
    values = {"input": {"uri": "in"}, "output": {"uri": "out"}, "engine": engine or {"name": "scripted"}}
    return parse_config({**values, "ladder": list(rungs), **sections})


def test_rungs_keep_their_order_and_say_what_they_are_for() -> None:
    made = config(WIDER, {**TURN, "when": ["gibberish"]})
    assert made.ladder == (RereadRung(name="wider", ngram_window=300), TurnRung(name="turned", when=("gibberish",)))


@pytest.mark.parametrize(
    ("rung", "complaint"),
    [
        ({**WIDER, "ngram_windw": 3}, "unknown config key 'ladder.0.ngram_windw'; did you mean 'ngram_window'?"),
        ({**TURN, "ngram_window": 3}, "unknown config key 'ladder.0.ngram_window'; known keys here: degrees, kind, name, when"),
        (
            {"kind": "engine", "name": "other", "engine": {"name": "ppocr", "script": "all"}},
            "unknown config key 'ladder.0.engine.script'; did you mean 'scripts'?",
        ),
        ({"kind": "turn"}, "config key 'ladder.0.name' is missing"),
        ({**TURN, "degrees": []}, "config key 'ladder.0.degrees'"),
        ({**TURN, "when": ["lop"]}, "config key 'ladder.0.when.0': input should be 'loop', 'truncated'"),
        ({**TURN, "name": "first"}, "config key 'ladder.0.name': `first` is the reading before any rung"),
        ({"kind": "reread", "name": "same"}, "rung 'same' changes nothing; give it one of mode, prompt"),
        ({"kind": "turm", "name": "x"}, "config key 'ladder.0': input tag 'turm'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_in_a_rung_is_told_by_its_path(rung: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError) as told:
        config(rung)
    assert complaint in str(told.value)


def test_two_rungs_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two rungs are named 'turned'"):
        config(TURN, TURN)


def test_an_engine_is_asked_for_nothing_that_it_does_not_have() -> None:
    with pytest.raises(ConfigError, match="rung 'wider' reads again with other settings, which the engine ppocr cannot"):
        config(WIDER, engine={"name": "ppocr"})
    with pytest.raises(ConfigError, match="rung 'larger' changes 'mode', which the engine olmocr-2 does not have"):
        config({"kind": "reread", "name": "larger", "mode": "larger"}, engine={"name": "olmocr-2"})
    assert config(TURN, engine={"name": "ppocr"}).ladder[0].name == "turned"
    assert config({**WIDER, "mode": "larger"}, engine={"name": "deepseek-ocr"}).ladder[0].name == "wider"


def test_a_key_under_a_section_that_may_be_null_is_told_by_its_own_neighbours() -> None:
    with pytest.raises(ConfigError, match=r"'engine.ngram.wndow'; did you mean 'window'\?"):
        config(engine={"name": "deepseek-ocr", "ngram": {"wndow": 3}})


@pytest.mark.parametrize(
    ("engine", "rung", "complaint"),
    [
        ("deepseek-ocr-2", {"mode": "tiny"}, "asks for mode 'tiny', but deepseek-ocr-2 has base, gundam"),
        ("olmocr-2", {"ngram_window": 400}, "changes the n-gram limit, which is off"),
    ],
)
def test_a_setting_that_the_model_lacks_is_refused_before_it_is_opened(
    engine: str, rung: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        config({"kind": "reread", "name": "again", **rung}, engine={"name": engine})
