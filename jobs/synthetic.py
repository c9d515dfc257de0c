"""A corpus and a finished build that exist only while they are asked for: what a benchmark of size lists and reads.

In: a number of documents or shards. Out: a Source that lists that many documents, and an ObjectStore that holds that many
receipts and pages files, each made from a template by putting other names of the same length into it. Everything that is put
lies in a real folder. The same number gives the same bytes. Holds the names of its shards.
"""

import hashlib
import heapq
import io
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.builds import layout
from pipeline.builds.ledger import encode_receipt
from pipeline.builds.plan import shard_of
from pipeline.builds.receipt import receipt_of
from pipeline.config import BuildConfig, ScriptedConfig
from pipeline.engines.scripted import ScriptedEngine
from pipeline.errors import ObjectMissing
from pipeline.flow import build_shard
from pipeline.interfaces import ObjectInfo, ObjectStore, Source
from pipeline.records import DocumentRef, OpenedDocument, PageFacts, PageId, PageImage, RenderEvent
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts, head_texts
from pipeline.tables.pages import pages_table

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MEDIAN_BYTES = 400_000
SPREAD = 1.5
"""Sigma of the logarithm of a size: one document in a hundred is above 13 MB, one in a million above 500 MB."""
COPY_EVERY = 1000
"""One document in so many is a copy of the one before it, until planning merges the two."""
GONE, CHANGED = 7, 8
"""Ordinals within a hundred."""
PROSE = (
    "The mill stands below the weir, where the river narrows and the current is strong enough to turn two wheels at once. In "
    "spring the miller opens the sluice before dawn, so that the vats are warm when the first carts arrive from town. Rags "
    "are sorted by hand, cut into strips, and left to soften for nine days under wet canvas. What the stampers give is as "
    "white as milk, and one dip of the mould gives a sheet that dries overnight in the loft. Nobody counts what tears; "
    "it goes back to the vat with the next morning's water."
)
FACTS = PageFacts(width_pt=595.0, height_pt=842.0, rotation_degrees=0, dpi=40.0, width_px=4, height_px=4, ink_fraction=0.1)


class SyntheticSource:
    """A `Source` of `num_documents`; names are about 85 characters long, as a crawl's are."""

    def __init__(self, num_documents: int) -> None:
        self._num_documents = num_documents

    def scan(self) -> Iterator[DocumentRef]:
        return (document_of(ordinal) for ordinal in range(self._num_documents))

    def read(self, document: DocumentRef) -> bytes:
        return _content_of(document)

    def read_tail(self, document: DocumentRef, num_bytes: int) -> bytes:
        return _content_of(document)


class SyntheticNight(SyntheticSource):
    """The same corpus a night later: of a hundred documents one is gone, one has changed, and one is new."""

    def scan(self) -> Iterator[DocumentRef]:
        for ordinal in range(self._num_documents + self._num_documents // 100):
            document = document_of(ordinal)
            if ordinal % 100 == GONE and ordinal < self._num_documents:
                continue
            has_changed = ordinal % 100 == CHANGED and ordinal < self._num_documents
            yield replace(document, version=f"{document.version[:-1]}+") if has_changed else document


def document_of(ordinal: int) -> DocumentRef:
    digest = hashlib.sha256(str(ordinal).encode()).hexdigest()
    original = ordinal - (ordinal % COPY_EVERY == COPY_EVERY - 1)
    return DocumentRef(
        uri=f"s3://corpus/crawl/CC-MAIN-2026-05/{ordinal // 1000:06d}/{digest[:32]}-{ordinal:09d}.pdf",
        size_bytes=round(random.Random(original).lognormvariate(0.0, SPREAD) * MEDIAN_BYTES),
        version=digest[32:],
        modified_at=NOON + timedelta(seconds=ordinal),
    )


def page_document(ordinal: int) -> DocumentRef:
    """One of a build of a page a shard: all of one size, so that their names fit into each other's place."""
    return replace(document_of(ordinal), size_bytes=MEDIAN_BYTES)


def _content_of(document: DocumentRef) -> bytes:
    """Stands for the bytes: a copy gives those of the document before it."""
    ordinal = int(document.uri[-13:-4])
    return str(ordinal - (ordinal % COPY_EVERY == COPY_EVERY - 1)).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A pages file and its receipt, and the names in them that are replaced."""

    pages_file: bytes
    receipt: bytes
    sha256: str
    shard_id: str
    doc_id: str
    document: DocumentRef


class SyntheticStore:
    """An `ObjectStore` of a finished build of one page a shard; its plan and whatever is put lie in `beside`."""

    def __init__(self, beside: ObjectStore, stamp: BuildStamp, config: BuildConfig, *, num_shards: int) -> None:
        self._beside = beside
        self._build_id = stamp.build_id
        self._template = make_template(stamp, config)
        known = sorted((shard_of([page_document(ordinal)]).shard_id, ordinal) for ordinal in range(num_shards))
        self._shard_ids = [shard_id for shard_id, _ in known]
        self._ordinals = np.array([ordinal for _, ordinal in known], dtype=np.int32)

    @property
    def uri(self) -> str:
        return self._beside.uri

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        made = [
            _infos(layout.receipt_key, self._build_id, self._shard_ids),
            _infos(layout.pages_key, self._build_id, self._shard_ids),
        ]
        everything = heapq.merge(self._beside.list(prefix), *made, key=lambda info: info.key)
        return (info for info in everything if info.key.startswith(prefix))

    def get(self, key: str) -> bytes:
        if key.startswith(layout.pages_prefix(self._build_id)):
            return self._pages_file(layout.shard_id_of(key))
        if key.startswith(layout.receipts_prefix(self._build_id)):
            shard_id = layout.shard_id_of(key)
            sha256 = hashlib.sha256(self._pages_file(shard_id)).hexdigest().encode()
            named = self._template.receipt.replace(self._template.shard_id.encode(), shard_id.encode())
            return named.replace(self._template.sha256.encode(), sha256)
        return self._beside.get(key)

    def _pages_file(self, shard_id: str) -> bytes:
        place = bisect_left(self._shard_ids, shard_id)
        if place == len(self._shard_ids) or self._shard_ids[place] != shard_id:
            raise ObjectMissing(f"there is no shard {shard_id}")
        template, document = self._template, page_document(int(self._ordinals[place]))
        names = {
            template.shard_id: shard_id,
            template.doc_id: hashlib.sha256(document.uri.encode()).hexdigest(),
            template.document.uri: document.uri,
            template.document.version: document.version,
        }
        data = template.pages_file
        for old, new in names.items():
            data = data.replace(old.encode(), new.encode())
        return data

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get(key)[start : start + length]

    def head(self, key: str) -> ObjectInfo:
        return self._beside.head(key)

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        return self._beside.put_once(key, data, attempt_id=attempt_id)

    def put(self, key: str, data: bytes) -> None:
        self._beside.put(key, data)

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        return self._beside.replace(key, data, version=version, attempt_id=attempt_id)

    def copy(self, source_key: str, key: str) -> None:
        self._beside.put(key, self.get(source_key))

    def delete(self, key: str) -> None:
        self._beside.delete(key)

    def probe(self) -> None:
        self._beside.probe()


def _infos(key_of: Callable[[str, str], str], build_id: str, shard_ids: Iterable[str]) -> Iterator[ObjectInfo]:
    return (ObjectInfo(key=key_of(build_id, shard_id), size_bytes=1, version="1", modified_at=NOON) for shard_id in shard_ids)


def make_template(stamp: BuildStamp, config: BuildConfig) -> Template:
    """One page through the real flow, stored plain, so that its names stand in the file as they are."""
    document = page_document(10**9 - 1)
    doc_id = hashlib.sha256(document.uri.encode()).hexdigest()
    shard = shard_of([document])

    def render(documents: Iterable[DocumentRef], source: Source) -> Iterator[RenderEvent]:
        yield OpenedDocument(document=document, doc_id=doc_id, num_pages=1, media="pdf")
        yield PageImage(page_id=PageId(doc_id, 0), facts=FACTS, pixels_HWC=np.zeros((4, 4, 1), dtype=np.uint8))

    engine = ScriptedEngine(ScriptedConfig(), script=lambda page_id, facts: f"{PROSE} Ledger {doc_id}.")
    result = build_shard(
        shard, source=SyntheticSource(0), render=render, engine=engine, config=config, on_page=lambda page: None
    )
    facts = ShardFacts(
        shard_id=shard.shard_id, worker="synthetic", times=result.times, started_at=NOON, finished_at=result.finished_at
    )
    head = PagesHead(stamp=stamp, shard=facts, documents=ShardDocuments(opened=result.documents, failed=(), known=()))
    sink = io.BytesIO()
    table: pa.Table = pages_table(result.records).replace_schema_metadata(head_texts(head))
    pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    pages_file = sink.getvalue()
    receipt = receipt_of(pages_file, layout.pages_key(stamp.build_id, shard.shard_id))
    return Template(
        pages_file=pages_file,
        receipt=encode_receipt(receipt),
        sha256=receipt.sha256,
        shard_id=shard.shard_id,
        doc_id=doc_id,
        document=document,
    )
