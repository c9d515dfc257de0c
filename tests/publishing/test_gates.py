"""Which figures keep a version from its readers."""

from collections.abc import Mapping

import pytest

from pipeline.config import GatesConfig
from pipeline.publishing.candidate import BuildFigures, Candidate, EvidenceFigures, GateReading
from pipeline.publishing.gates import FIGURES, LIMITS, NightFigures, read_gates
from tests.tables.samples import NOON

USUAL: Mapping[str, float] = {
    "opened": 980,
    "failed": 20,
    "pages": 10_000,
    "kept": 9_000,
    "lost": 800,
    "documents": 900,
    "chars": 9_000_000,
    "worker_s": 5_000.0,
    "cost": 2.5,
    "held": 50_000,
    "removed": 100,
    "golden": 0.03,
    "german": 90,
}
BEFORE = ["n1", "n2", "n3", "n4"]


def build(name: str, **changed: float) -> tuple[BuildFigures, NightFigures]:
    values = {**USUAL, **changed}
    whole = {key: int(value) for key, value in values.items() if key not in ("golden", "worker_s", "cost")}
    evidence = EvidenceFigures(
        build_id=name,
        recipe_id="r",
        planned_at=NOON,
        num_documents_planned=whole["opened"] + whole["failed"],
        num_documents_opened=whole["opened"],
        num_documents_known=0,
        quarantined_by_reason={"damaged": whole["failed"]},
        num_pages=whole["pages"],
        pages_by_status={},
        engine_busy_s=1.0,
        num_output_tokens=0,
        num_vision_tokens=0,
    )
    figures = BuildFigures(
        evidence=evidence,
        num_pages_kept=whole["kept"],
        num_pages_lost=whole["lost"],
        num_documents_kept=whole["documents"],
        documents_by_reject={},
        documents_by_language={"en": whole["documents"] - whole["german"], "de": whole["german"]},
        num_chars=whole["chars"],
        num_bytes=whole["chars"],
        num_tokens=0,
    )
    beside = NightFigures(
        num_names_held=whole["held"],
        num_names_removed=whole["removed"],
        worker_s=values["worker_s"],
        cost=values["cost"],
        golden_error_fraction=values["golden"],
    )
    return figures, beside


def readings(
    new: Mapping[str, Mapping[str, float]],
    *,
    before: list[str] = BEFORE,
    accepted: tuple[str, ...] = (),
    **limits: float | None,
) -> list[GateReading]:
    """Of the new builds, after usual ones."""
    builds = [build(name) for name in before] + [build(name, **changed) for name, changed in new.items()]
    beside = {figures.evidence.build_id: night for figures, night in builds}
    candidate = Candidate(version_id="v", parent_id=None, builds=tuple(figures for figures, _ in builds))
    config = GatesConfig.model_validate(limits)
    return read_gates(candidate, beside=beside.__getitem__, published=before, config=config, accepted=accepted)


def broken(*arguments: Mapping[str, Mapping[str, float]], **more: object) -> set[str]:
    return {each.name for each in readings(*arguments, **more) if each.is_broken}  # type: ignore[arg-type]


def test_a_night_like_those_before_it_breaks_nothing_and_every_gate_is_read() -> None:
    found = readings({"tonight": {}}, cost_per_million_pages_above=300.0, pages_per_s_below=1.0)
    assert [each.name for each in found] == [gate for gate, _, _ in LIMITS]
    assert not [each for each in found if each.is_broken or each.is_accepted]


@pytest.mark.parametrize(
    ("changed", "limits", "gate"),
    [
        ({"kept": 4_000, "lost": 5_000}, {}, "kept"),
        ({"kept": 7_000, "lost": 2_500}, {}, "kept"),
        ({"failed": 400}, {}, "failures"),
        ({"failed": 150}, {}, "failures"),
        ({"removed": 15_000}, {}, "removed"),
        ({"german": 600}, {}, "language"),
        ({"chars": 2_000_000}, {}, "length"),
        ({"chars": 90_000_000}, {}, "length"),
        ({"worker_s": 11_000.0}, {}, "speed"),
        ({"worker_s": 5_100.0}, {"pages_per_s_below": 2.0}, "speed"),
        ({"cost": 3.5}, {"cost_per_million_pages_above": 300.0}, "cost"),
        ({"golden": 0.25}, {}, "golden"),
        ({"golden": 0.06}, {}, "golden"),
    ],
)
def test_each_figure_breaks_its_own_gate_alone(changed: Mapping[str, float], limits: Mapping[str, float], gate: str) -> None:
    assert broken({"tonight": changed}, **limits) == {gate}


def test_every_gate_has_a_figure_and_every_limit_a_key() -> None:
    assert {gate for gate, _, _ in LIMITS} == FIGURES.keys()
    assert {key for _, key, _ in LIMITS} <= GatesConfig.model_fields.keys()


def test_what_is_told_names_the_figure_the_build_the_limit_and_the_key() -> None:
    (told,) = [each.told for each in readings({"tonight": {"removed": 15_000}}) if each.is_broken]
    assert told == "removed: names removed 30.0% in tonight, at most 20.0% is allowed (gates.removed_fraction_above)"
    (told,) = [each.told for each in readings({"tonight": {"worker_s": 11_000.0}}) if each.is_broken]
    assert told.startswith("speed: pages a second of a worker 0.909 in tonight, at most 2 times slower than the median 2")


def test_the_first_nights_are_held_against_the_absolute_limits_alone() -> None:
    assert broken({"tonight": {"kept": 7_000, "lost": 2_500, "golden": 0.06, "german": 600}}, before=["n1", "n2"]) == set()
    assert broken({"tonight": {"removed": 15_000}}, before=[]) == {"removed"}


def test_a_small_night_tells_nothing_of_shares_and_speed() -> None:
    small = {"opened": 3, "failed": 30, "pages": 40, "kept": 0, "lost": 40, "documents": 3, "german": 3, "worker_s": 9_000.0}
    assert broken({"tonight": small}) == set()


def test_a_build_that_broke_a_gate_does_not_slip_through_beside_a_larger_one() -> None:
    bad, good = {"kept": 300, "lost": 500}, {"kept": 90_000, "lost": 8_000}
    found = [each for each in readings({"monday": bad, "tuesday": good}) if each.is_broken]
    assert {each.name for each in found} == {"kept"}
    assert all("in monday" in each.told for each in found)


def test_many_small_builds_tell_something_together() -> None:
    small = {"kept": 50, "lost": 200, "documents": 30, "german": 3, "pages": 250, "opened": 30, "failed": 1, "worker_s": 125.0}
    assert broken({"one": small}) == set()
    assert broken({"one": small, "two": small, "three": small}) == {"kept"}


def test_an_accepted_gate_passes_and_says_so() -> None:
    found = readings({"tonight": {"removed": 15_000, "failed": 400}}, accepted=("removed",))
    assert {each.name for each in found if each.is_broken} == {"failures"}
    (accepted,) = [each for each in found if each.is_accepted]
    assert accepted.name == "removed"
    assert accepted.told.endswith(", accepted")


def test_a_limit_that_is_null_asks_nothing() -> None:
    assert broken({"tonight": {"removed": 50_000}}, removed_fraction_above=None) == set()


def test_a_version_without_new_builds_is_not_asked() -> None:
    assert readings({}) == []
