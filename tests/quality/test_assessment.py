"""What the ladder hears of a reading is what the build would judge of the page."""

from dataclasses import replace

from pipeline.config import CleaningConfig, PageRules
from pipeline.quality.assessment import PageAssessor
from tests.quality.prose import FACTS, HARBOUR, READING, looping

ASSESSOR = PageAssessor(rules=PageRules(), cleaning=CleaningConfig(), configured_dpi=150.0)
LAYERED = replace(FACTS, layer_text=HARBOUR, layer_garbled_fraction=0.0, layer_hidden_fraction=0.0)


def reasons(text: str, **changes: object) -> tuple[str, ...]:
    return ASSESSOR.reasons_against(FACTS, replace(READING, text=text, **changes))  # type: ignore[arg-type]


def test_a_good_reading_has_no_reason_against_it() -> None:
    assert reasons(HARBOUR) == ()


def test_reject_reasons_and_overfull_are_told_and_other_warnings_are_not() -> None:
    assert reasons(looping(HARBOUR, "again and again ", 900), finish_reason="length") == ("truncated", "loop")
    assert reasons(HARBOUR, vision_tokens=64, output_tokens=700, flags=("script_mismatch",)) == ("overfull",)


def test_a_layer_is_trusted_when_it_is_long_enough_drawn_and_sound() -> None:
    assert ASSESSOR.trusts_layer(LAYERED)
    assert not ASSESSOR.trusts_layer(FACTS)
    assert not ASSESSOR.trusts_layer(replace(LAYERED, layer_text=HARBOUR[:150]))
    assert not ASSESSOR.trusts_layer(replace(LAYERED, layer_garbled_fraction=0.02))
    assert not ASSESSOR.trusts_layer(replace(LAYERED, layer_hidden_fraction=0.5))


def test_a_layer_that_the_text_contradicts_is_one_that_is_trusted() -> None:
    """The rung and the rule share their thresholds."""
    other = "Nothing of this stands on the page. " * 20
    for layered in (LAYERED, replace(LAYERED, layer_garbled_fraction=0.02), replace(LAYERED, layer_hidden_fraction=0.5)):
        contradicted = "layer_mismatch" in ASSESSOR.reasons_against(layered, replace(READING, text=other))
        assert contradicted == ASSESSOR.trusts_layer(layered)
