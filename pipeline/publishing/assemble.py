"""The pages of a document to one row of `documents`. In: an opened document and its page records. Out: a DocumentRow.

Pages are joined with a blank line that belongs to the span of the page before it, so `text[page_ends[i-1]:page_ends[i]]` is
exact and the spans laid end to end are the text. The document's figures come from `quality.document_rules`. Pure.
"""

from collections.abc import Iterable, Sequence

from pipeline.config import DocumentRules
from pipeline.quality.document_rules import DocumentJudgement, KeptPage, judge_document
from pipeline.records import OpenedDocument, PageRecord
from pipeline.tables.documents import DocumentRow

PAGE_BREAK = "\n\n"


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


def join_pages(texts: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """The joined text and the end of each page's span in code points: ["a", "bc"] gives ("a\\n\\nbc", (3, 5))."""
    spans = [text + PAGE_BREAK for text in texts[:-1]] + list(texts[-1:])
    ends: list[int] = []
    for span in spans:
        ends.append(len(span) + (ends[-1] if ends else 0))
    return "".join(spans), tuple(ends)


def assemble(
    document: OpenedDocument, pages: Sequence[PageRecord], judgement: DocumentJudgement, *, code_version: str
) -> DocumentRow:
    """One row. `pages` are all pages of the document, in order; at least one is a training page."""
    kept = training_pages(pages)
    text, page_ends = join_pages([page.text for page in kept])
    ref = document.document
    return DocumentRow(
        text=text,
        id=document.doc_id,
        url=ref.uri if "://" in ref.uri else None,
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
