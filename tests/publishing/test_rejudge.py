"""The table alone is enough to judge pages again: the verdicts are those that memory would have given, under any rules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import DocumentRules, PageRules
from pipeline.publishing.assemble import judge_pages
from pipeline.quality.rules import judge_page
from pipeline.records import PageRecord
from pipeline.tables.pages import page_records, pages_table
from tests.tables.strategies import OPENED, page_records_of_one_document

RULES = st.sampled_from([PageRules(), PageRules(garbled_above=0.5, low_conf_below=0.9), PageRules(layer_min_chars=0)])


@settings(deadline=None, max_examples=40)
@given(page_records_of_one_document(), RULES)
def test_a_page_is_judged_from_the_table_as_it_was_from_memory(records: list[PageRecord], rules: PageRules) -> None:
    for before, after in zip(records, page_records(pages_table(records), [OPENED]), strict=True):
        if before.facts is None or before.page is None:
            continue
        assert after.facts is not None
        assert after.page is not None
        judged = judge_page(after.facts, after.page, after.signals, rules, configured_dpi=150.0)
        assert judged == judge_page(before.facts, before.page, before.signals, rules, configured_dpi=150.0)


@settings(deadline=None, max_examples=20)
@given(page_records_of_one_document())
def test_a_document_is_judged_from_the_table_as_it_was_from_memory(records: list[PageRecord]) -> None:
    again = list(page_records(pages_table(records), [OPENED]))
    assert judge_pages(OPENED, again, DocumentRules()) == judge_pages(OPENED, records, DocumentRules())
