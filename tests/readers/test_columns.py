"""What is made value by value equals what Arrow makes of the column."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.readers.columns import value_at

TEXTS = st.lists(st.text(max_size=12), max_size=12)


@given(parts=st.lists(TEXTS, min_size=1, max_size=3), data=st.data())
def test_texts_are_those_of_the_column_whatever_its_chunks_and_slice(parts: list[list[str]], data: st.DataObject) -> None:
    column = pa.chunked_array([pa.array(part, pa.string()) for part in parts])
    start = data.draw(st.integers(0, len(column)))
    column = column.slice(start, data.draw(st.integers(0, len(column) - start)))
    places = np.array(data.draw(st.permutations(range(len(column))))[: len(column) // 2 + 1], dtype=np.int64)
    at = value_at(column, places)
    assert [at(number) for number in range(places.size)] == [column[place].as_py() for place in places.tolist()]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", None, "c"]),
        pa.array(["", "", ""]),
        pa.array([["loop"], [], None], pa.list_(pa.string())),
        pa.array([1.5, None, 2.0]),
        pa.array(["a", "b"], pa.large_string()),
        pa.array([{"bytes": b"x", "path": "p"}, None]),
    ],
    ids=lambda values: str(values.type),
)
def test_every_other_column_is_that_of_arrow(values: pa.Array) -> None:
    at = value_at(pa.chunked_array([values]), np.arange(len(values))[::-1])
    assert [at(number) for number in range(len(values))] == values.to_pylist()[::-1]
