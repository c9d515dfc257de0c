"""Document rows to Parquet and back."""

import dataclasses
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tables.documents import DocumentRow, document_rows, documents_table
from pipeline.tables.parquet import decode, encode
from pipeline.tables.schemas import DOCUMENTS_SCHEMA

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COUNT = st.integers(0, 2**31 - 1)
WHEN = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
BY_TYPE: dict[object, st.SearchStrategy[object]] = {
    str: TEXT,
    int: COUNT,
    float: st.floats(0, 1),
    bool: st.booleans(),
    str | None: st.none() | TEXT,
    int | None: st.none() | COUNT,
    float | None: st.none() | st.floats(0, 1),
    datetime | None: st.none() | WHEN,
    tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),
    tuple[int, ...]: st.lists(COUNT, max_size=3).map(tuple),
}
ROWS = st.fixed_dictionaries({field.name: BY_TYPE[field.type] for field in dataclasses.fields(DocumentRow)}).map(
    lambda values: DocumentRow(**values)  # type: ignore[arg-type]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, max_size=4))
def test_a_document_comes_back_from_its_row_as_it_was(rows: list[DocumentRow]) -> None:
    assert list(document_rows(decode(encode(documents_table(rows), {}), DOCUMENTS_SCHEMA.names))) == rows
