"""Which nights there are to do."""

from datetime import date

import pytest

from pipeline.builds.changes import ListingCounts
from pipeline.builds.nights import agenda, parse_night
from pipeline.builds.past import PastBuild
from pipeline.errors import ConfigError
from tests.tables.samples import NOON


def build(build_id: str) -> PastBuild:
    return PastBuild(
        build_id=build_id, input_uri="/corpus", planned_at=NOON, changes_key="", counts=ListingCounts(), is_finished=False
    )


BUILDS = [build(name) for name in ("2026-11-20", "main", "2026-11-20-retry-1", "2026-11-22", "20261123")]


@pytest.mark.parametrize(
    ("done", "night", "expected"),
    [
        ([], "2026-11-24", ["2026-11-20", "2026-11-22", "2026-11-24"]),
        (["2026-11-20", "2026-11-22"], "2026-11-24", ["2026-11-24"]),
        (["2026-11-20", "2026-11-22"], "2026-11-22", []),
        (["2026-11-22"], "2026-11-22", ["2026-11-20"]),
        (["2026-11-20"], "2026-11-20", []),
        ([], "2026-11-20", ["2026-11-20"]),
    ],
)
def test_nights_that_were_begun_and_not_ended_come_first_and_in_order(done: list[str], night: str, expected: list[str]) -> None:
    assert agenda(BUILDS, done=done, night=date.fromisoformat(night)) == expected


def test_the_first_night_of_a_dataset_may_be_any() -> None:
    assert agenda([build("main")], done=(), night=date(2020, 1, 1)) == ["2020-01-01"]


@pytest.mark.parametrize("night", ["2026-11-21", "2020-01-01"])
def test_a_night_that_was_missed_cannot_be_listed_afterwards(night: str) -> None:
    with pytest.raises(ConfigError, match=f"night {night} was never begun, and night 2026-11-22 was.*give 2026-11-22"):
        agenda(BUILDS, done=(), night=date.fromisoformat(night))


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "20261122", "2026-W47-7"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no date; give one as 2026-11-22"):
        parse_night(text)
