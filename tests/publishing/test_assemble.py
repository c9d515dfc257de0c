"""Pages to a document: exact spans, and figures weighted by what they are of."""

from dataclasses import replace

import pytest

from pipeline.config import DocumentRules
from pipeline.publishing.assemble import assemble, judge_pages, training_pages
from tests.tables.samples import blank_page, document, opened, page, unread_page

OF = opened(document("a.pdf", aliases=("/corpus/b.pdf",)), num_pages=5)


def test_a_row_holds_the_kept_pages_and_counts_the_others() -> None:
    pages = [
        page(OF, 0, "First page."),
        blank_page(OF, 1),
        page(OF, 2, "Noise", reject=("garbled",)),
        unread_page(OF, 3, error="damaged"),
        page(OF, 4, "Last \U0001f600 page."),
    ]
    row = assemble(OF, pages, judge_pages(OF, pages, DocumentRules()), code_version="0.1.0")
    assert row.text == "First page.\n\nLast \U0001f600 page."
    assert row.page_ends == (13, 25)
    assert row.page_indices == (0, 4)
    assert (row.n_pages, row.blank_pages, row.failed_pages, row.ocr_pages) == (5, 1, 1, 2)
    assert (row.chars, row.bytes, row.words) == (25, 28, 5)
    assert (row.file_path, row.url, row.aliases, row.duplicate_count) == ("/corpus/a.pdf", None, ("/corpus/b.pdf",), 1)
    assert row.extractor == "scripted"
    assert row.ocr_conf == pytest.approx(0.9)


def test_a_document_in_a_bucket_has_its_address_as_url() -> None:
    of = opened(replace(OF.document, uri="s3://bucket/a.pdf"), num_pages=1)
    pages = [page(of, 0, "text")]
    assert assemble(of, pages, judge_pages(of, pages, DocumentRules()), code_version="").url == "s3://bucket/a.pdf"


def test_an_empty_page_is_no_training_page() -> None:
    assert training_pages([page(OF, 0, ""), page(OF, 1, "x", reject=("loop",)), page(OF, 2, "y")]) == [page(OF, 2, "y")]


def test_a_kept_page_without_text_is_no_failed_page() -> None:
    """A photograph among four pages of text; a rule of 20 % failed pages must not drop the document for it."""
    pages = [page(OF, index, "" if index == 2 else "Words of the page.") for index in range(5)]
    assert judge_pages(OF, pages, DocumentRules()).failed_page_fraction == 0.0
    rejected = [replace(each, reject=("garbled",)) if index == 2 else each for index, each in enumerate(pages)]
    assert judge_pages(OF, rejected, DocumentRules()).failed_page_fraction == pytest.approx(0.2)
