"""The pages of a document to one row of `documents`. In: an opened document and its page records. Out: a DocumentRow.

Pages are joined with a blank line that belongs to the span of the page before it, so `text[page_ends[i-1]:page_ends[i]]` is
exact and the spans laid end to end are the text. Figures of the document are those of its kept pages, weighted by letters
(language, script, confidence), words (word figures) or characters (repetition). Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pipeline.config import DocumentRules
from pipeline.records import OpenedDocument, PageRecord, PageSignals
from pipeline.tables.documents import DocumentRow

PAGE_BREAK = "\n\n"


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


def assemble(document: OpenedDocument, pages: Sequence[PageRecord], rules: DocumentRules, *, code_version: str) -> DocumentRow:
    """One row. `pages` are all pages of the document, in order; at least one is a training page."""
    kept = training_pages(pages)
    text, page_ends = join_pages([page.text for page in kept])
    ref = document.document
    language, language_share = main_language(kept, mixed_below=rules.multilingual_share_below)
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
        language=language,
        language_score=language_share,
        script=main_script(kept),
        per_page_languages=tuple(page.signals.language for page in kept),
        chars=len(text),
        words=sum(page.signals.num_words for page in kept),
        bytes=len(text.encode()),
        extractor="+".join(sorted({page.page.engine for page in kept if page.page is not None})),
        ocr_pages=sum(page.page is not None and page.page.source == "ocr" for page in kept),
        failed_pages=sum(page.status == "failed" for page in pages),
        blank_pages=sum(page.status == "blank" for page in pages),
        ocr_conf=_confidence(kept),
        is_form=document.is_form,
        alpha_words=_mean(kept, lambda signals: signals.alpha_word_fraction, lambda signals: signals.num_words),
        mean_word_len=_mean(kept, lambda signals: signals.mean_word_chars, lambda signals: signals.num_words),
        dup_line=_mean(kept, lambda signals: signals.dup_line_fraction, lambda signals: signals.num_chars),
        dup_10gram=_mean(kept, lambda signals: signals.dup_10gram_fraction, lambda signals: signals.num_chars),
        duplicate_count=len(ref.aliases),
        pipeline_version=code_version,
    )


def main_language(pages: Sequence[PageRecord], *, mixed_below: float) -> tuple[str, float | None]:
    """The language with most letters and its share of all letters; `mul` when the share is below `mixed_below`, and `und`
    without a share when there are no letters."""
    letters: Counter[str] = Counter()
    for page in pages:
        letters[page.signals.language] += page.signals.num_letters
    num_letters = letters.total()
    if num_letters == 0:
        return "und", None
    language = min(letters, key=lambda name: (-letters[name], name))
    share = letters[language] / num_letters
    return (language if share >= mixed_below else "mul"), share


def main_script(pages: Sequence[PageRecord]) -> str:
    """The script with most letters, `Zyyy` when there are none."""
    letters: Counter[str] = Counter()
    for page in pages:
        letters[page.signals.script] += page.signals.num_letters
    return min(letters, key=lambda name: (-letters[name], name)) if letters.total() else "Zyyy"


def _confidence(pages: Sequence[PageRecord]) -> float | None:
    measured = [
        (page.page.confidence, page.signals.num_letters) for page in pages if page.page and page.page.confidence is not None
    ]
    weight = sum(letters for _, letters in measured)
    return sum(confidence * letters for confidence, letters in measured) / weight if weight else None


def _mean(pages: Sequence[PageRecord], value: Callable[[PageSignals], float], weight: Callable[[PageSignals], int]) -> float:
    total = sum(weight(page.signals) for page in pages)
    return sum(value(page.signals) * weight(page.signals) for page in pages) / total if total else 0.0
