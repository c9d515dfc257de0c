"""The pages of a document to one row of `documents`. In: an opened document and its page records. Out: a DocumentRow.

A page that was read is judged again with the rules given, from the signals that are stored with it; a page that failed, or
was blank, stays what it is. The document's figures come from `quality.document_rules`, its text from `join`. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.config import DocumentRules, PageRules
from pipeline.publishing.join import join_pages
from pipeline.quality.document_rules import DocumentJudgement, KeptPage, judge_document
from pipeline.quality.rules import judge_page
from pipeline.records import OpenedDocument, PageRecord
from pipeline.tables.documents import DocumentRow

ASSEMBLY_VERSION = "1"
"""Raise it with every change that changes a row, its text or its verdict: what was judged with another is judged again."""


def rejudge(page: PageRecord, rules: PageRules) -> PageRecord:
    """The page as these rules judge it; its status does not depend on rules. Only the tag `scaled_down` would turn on the
    configured resolution, and no tag is taken over."""
    if page.page is None or page.facts is None:
        return page
    verdict = judge_page(page.facts, page.page, page.signals, rules, configured_dpi=page.facts.dpi)
    return page if verdict.reject == page.reject else replace(page, reject=verdict.reject)


def judge_pages(document: OpenedDocument, pages: Sequence[PageRecord], rules: DocumentRules) -> DocumentJudgement:
    """The verdict on a document from all its pages. A kept page without text, a photograph say, is not a failed one."""
    kept = [page for page in pages if page.status == "ok" and not page.reject]
    return judge_document(
        [
            KeptPage(text=page.text, signals=page.signals, confidence=None if page.page is None else page.page.confidence)
            for page in kept
        ],
        num_pages=document.num_pages,
        num_blank=sum(page.status == "blank" for page in pages),
        rules=rules,
    )


def training_pages(pages: Iterable[PageRecord]) -> list[PageRecord]:
    """The pages whose text goes into the document: read, kept and not empty."""
    return [page for page in pages if page.status == "ok" and not page.reject and page.text]


def num_lost_pages(pages: Iterable[PageRecord]) -> int:
    """Pages that are neither blank nor kept: failed or rejected. A forgotten one was not lost."""
    return sum(page.status not in ("blank", "forgotten") and bool(page.reject) for page in pages)


def url_of(uri: str) -> str | None:
    """The URI when it has a scheme."""
    return uri if "://" in uri else None


def assemble(
    document: OpenedDocument, pages: Sequence[PageRecord], judgement: DocumentJudgement, *, code_version: str
) -> DocumentRow:
    """One row, under the names that the document was planned with. `pages` are all its pages, in order."""
    kept = training_pages(pages)
    text, page_ends = join_pages([page.page_id.page_index for page in kept], [page.text for page in kept])
    ref = document.document
    return DocumentRow(
        text=text,
        id=document.doc_id,
        url=url_of(ref.uri),
        file_path=ref.uri,
        aliases=ref.aliases,
        date=ref.modified_at,
        title=document.title,
        author=document.author,
        n_pages=document.num_pages,
        page_ends=page_ends,
        page_indices=tuple(page.page_id.page_index for page in kept),
        language=judgement.language,
        language_score=judgement.language_score,
        script=judgement.script,
        per_page_languages=tuple(page.signals.language for page in kept),
        chars=len(text),
        words=judgement.num_words,
        bytes=len(text.encode()),
        extractor="+".join(sorted({page.page.engine for page in kept if page.page is not None})),
        ocr_pages=sum(page.page is not None and page.page.source == "ocr" for page in kept),
        failed_pages=sum(page.status == "failed" for page in pages),
        blank_pages=sum(page.status == "blank" for page in pages),
        ocr_conf=judgement.ocr_conf,
        is_form=document.is_form,
        alpha_words=judgement.alpha_words,
        mean_word_len=judgement.mean_word_len,
        dup_line=judgement.dup_line,
        dup_10gram=judgement.dup_10gram,
        duplicate_count=len(ref.aliases),
        pipeline_version=code_version,
    )
