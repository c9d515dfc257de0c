"""A published version against the pages it was made from. In: the store, the version's manifest, and pages files as they go by.
Out: findings. Holds 400 bytes a document and one row group.

What must hold: the parts are those that lie in the bucket; every document of every build of the version has one verdict, with
the reasons that the version's rules and the names of its builds give; one with no reason stands in `documents` once, every
column as its pages, names and verdict make it; nothing else stands there, and all in dataset order. Which of two alike
documents stays is taken from the verdicts, but the one that stays must be published.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa

from pipeline.builds import layout
from pipeline.builds.receipt import counted
from pipeline.builds.verify_shard import Finding
from pipeline.config import RulesConfig
from pipeline.errors import ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import url_of
from pipeline.publishing.benchmarks import NO_BENCHMARKS, get_benchmarks
from pipeline.publishing.judged import JudgedDocument, judged_document, judged_documents
from pipeline.publishing.live import Flags, Living, ReadDocuments, living, read_planned_names
from pipeline.publishing.parts import VersionPart
from pipeline.publishing.takedown import NOTHING, Takedown, decode_takedown, takedown_id, taken_down
from pipeline.publishing.tokens import NamedTokenizer, open_tokenizer
from pipeline.publishing.verdicts import VERDICTS_SCHEMA, Verdict, verdicts_of
from pipeline.publishing.versions import VersionManifest
from pipeline.quality.contamination import BenchmarkNgrams
from pipeline.tables.documents import DocumentRow
from pipeline.tables.footer import head_of
from pipeline.tables.parquet import decode, decode_groups, to_json
from pipeline.tables.schemas import DOCUMENTS_SCHEMA


class Published:
    """A version, held open while pages files go by: `findings_of` is asked for each once, and `findings_left` at the end."""

    def __init__(self, store: ObjectStore, manifest: VersionManifest) -> None:
        self.findings: list[Finding] = []
        """About the parts and tables themselves."""
        self._rules = RulesConfig.model_validate(manifest.inputs.rules)
        self._builds = frozenset(manifest.inputs.builds)
        self._benchmarks = self._read_benchmarks(store, manifest)
        self._num_unread_parts = 0
        self._unchecked: frozenset[str] = frozenset()
        self._tokenizer = self._open_tokenizer(store, manifest)
        self._documents = dict(self._read_documents(store, manifest))
        self._verdicts = self._read_verdicts(store, manifest)
        self._living, self._is_taken_down = self._read_names(store, manifest)
        self._rows_of_shards = _rows_of_shards(self._verdicts)
        self._published = set(self._documents)
        self._check_order()

    def findings_of(self, data: bytes, build_id: str, shard_id: str) -> Iterator[Finding]:
        """`data` is a whole pages file of no finding. One of a build that the version does not hold has none here."""
        if build_id not in self._builds:
            return
        rows = self._rows_of_shards.pop((build_id, shard_id), [])
        verdicts = verdicts_of(self._verdicts.take(pa.array(rows, pa.int64())))
        by_name = {(verdict.id, verdict.file_path): (row, verdict) for row, verdict in zip(rows, verdicts, strict=True)}
        head = head_of(data)
        for each in judged_documents(data, self._rules):
            judged = judged_document(each, self._rules, self._benchmarks, self._tokenizer, head.stamp.code_version)
            yield from self._check_document(judged, by_name.pop((judged.row.id, judged.row.file_path), None))
        for known in head.documents.known:
            found = by_name.pop((known.doc_id, known.document.uri), None)
            if found is None or found[1].reject != ("known",):
                yield _of_document(f"{known.document.uri} was known by its bytes and has {_verdict_told(found)}")
        for _, verdict in by_name.values():
            yield _of_document(f"{verdict.file_path} has a verdict and no pages")

    def forget_build(self, build_id: str) -> None:
        """A pages file of it could not be read, which was told: what hangs on it is not told again."""
        for key in [key for key in self._rows_of_shards if key[0] == build_id]:
            for verdict in verdicts_of(self._verdicts.take(pa.array(self._rows_of_shards.pop(key), pa.int64()))):
                self._documents.pop(verdict.id, None)

    def findings_left(self) -> Iterator[Finding]:
        """For the end, when all pages files have gone by."""
        for doc_id in self._documents:
            yield _of_document(f"document {doc_id} is published and no page says so")
        for rows in self._rows_of_shards.values():
            for verdict in verdicts_of(self._verdicts.take(pa.array(rows, pa.int64()))):
                yield _of_document(f"{verdict.file_path} has a verdict and no pages")

    def _check_document(self, judged: JudgedDocument, found: tuple[int, Verdict] | None) -> Iterator[Finding]:
        row = judged.row
        if found is None:
            yield _of_document(f"{row.file_path} was read and has no verdict")
            return
        place, verdict = found
        expected = (*judged.reject, *_liveness(self._living, place))
        duplicate = f"duplicate_{verdict.kind}"
        if self._is_taken_down[place] and "forgotten" not in expected:
            expected = (*expected, "taken_down")
        allowed = [expected, (*expected, "taken_down"), *([] if expected else [(duplicate,)])]
        if verdict.reject not in allowed:
            yield _of_document(f"{row.file_path} has {_verdict_told(found)} where rules and names give {expected}")
            return
        if verdict.reject == (duplicate,) and verdict.canonical not in self._published and self._num_unread_parts == 0:
            yield _of_document(f"{row.file_path} is a duplicate of {verdict.canonical}, which is not published")
        if not verdict.reject:
            yield from self._check_row(_named(row, self._living, place, verdict))

    def _check_row(self, row: DocumentRow) -> Iterator[Finding]:
        found = self._documents.pop(row.id, None)
        if found is None and self._num_unread_parts == 0:
            yield _of_document(f"{row.file_path} was kept and is not in documents/")
        if found not in (None, self._fingerprint(asdict(row))):
            yield _of_document(f"{row.file_path} stands in documents/ other than its pages, names and verdict make it")

    def _open_tokenizer(self, store: ObjectStore, manifest: VersionManifest) -> NamedTokenizer | None:
        """Without the file that counted, all but the counts is checked."""
        name = manifest.inputs.tokenizer
        if name is None:
            return None
        try:
            return open_tokenizer(store, name)
        except (ObjectMissing, VerifyError) as error:
            self._unchecked = frozenset({"token_count", "tokenizer"})
            kind = "missing" if isinstance(error, ObjectMissing) else "damaged"
            self.findings.append(_finding(kind, layout.tokenizer_key(name), f"{error}; token counts were not checked"))
            return None

    def _read_documents(self, store: ObjectStore, manifest: VersionManifest) -> Iterator[tuple[str, bytes]]:
        seen: set[str] = set()
        for part in manifest.parts:
            for doc_id, fingerprint in self._read_part(store, part):
                if doc_id in seen:
                    self.findings.append(_finding("doubled", part.key, f"document {doc_id} stands in documents/ twice"))
                seen.add(doc_id)
                yield doc_id, fingerprint
        known = {part.key for part in manifest.parts}
        for info in store.list(layout.documents_prefix(manifest.version_id)):
            if info.key not in known:
                told = "the manifest does not name this part; delete it, or every reader sees its rows"
                self.findings.append(_finding("unplanned", info.key, told))

    def _fingerprint(self, row: Mapping[str, object]) -> bytes:
        date = row["date"]
        checked = {name: value for name, value in row.items() if name not in self._unchecked}
        return hashlib.sha256(to_json({**checked, "date": None if date is None else str(date)}).encode()).digest()

    def _read_part(self, store: ObjectStore, part: VersionPart) -> list[tuple[str, bytes]]:
        try:
            data = store.get(part.key)
            if hashlib.sha256(data).hexdigest() != part.sha256:
                raise VerifyError("not the bytes that the manifest is of")
            groups = decode_groups(data, DOCUMENTS_SCHEMA.names)
            rows = [(row["id"], self._fingerprint(row)) for group in groups for row in group.to_pylist()]
        except ObjectMissing:
            self._num_unread_parts += 1
            told = f"the manifest's part of {part.num_rows} documents is not there"
            self.findings.append(_finding("missing", part.key, told))
            return []
        except VerifyError as error:
            self._num_unread_parts += 1
            self.findings.append(_finding("damaged", part.key, str(error)))
            return []
        if (len(data), len(rows)) != (part.size_bytes, part.num_rows):
            told = f"{len(rows)} rows in {len(data)} bytes, the manifest says {part.num_rows} in {part.size_bytes}"
            self.findings.append(_finding("manifest", part.key, told))
        return rows

    def _read_verdicts(self, store: ObjectStore, manifest: VersionManifest) -> pa.Table:
        key = layout.verdicts_key(manifest.version_id)
        try:
            data = store.get(key)
            table = decode(data, VERDICTS_SCHEMA.names)
        except (ObjectMissing, VerifyError) as error:
            self.findings.append(_finding("damaged", key, str(error)))
            return VERDICTS_SCHEMA.empty_table()
        rejects = table.column("reject").to_pylist()
        num_kept, by_reject = sum(not names for names in rejects), counted(name for names in rejects for name in names)
        if hashlib.sha256(data).hexdigest() != manifest.verdicts_sha256:
            self.findings.append(_finding("damaged", key, "not the bytes that the manifest is of"))
        if (num_kept, by_reject) != (manifest.num_documents_kept, dict(manifest.documents_by_reject)):
            counted_by = f"the manifest says {manifest.num_documents_kept} and {dict(manifest.documents_by_reject)}"
            told = f"{num_kept} published and {by_reject} rejected, {counted_by}"
            self.findings.append(_finding("manifest", layout.version_manifest_key(manifest.version_id), told))
        return table

    def _read_names(self, store: ObjectStore, manifest: VersionManifest) -> tuple[Living, Flags]:
        """Which documents are live, and which the version's list takes down by name."""
        plans = [(build_id, read_planned_names(store, build_id)) for build_id in manifest.inputs.builds]
        column = {name: self._verdicts.column(name).combine_chunks() for name in ("id", "file_path", "build_id")}
        uris = column["file_path"].cast(pa.large_string())
        read = ReadDocuments(doc_id=column["id"], uri=uris, build_id=column["build_id"])
        is_known = np.array(["known" in names for names in self._verdicts.column("reject").to_pylist()], dtype=np.bool_)
        return living(plans, read), taken_down(plans, read, self._read_takedown(store, manifest), is_known=is_known).is_named

    def _read_takedown(self, store: ObjectStore, manifest: VersionManifest) -> Takedown:
        key = layout.takedown_key(manifest.version_id)
        try:
            takedown = decode_takedown(store.get(key), key)
            if takedown_id(takedown) != manifest.inputs.takedown_id:
                raise VerifyError("not the list that the manifest is of")
        except (ObjectMissing, VerifyError) as error:
            self.findings.append(_finding("damaged", key, str(error)))
            return NOTHING
        return takedown

    def _read_benchmarks(self, store: ObjectStore, manifest: VersionManifest) -> BenchmarkNgrams:
        key = layout.benchmarks_key(manifest.inputs.judge_id) if manifest.inputs.benchmarks_id else ""
        try:
            return get_benchmarks(store, key)
        except (ObjectMissing, VerifyError) as error:
            self.findings.append(_finding("damaged", key, str(error)))
            return NO_BENCHMARKS

    def _check_order(self) -> None:
        kept = [names == [] for names in self._verdicts.column("reject").to_pylist()]
        order = self._verdicts.column("id").filter(pa.array(kept, pa.bool_())).to_pylist()
        expected = [doc_id for doc_id in order if doc_id in self._documents]
        known = frozenset(order)
        if self._num_unread_parts == 0 and expected != [doc_id for doc_id in self._documents if doc_id in known]:
            self.findings.append(_finding("documents", "documents/", "its rows are not in the order of the verdicts"))


def _rows_of_shards(verdicts: pa.Table) -> dict[tuple[str, str], list[int]]:
    rows: dict[tuple[str, str], list[int]] = {}
    shards = zip(verdicts.column("build_id").to_pylist(), verdicts.column("shard_id").to_pylist(), strict=True)
    for row, shard in enumerate(shards):
        rows.setdefault(shard, []).append(row)
    return rows


def _liveness(alive: Living, place: int) -> tuple[str, ...]:
    if alive.is_live[place]:
        return ()
    return ("superseded",) if alive.is_superseded[place] else ("removed",)


def _named(row: DocumentRow, alive: Living, place: int, verdict: Verdict) -> DocumentRow:
    """The row under the names that are live, and with what the verdict says of its cluster."""
    places = np.array([place])
    (uri,), (aliases,) = alive.file_paths(places).to_pylist(), alive.aliases(places).to_pylist()
    return replace(
        row,
        file_path=uri,
        url=url_of(uri),
        aliases=tuple(aliases),
        duplicate_count=len(aliases),
        minhash_cluster_size=verdict.cluster_size,
    )


def _verdict_told(found: tuple[int, Verdict] | None) -> str:
    return "no verdict" if found is None else f"the verdict {found[1].reject or 'published'}"


def _of_document(message: str) -> Finding:
    return _finding("documents", "documents/", message)


def _finding(kind: str, key: str, message: str) -> Finding:
    return Finding(kind=kind, key=key, message=message)
