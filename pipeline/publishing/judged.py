"""Stage A of publishing: one pages file to the judged rows of its documents, put once and read by every later version.

In: a JudgeTask, which names a pages file. Out: `_judged/<judge_id>/build=<id>/<shard>.parquet`, one row for each document of
the shard that was opened, and one for each that was known by its bytes: identity, names, verdict of the rules, every column of
`documents` but the text (its tokens are counted here, where it is at hand), and the signature that duplicates are found by.
Under other rules, or counted by another tokenizer, the judge's id is another, so the rows of both stand side by side, and no
page is read by an engine again. Knows no other shard and no Ray. Holds one pages file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

import pyarrow as pa

from pipeline.builds.receipt import counted
from pipeline.config import RulesConfig
from pipeline.dedup.signatures import SIGNATURE_FIELDS, SIGNATURE_SCHEME, sign_document, signature_columns
from pipeline.errors import VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import ASSEMBLY_VERSION, assemble, judge_pages, num_lost_pages, rejudge, training_pages
from pipeline.publishing.benchmarks import get_benchmarks
from pipeline.publishing.pages_files import DocumentPages, document_pages
from pipeline.publishing.tokens import NamedTokenizer, open_tokenizer
from pipeline.quality.contamination import BenchmarkNgrams, find_contamination
from pipeline.records import KnownDocument
from pipeline.tables.documents import DocumentRow
from pipeline.tables.footer import head_of
from pipeline.tables.parquet import encode, footer_of, to_json
from pipeline.tables.schemas import DOCUMENTS_SCHEMA, SCHEMA_VERSION, STRINGS

TEXT_COLUMNS = ("text", "page_ends")
"""What a judged row leaves in the pages file."""
NAME_COLUMNS = ("url", "file_path", "aliases", "duplicate_count", "minhash_cluster_size")
"""What turns on other documents and other builds."""
ROW_COLUMNS = tuple(name for name in DOCUMENTS_SCHEMA.names if name not in (*TEXT_COLUMNS, *NAME_COLUMNS, "id"))
JUDGED_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # sha256 of the document's bytes, hex
        pa.field("uri", pa.string(), nullable=False),  # as planned
        pa.field("is_known", pa.bool_(), nullable=False),  # read elsewhere: null from n_pages on
        pa.field("reject", STRINGS, nullable=False),  # of the rules alone
        pa.field("lost_pages", pa.int32(), nullable=False),  # neither blank nor kept
        pa.field("benchmarks", STRINGS, nullable=False),  # of which 13-grams stand in the text
        pa.field("benchmark_ngrams", pa.list_(pa.field("element", pa.int32())), nullable=False),  # different ones of each
        *(DOCUMENTS_SCHEMA.field(name).with_nullable(True) for name in ROW_COLUMNS),
        *SIGNATURE_FIELDS,  # of a known document: those of no pages
    ]
)
ROW_NAMES = tuple(name for name in JUDGED_SCHEMA.names if name not in {field.name for field in SIGNATURE_FIELDS})


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeTask:
    """One shard to judge."""

    store: ObjectStore
    pages_key: str
    pages_sha256: str
    judged_key: str
    rules: RulesConfig
    tokenizer: str | None
    """Name of one that lies in the dataset."""
    benchmarks_key: str
    """Of the 13-grams that documents are searched for, "" for none."""

    def __str__(self) -> str:
        return self.pages_key


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedDocument:
    """One opened document under some rules."""

    row: DocumentRow
    """That it has, or would have."""
    reject: tuple[str, ...]
    contamination: Mapping[str, int]
    """Different 13-grams by benchmark."""


def judge_id_of(rules: RulesConfig, *, benchmarks_id: str, tokenizer: str | None) -> str:
    """16 hex digits that change with whatever changes a judged row."""
    values = [rules.model_dump(mode="json"), benchmarks_id, tokenizer, ASSEMBLY_VERSION, SIGNATURE_SCHEME, SCHEMA_VERSION]
    return hashlib.sha256(to_json(values).encode()).hexdigest()[:16]


def judge_shard(task: JudgeTask) -> str:
    """Puts the judged rows of a shard, or finds them there; the same pages file gives the same rows. Returns their key. Raises
    VerifyError when the pages file is not the one of its receipt."""
    data = read_pages(task.store, task.pages_key, task.pages_sha256)
    head, benchmarks = head_of(data), get_benchmarks(task.store, task.benchmarks_key)
    tokenizer = None if task.tokenizer is None else open_tokenizer(task.store, task.tokenizer)
    rows: list[dict[str, object]] = [_known_row(known) for known in head.documents.known]
    signatures = [sign_document(())] * len(rows)
    pages: Counter[str] = Counter()
    for each in judged_documents(data, task.rules):
        judged = judged_document(each, task.rules, benchmarks, tokenizer, head.stamp.code_version)
        rows.append(_row(judged, each))
        signatures.append(sign_document([page.text for page in training_pages(each.pages)]))
        pages.update(reason for page in each.pages for reason in page.reject)
    columns = [pa.array([row[name] for row in rows], JUDGED_SCHEMA.field(name).type) for name in ROW_NAMES]
    table = pa.table([*columns, *signature_columns(signatures)], schema=JUDGED_SCHEMA)
    footer = {"pagemill.schema": f"judged/{SCHEMA_VERSION}", "pagemill.pages_by_reject": to_json(counted(pages.elements()))}
    ordered = table.sort_by([("id", "ascending"), ("uri", "ascending")])
    task.store.put_once(task.judged_key, encode(ordered, footer), attempt_id=uuid4().hex)
    return task.judged_key


def pages_by_reject_of(data: bytes) -> Mapping[str, int]:
    """How many pages of the shard each rule rejects, from an encoded file of judged rows. Raises VerifyError."""
    counts: Mapping[str, int] = json.loads(footer_of(data)["pagemill.pages_by_reject"])
    return counts


def read_pages(store: ObjectStore, key: str, sha256: str) -> bytes:
    """A pages file that is the one of its receipt. Raises VerifyError."""
    data = store.get(key)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise VerifyError(f"{key} in {store.uri} is not the bytes that its receipt is of; `pagemill verify` tells more")
    return data


def judged_documents(data: bytes, rules: RulesConfig) -> Iterator[DocumentPages]:
    """Every opened document of a pages file, its pages judged by these rules."""
    for each in document_pages(data):
        yield DocumentPages(document=each.document, pages=[rejudge(page, rules.pages) for page in each.pages])


def judged_document(
    each: DocumentPages,
    rules: RulesConfig,
    benchmarks: BenchmarkNgrams,
    tokenizer: NamedTokenizer | None,
    code_version: str,
) -> JudgedDocument:
    """`each` holds pages judged by these rules; they may be set so low that a document without a word passes them, and there is
    nothing of it to publish. Of a forgotten document nothing else can be said. Tokens are counted of what passes."""
    judgement = judge_pages(each.document, each.pages, rules.documents)
    row = assemble(each.document, each.pages, judgement, code_version=code_version)
    if any(page.status == "forgotten" for page in each.pages):
        return JudgedDocument(row=row, reject=("forgotten",), contamination={})
    found = find_contamination(row.text, benchmarks)
    limit = rules.documents.benchmark_ngrams_above
    is_contaminated = limit is not None and sum(found.values()) > limit
    reject = (*judgement.reject, *(("contaminated",) if is_contaminated else ()))
    if not reject and not row.text:
        reject = ("too_short",)
    if tokenizer is not None and not reject:
        row = replace(row, token_count=tokenizer.count(row.text), tokenizer=tokenizer.name)
    return JudgedDocument(row=row, reject=reject, contamination=found)


def _row(judged: JudgedDocument, each: DocumentPages) -> dict[str, object]:
    return {
        "id": judged.row.id,
        "uri": judged.row.file_path,
        "is_known": False,
        "reject": judged.reject,
        "lost_pages": num_lost_pages(each.pages),
        "benchmarks": tuple(judged.contamination),
        "benchmark_ngrams": tuple(judged.contamination.values()),
        **{name: getattr(judged.row, name) for name in ROW_COLUMNS},
    }


def _known_row(known: KnownDocument) -> dict[str, object]:
    row = {"id": known.doc_id, "uri": known.document.uri, "is_known": True, "reject": ("known",), "lost_pages": 0}
    return {**dict.fromkeys(ROW_COLUMNS), **row, "benchmarks": (), "benchmark_ngrams": ()}
