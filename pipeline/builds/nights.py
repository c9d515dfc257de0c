"""Which nights there are to do. In: the builds of a dataset, which of them are done, and a date. Out: build ids in order.

A night is a build whose id is a date. One that was begun and not ended (read to its end and published, or found to hold
nothing to do) is finished before tonight is begun; one that was never begun needs nothing, for tonight's listing finds what
it would have. Pure.
"""

from collections.abc import Collection, Sequence
from datetime import date

from pipeline.builds.past import PastBuild
from pipeline.errors import ConfigError


def agenda(builds: Sequence[PastBuild], *, done: Collection[str], night: date) -> list[str]:
    """The nights to do, `night` last; none when all is done. Raises ConfigError for a night that was never begun and is earlier
    than one that was: a listing made now cannot tell what lay there then."""
    begun = sorted(name for build in builds if (name := _night_of(build.build_id)) is not None)
    if night not in begun and begun and night < begun[-1]:
        raise ConfigError(
            f"night {night} was never begun, and night {begun[-1]} was: what lay in the corpus on {night} cannot be listed any "
            f"more, and later nights have found what it would have; give {begun[-1]} or a later date"
        )
    return [name.isoformat() for name in sorted({*begun, night}) if name <= night and name.isoformat() not in done]


def parse_night(text: str) -> date:
    """`2026-11-22`. Raises ConfigError."""
    found = _night_of(text)
    if found is None:
        raise ConfigError(f"--date {text!r} is no date; give one as 2026-11-22")
    return found


def _night_of(build_id: str) -> date | None:
    try:
        found = date.fromisoformat(build_id)
    except ValueError:
        return None
    return found if found.isoformat() == build_id else None
