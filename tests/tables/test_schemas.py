"""The columns: every field has one, and the names that readers trip over are absent."""

from dataclasses import fields

import pyarrow as pa
import pytest

from pipeline.records import PageSignals
from pipeline.tables.documents import DocumentRow
from pipeline.tables.schemas import DOCUMENTS_SCHEMA, PAGES_SCHEMA, SIGNAL_COLUMNS


def test_every_signal_has_a_column_so_that_rejudging_needs_the_table_alone() -> None:
    assert {field.name for field in fields(PageSignals)} == set(SIGNAL_COLUMNS)
    assert set(SIGNAL_COLUMNS.values()) <= set(PAGES_SCHEMA.names)


def test_a_document_row_has_the_columns_as_its_fields() -> None:
    assert {field.name for field in fields(DocumentRow)} == set(DOCUMENTS_SCHEMA.names)


@pytest.mark.parametrize("schema", [PAGES_SCHEMA, DOCUMENTS_SCHEMA], ids=["pages", "documents"])
def test_no_column_has_a_name_or_a_type_that_some_reader_refuses(schema: pa.Schema) -> None:
    assert {"id", "text"} <= set(schema.names)
    assert not {"media", "metadata", "build"} & set(schema.names)
    for field in schema:
        assert not pa.types.is_dictionary(field.type)
        assert not pa.types.is_large_string(field.type)
        assert not pa.types.is_map(field.type)
