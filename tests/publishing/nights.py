"""A corpus that changes from night to night, and builds of it, as the factory would leave them in a store.

A file's content is a text's name and a variant of its bytes, "mill/1": variants of one text are other bytes with equal pages.
The content `bad/...` cannot be opened. What a full rebuild would publish follows from the corpus alone (`expected`).
"""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import replace

from pipeline.builds.begin import begin_build
from pipeline.builds.commit import commit_shard
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.known import known_ids
from pipeline.receipts import Shard
from pipeline.records import DocumentFailure, DocumentRef, KnownDocument, OpenedDocument, PageRecord
from pipeline.tables.documents import DocumentRow, document_rows
from pipeline.tables.footer import ShardDocuments
from pipeline.tables.pages import encode_pages
from pipeline.tables.parquet import decode
from pipeline.tables.schemas import DOCUMENTS_SCHEMA
from tests.builds.factory import config
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import WORDS, blank_page, document, head, page

Corpus = Mapping[str, str]
"""Name to content."""


def read_night(store: ObjectStore, corpus: Corpus, build_id: str, **sections: object) -> BuildConfig | None:
    """Lists the corpus and reads what is new of it; nothing is published. None when there was nothing to do."""
    built = config(build_id, **{"plan": {"shard_documents": 3}, **sections})
    plan = begin_build(store, built, lambda: listing(corpus), code_version="0.1.0")
    if not plan.has_work:
        return None
    known = set(known_ids(store, but=build_id))
    for shard in plan.shards:
        commit_shard(store, build_id, shard.shard_id, _pages_file(shard, corpus, known, plan.stamp), attempt_id="a")
    return built


def listing(corpus: Corpus) -> list[DocumentRef]:
    """Equal bytes under several names are one document, as `sources.same_bytes` makes them."""
    names: dict[str, list[str]] = {}
    for name in sorted(corpus):
        names.setdefault(corpus[name], []).append(name)
    return [
        document(first, version=content, aliases=tuple(f"/corpus/{name}" for name in rest))
        for content, (first, *rest) in names.items()
    ]


def expected(corpus: Corpus) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What a rebuild of everything would publish: text to canonical name and aliases; () where another variant of the text may
    stand as well, so that which names are shown depends on which was read first."""
    contents: dict[str, list[str]] = {}
    for name in sorted(corpus):
        if not corpus[name].startswith("bad"):
            contents.setdefault(corpus[name], []).append(f"/corpus/{name}")
    texts: dict[str, tuple[str, tuple[str, ...]]] = {}
    for content, names in contents.items():
        text = text_of(content, 0)
        texts[text] = ("", ()) if text in texts else (names[0], tuple(names[1:]))
    return texts


def rows_of(store: MemoryStore, version_id: str) -> list[DocumentRow]:
    prefix = f"documents/version={version_id}/"
    tables = [decode(store.get(info.key), DOCUMENTS_SCHEMA.names) for info in store.list(prefix)]
    return [row for table in tables for row in document_rows(table)]


def without_versions(store: MemoryStore) -> MemoryStore:
    """The same builds, as if nothing had ever been published of them."""
    bare = MemoryStore()
    bare.objects = {key: data for key, data in store.objects.items() if key.startswith(("pages/", "_builds/"))}
    bare.attempts = dict(store.attempts)
    return bare


def parts_of(store: MemoryStore, version_id: str) -> dict[str, bytes]:
    prefix = f"documents/version={version_id}/"
    return {key.removeprefix(prefix): data for key, data in store.objects.items() if key.startswith(prefix)}


def text_of(content: str, page_index: int) -> str:
    """Sixty words, the same for every variant of a text."""
    chance = random.Random(f"{content.partition('/')[0]} {page_index}")
    return " ".join(f"{chance.choice(WORDS)}{chance.choice('aeioust')}" for _ in range(60)).capitalize() + "."


def _pages_file(shard: Shard, corpus: Corpus, known: set[str], stamp: object) -> bytes:
    opened: list[OpenedDocument] = []
    failed: list[DocumentFailure] = []
    again: list[KnownDocument] = []
    for ref in shard.documents:
        content = ref.version
        doc_id = hashlib.sha256(content.encode()).hexdigest()
        if content.startswith("bad"):
            failed.append(DocumentFailure(document=ref, doc_id=doc_id, reason="damaged", error="no xref table"))
        elif doc_id[:32] in known or any(each.doc_id == doc_id for each in opened):
            again.append(KnownDocument(document=ref, doc_id=doc_id))
        else:
            num_pages = 1 + len(content.partition("/")[0]) % 3
            opened.append(OpenedDocument(document=ref, doc_id=doc_id, num_pages=num_pages, media="pdf"))
    shard_head = head(shard, stamp=stamp)  # type: ignore[arg-type]
    documents = ShardDocuments(opened=tuple(opened), failed=tuple(failed), known=tuple(again))
    return encode_pages([each for of in opened for each in _pages_of(of)], replace(shard_head, documents=documents))


def _pages_of(of: OpenedDocument) -> list[PageRecord]:
    return [
        blank_page(of, index) if index == 1 else page(of, index, text_of(of.document.version, index))
        for index in range(of.num_pages)
    ]
