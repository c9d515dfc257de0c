"""Documents as columns stand for the records they were made of."""

import pickle
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import DocumentRef
from pipeline.tables.document_refs import DocumentSlice, gather, refs_at, refs_of

MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DOCUMENTS = st.lists(
    st.builds(
        DocumentRef,
        uri=NAMES,
        size_bytes=st.integers(0, 2**40),
        version=NAMES,
        modified_at=st.none() | MOMENTS,
        sha256=st.none() | st.just("ab" * 32),
        aliases=st.lists(NAMES, max_size=2).map(tuple),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(DOCUMENTS, st.data())
def test_a_slice_is_the_tuple_of_its_documents(documents: list[DocumentRef], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(documents)))
    stop = data.draw(st.integers(start, len(documents)))
    table = gather(documents)
    held, expected = DocumentSlice(table, start, stop), tuple(documents[start:stop])
    assert held == expected
    assert (len(held), tuple(held), hash(held)) == (len(expected), expected, hash(expected))
    middle = len(expected) // 2
    assert (held[:middle], held[middle:], held[::-1]) == (expected[:middle], expected[middle:], expected[::-1])
    assert [held[place] for place in range(-len(expected), len(expected))] == [*expected, *expected]
    assert held != (*expected, None)
    assert list(refs_of(table)) == documents
    rows = list(range(start, stop))[::-1]
    assert list(refs_at(table, rows)) == [documents[row] for row in rows]


def test_a_slice_travels_as_a_tuple_and_leaves_its_table_behind() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    documents = [
        DocumentRef(uri=f"/{number}", size_bytes=number, version="1", modified_at=noon + timedelta(microseconds=number))
        for number in range(20_000)
    ]
    packed = pickle.dumps(DocumentSlice(gather(documents), 19_998, 20_000))
    assert pickle.loads(packed) == tuple(documents[-2:])
    assert type(pickle.loads(packed)) is tuple
    assert len(packed) < 1000
