"""The golden set: a few documents whose text is known, read by every build, so that an engine which drifts is noticed.

In: the pages that a build has read of them, and the true texts beside them. Out: GoldenScores, put once under
`_golden/<build_id>/scores.json`. They are read by the same engine through the same machinery as the corpus, as a little
dataset of their own in that folder, so that nothing of them mixes with the corpus. Knows no engine. Costs 5 ms a page to
score.

The figure is the character error rate in the engine's own order (`quality.scoring`, page order): edits over true characters,
white space left out. A document that gave no page counts as all errors.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from pydantic import TypeAdapter

from pipeline.builds import layout
from pipeline.builds.begin import read_plan
from pipeline.builds.commit import leaf_shards, read_receipts
from pipeline.builds.ledger import decode_record, encode_record
from pipeline.config import BuildConfig
from pipeline.errors import ConfigError, DocumentMissing, ObjectMissing
from pipeline.interfaces import ObjectStore, Source
from pipeline.publishing.pages_files import document_pages
from pipeline.quality.scoring import compare_text
from pipeline.records import DocumentRef
from pipeline.tables.footer import head_of

GOLDEN_ID = "golden"
"""Of the one build in each of the little datasets."""
TRUTH_SUFFIX = ".txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentScore:
    """One document against its true text."""

    num_chars: int
    """True ones, white space left out."""
    num_errors: int
    """Edits in the engine's own order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenScores:
    """What one build made of the golden set."""

    build_id: str
    documents: Mapping[str, DocumentScore]
    """By address."""

    @property
    def error_fraction(self) -> float:
        """Character error rate of all documents together; long ones weigh more. Above 1.0 when more was read than is there."""
        num_chars = sum(score.num_chars for score in self.documents.values())
        return sum(score.num_errors for score in self.documents.values()) / max(1, num_chars)


SCORES: TypeAdapter[GoldenScores] = TypeAdapter(GoldenScores)


def golden_config(config: BuildConfig) -> BuildConfig:
    """The config of the little dataset of this build. Raises ConfigError when no golden set is named."""
    if config.golden is None:
        raise ConfigError("there is no golden set; name its folder in golden.uri")
    output_uri = f"{config.output.uri.rstrip('/')}/{layout.golden_prefix(config.build_id)}"
    return config.model_copy(
        update={
            "build_id": GOLDEN_ID,
            "input": config.golden,
            "images": None,
            "output": config.output.model_copy(update={"uri": output_uri}),
            "golden": None,
        }
    )


def list_golden(source: Source) -> Iterator[DocumentRef]:
    """Everything but the true texts. Raises SourceError, StoreError."""
    return (document for document in source.scan() if not document.uri.lower().endswith(TRUTH_SUFFIX))


def score_golden(golden_store: ObjectStore, source: Source, *, build_id: str) -> GoldenScores:
    """Scores what lies in the little dataset of this build. Raises ConfigError when a document has no true text beside it."""
    plan = read_plan(golden_store, GOLDEN_ID)
    receipts = read_receipts(golden_store, GOLDEN_ID)
    texts = {document.uri: "" for document in plan.documents}
    for shard in leaf_shards(plan, receipts):
        texts |= _texts_in(golden_store.get(receipts[shard.shard_id].key))
    return GoldenScores(
        build_id=build_id, documents={uri: _score(text, _truth_of(uri, source)) for uri, text in sorted(texts.items())}
    )


def put_scores(store: ObjectStore, scores: GoldenScores) -> None:
    """The first scores put are the build's."""
    key = layout.golden_scores_key(scores.build_id)
    store.put_once(key, encode_record(SCORES, scores), attempt_id=uuid4().hex)


def find_scores(store: ObjectStore, build_id: str) -> GoldenScores | None:
    """None when the build has read no golden set. Raises VerifyError when the scores are damaged."""
    key = layout.golden_scores_key(build_id)
    try:
        return decode_record(SCORES, store.get(key), key)
    except ObjectMissing:
        return None


def _texts_in(pages_file: bytes) -> dict[str, str]:
    """By address; two documents of the same bytes have the same text."""
    read = {each.document.doc_id: each for each in document_pages(pages_file)}
    documents = head_of(pages_file).documents
    named = [(each.document.uri, each.doc_id) for each in documents.opened]
    named += [(each.document.uri, each.doc_id) for each in documents.known]
    return {uri: "\n\n".join(page.text for page in read[doc_id].pages) for uri, doc_id in named}


def _score(text: str, truth: str) -> DocumentScore:
    agreement = compare_text(text.splitlines(), text, truth)
    return DocumentScore(num_chars=agreement.num_chars_ordered, num_errors=agreement.num_errors_page_order)


def _truth_of(uri: str, source: Source) -> str:
    truth_uri = posixpath.splitext(uri)[0] + TRUTH_SUFFIX
    try:
        return source.read(DocumentRef(uri=truth_uri, size_bytes=0, version="")).decode("utf-8")
    except DocumentMissing as error:
        raise ConfigError(f"the golden document {uri} has no true text beside it ({error}); put it at {truth_uri}") from error
