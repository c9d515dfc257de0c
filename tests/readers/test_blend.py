"""A blend keeps its weights exactly, over short runs as well, and loses no sample of any table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.readers.blend import PATTERN_SAMPLES, blend, epochs_before, places_of

WEIGHTS = st.lists(st.integers(1, 500), min_size=1, max_size=5)


@settings(deadline=None)
@given(weights=WEIGHTS, start=st.integers(0, 10**9), length=st.integers(1, 3000))
def test_any_stretch_has_the_weights_to_within_a_sample_for_each_other_table(
    weights: list[int], start: int, length: int
) -> None:
    blended = blend(weights, [1000] * len(weights))
    places = places_of(blended, np.arange(start, start + length))
    shares = blended.samples_T / PATTERN_SAMPLES if len(weights) > 1 else np.ones(1)
    counts = np.bincount(places.table_S, minlength=len(weights))
    assert np.all(np.abs(counts - shares * length) <= len(weights))


@settings(deadline=None)
@given(weights=WEIGHTS)
def test_a_pattern_holds_each_weight_to_four_digits(weights: list[int]) -> None:
    blended = blend(weights, [1000] * len(weights))
    if len(weights) > 1:
        assert blended.samples_T.sum() == PATTERN_SAMPLES
        assert np.all(np.abs(blended.samples_T - PATTERN_SAMPLES * np.array(weights) / sum(weights)) < 1)


@settings(deadline=None)
@given(weights=WEIGHTS, rows=st.integers(1, 50), end=st.integers(1, 3 * PATTERN_SAMPLES))
def test_the_epochs_begun_before_a_position_are_those_that_stand_there(weights: list[int], rows: int, end: int) -> None:
    blended = blend(weights, [rows + n for n in range(len(weights))])
    places = places_of(blended, np.arange(end))
    begun = [1 + int(places.epoch_S[places.table_S == table].max(initial=-1)) for table in range(len(weights))]
    assert epochs_before(blended, end).tolist() == begun


def test_weights_of_four_digits_are_exact_over_a_long_run() -> None:
    places = places_of(blend([0.7, 0.2, 0.1], [30, 7, 11]), np.arange(12 * PATTERN_SAMPLES))
    assert np.bincount(places.table_S).tolist() == [84_000, 24_000, 12_000]


@settings(deadline=None)
@given(weights=WEIGHTS, rows=st.integers(1, 50), start=st.integers(0, 5 * PATTERN_SAMPLES))
def test_each_table_is_read_in_order_epoch_after_epoch_from_anywhere(weights: list[int], rows: int, start: int) -> None:
    blended = blend(weights, [rows + n for n in range(len(weights))])
    places = places_of(blended, np.arange(start, start + 500))
    for table in range(len(weights)):
        mine = places.table_S == table
        nth = places.epoch_S[mine] * (rows + table) + places.position_S[mine]
        assert np.all(np.diff(nth) == 1)
        before = places_of(blended, np.arange(max(0, start - 30_000), start))
        assert np.all(nth[:1] > (before.epoch_S * (rows + table) + before.position_S)[before.table_S == table].max(initial=-1))


@pytest.mark.parametrize(
    ("weights", "rows", "says"),
    [
        ([1, 0], [5, 5], "above 0"),
        ([1, 1e-9], [5, 5], "never be read"),
        ([1], [5, 5], "one for each"),
        ([1, 1], [5, 0], "no row"),
    ],
)
def test_what_cannot_be_kept_is_refused(weights: list[float], rows: list[int], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        blend(weights, rows)
