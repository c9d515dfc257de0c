"""A set of document keys, held as numbers."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.builds.planned_keys import PlannedKeys

KEYS = st.lists(
    st.sampled_from(["0a", "f0", "12", "ff"]).map(lambda pair: pair * 16) | st.binary(min_size=16, max_size=16).map(bytes.hex)
)


@given(KEYS, KEYS)
def test_it_holds_what_it_was_made_of_and_nothing_else(held: list[str], others: list[str]) -> None:
    keys = PlannedKeys(held)
    assert sorted(keys) == sorted(held)
    assert all((key in keys) == (key in held) for key in [*held, *others])
    assert len(keys) == len(held)
    assert 5 not in keys


def test_keys_that_differ_in_their_second_half_alone_are_told_apart() -> None:
    keys = PlannedKeys("f" * 16 + f"{number:016x}" for number in range(0, 100, 2))
    assert [("f" * 16 + f"{number:016x}") in keys for number in range(4)] == [True, False, True, False]
