"""Page records to Parquet and back."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings

from pipeline.builds.plan import shard_of
from pipeline.errors import VerifyError
from pipeline.records import Attempt, PageRecord
from pipeline.tables.footer import head_of
from pipeline.tables.pages import GROUP_ROWS, JUDGING_COLUMNS, encode_pages, page_records, pages_table
from pipeline.tables.parquet import decode, decode_groups, encode, footer_of
from pipeline.tables.schemas import PAGES_SCHEMA
from tests.tables.samples import document, head, opened, page, pages_of, signals, unread_page
from tests.tables.strategies import OPENED, page_records_of_one_document


@settings(deadline=None, max_examples=40)
@given(page_records_of_one_document())
def test_a_record_comes_back_from_its_row_as_it_was(records: list[PageRecord]) -> None:
    head_in = head(shard_of([OPENED.document]))
    data = encode_pages(reversed(records), head_in)
    head_out = head_of(data)
    assert head_out == head_in
    assert list(page_records(decode(data, PAGES_SCHEMA.names), [OPENED])) == records


def test_the_columns_for_judging_give_the_same_record_without_its_blocks() -> None:
    records = pages_of(OPENED)
    data = encode_pages(records, head(shard_of([OPENED.document])))
    without_blocks = [replace(r, page=None if r.page is None else replace(r.page, blocks=())) for r in records]
    assert list(page_records(decode(data, JUDGING_COLUMNS), [OPENED])) == without_blocks


@pytest.mark.parametrize("fraction", [0.3, 0.05, 0.6, 0.35])
def test_a_signal_that_lies_on_its_threshold_lies_on_it_after_the_round_trip(fraction: float) -> None:
    record = replace(page(OPENED, 0, "text"), signals=signals("text", dup_line_fraction=fraction))
    (again,) = page_records(pages_table([record]), [OPENED])
    assert not again.signals.dup_line_fraction > fraction


def test_rows_are_sorted_by_document_and_page_and_carry_the_page_id() -> None:
    others = opened(document("b.pdf"), num_pages=3)
    table = pages_table([page(others, 2, "x"), page(OPENED, 1, "y"), page(others, 0, "z"), page(OPENED, 0, "w")])
    ids = table.column("id").to_pylist()
    assert ids == sorted(ids)
    assert ids[0] == f"{table.column('doc_id')[0].as_py()}/000000"


def climbed(**changes: object) -> PageRecord:
    """A page that was read well on the second rung."""
    record = page(OPENED, 0, "text")
    assert record.page is not None
    attempts = (
        Attempt(rung="first", mode="tiny", reasons=("loop", "overfull"), seconds=1.5, output_tokens=900),
        Attempt(rung="wider", mode=None, reasons=("engine_failed",), seconds=0.25, output_tokens=None, error="no memory"),
    )
    values = {"rung": "plain", "attempts": attempts, "seconds": 2.75, "mode": "base", "vision_tokens": 273, "text_tokens": 1050}
    return replace(record, page=replace(record.page, **(values | changes)))  # type: ignore[arg-type]


def test_a_climb_comes_back_from_its_row_and_compression_is_text_over_vision_tokens() -> None:
    record = climbed(expected_tokens=1000)
    table = pages_table([record])
    assert list(page_records(table, [OPENED])) == [record]
    (row,) = table.to_pylist()
    assert (row["mode"], row["rung"], row["expected_tokens"]) == ("base", "plain", 1000)
    assert row["compression"] == pytest.approx(1050 / 273)
    assert [attempt["rung"] for attempt in row["attempts"]] == ["first", "wider"]


@pytest.mark.parametrize("unknown", [{"text_tokens": None}, {"vision_tokens": None}, {"vision_tokens": 0}])
def test_compression_is_null_where_one_of_its_sides_is_not_known(unknown: dict[str, object]) -> None:
    assert pages_table([climbed(**unknown)]).column("compression").to_pylist() == [None]


def test_a_page_that_no_engine_was_asked_for_has_no_rung_and_no_attempts() -> None:
    (row,) = pages_table([unread_page(OPENED, 0, error="damaged")]).to_pylist()
    assert (row["rung"], row["mode"], row["attempts"]) == (None, None, [])


def test_the_same_records_make_the_same_bytes_in_any_order() -> None:
    records, head_of_shard = pages_of(OPENED), head(shard_of([OPENED.document]))
    assert encode_pages(records, head_of_shard) == encode_pages(reversed(records), head_of_shard)


def test_a_required_column_refuses_a_null() -> None:
    row = pages_table([page(OPENED, 0, "text")]).to_pylist()[0]
    table = pa.Table.from_pylist([{**row, "text": None}], schema=PAGES_SCHEMA)
    with pytest.raises(pa.ArrowInvalid, match="non-nullable"):
        encode(table, {})


def test_the_footer_says_how_the_pages_were_made() -> None:
    texts = footer_of(encode_pages([], head(shard_of([OPENED.document]))))
    assert texts["pagemill.schema"] == "pages/3"
    assert texts["pagemill.build"] == "main"
    assert texts["pagemill.recipe"] == '{"render":{"dpi":150.0}}'
    assert texts["pagemill.config"] == '{"documents":{"min_words":50},"pages":{"garbled_above":0.05}}'
    assert {"pagemill.engine", "pagemill.code_version", "pagemill.lang_detector", "pagemill.shard"} <= texts.keys()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"no parquet at all" * 10])
def test_bytes_that_are_no_parquet_are_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(VerifyError, match="not a whole Parquet file"):
        head_of(data)
    with pytest.raises(VerifyError, match="not a whole Parquet file"):
        decode(data, ["id"])


def test_a_file_cut_short_is_refused() -> None:
    data = encode_pages(pages_of(OPENED), head(shard_of([OPENED.document])))
    with pytest.raises(VerifyError, match="not a whole Parquet file"):
        list(decode_groups(data[:-10], ["id"]))


def test_a_file_that_lacks_a_column_is_refused() -> None:
    data = encode(pages_table(pages_of(OPENED)).drop_columns(["furniture"]), {})
    with pytest.raises(VerifyError, match="lacks the columns furniture"):
        decode(data, PAGES_SCHEMA.names)


def test_parquet_that_is_no_pages_file_is_refused_by_its_schema() -> None:
    with pytest.raises(VerifyError, match="schema none, where this version reads pages/3"):
        head_of(encode(pa.table({"a": [1]}), {}))


def test_the_error_of_a_failed_page_never_stands_in_a_text_column() -> None:
    table = pages_table([unread_page(OPENED, 0, error="xref table is damaged")])
    row = table.to_pylist()[0]
    assert row.pop("error") == "xref table is damaged"
    assert "xref" not in str(row)


def test_a_long_document_is_written_and_read_a_row_group_at_a_time() -> None:
    long = replace(OPENED, num_pages=2 * GROUP_ROWS + 1)
    data = encode_pages(
        reversed([page(long, index, "text") for index in range(long.num_pages)]), head(shard_of([long.document]))
    )
    groups = list(decode_groups(data, ["page"]))
    assert [group.num_rows for group in groups] == [GROUP_ROWS, GROUP_ROWS, 1]
    assert [index for group in groups for index in group.column("page").to_pylist()] == list(range(long.num_pages))
