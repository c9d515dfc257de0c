"""What was published against the pages and the manifest. In: the store, the manifest, and the documents as the pages give
them. Out: findings. Holds 200 bytes a published document.

What must hold: the manifest's receipts and parts are those that lie in the bucket; every opened document has one verdict;
one with no reject reason stands in `documents` once, with exactly its kept pages; nothing else stands there.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pipeline.builds import layout
from pipeline.builds.plan import BuildPlan
from pipeline.builds.receipt import counted
from pipeline.builds.recipe import recipe_id
from pipeline.builds.verify_shard import Finding
from pipeline.errors import ObjectMissing, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.assemble import join_pages, training_pages
from pipeline.publishing.pages_files import DocumentPages
from pipeline.publishing.verdicts import QUARANTINE_SCHEMA, Verdict, decode_verdicts, quarantine_table
from pipeline.receipts import BuildManifest, ShardReceipt, TablePart
from pipeline.tables.parquet import decode, to_json


class Published:
    """The published side of a build, held open while the pages go by: `findings_of` is asked for each document once, and
    `findings_left` at the end."""

    def __init__(self, store: ObjectStore, manifest: BuildManifest) -> None:
        self.manifest = manifest
        self.findings: list[Finding] = []
        """About the parts and tables themselves."""
        self._num_unread_parts = 0
        self._documents = dict(self._read_documents(store, manifest.documents))
        self._check_quarantine(store, manifest)
        self._verdicts = {(verdict.id, verdict.file_path): verdict for verdict in self._read_verdicts(store, manifest)}

    def findings_of(self, each: DocumentPages, key: str) -> Iterator[Finding]:
        """`key` is that of the pages file."""
        verdict = self._verdicts.pop((each.document.doc_id, each.document.document.uri), None)
        if verdict is None:
            yield Finding(kind="documents", key=key, message=f"{each.document.document.uri} was read and has no verdict")
            return
        if verdict.reject:
            return
        kept = training_pages(each.pages)
        text, page_ends = join_pages([page.text for page in kept])
        expected = _fingerprint(text, page_ends, [page.page_id.page_index for page in kept])
        found = self._documents.pop(each.document.doc_id, None)
        if found is None and self._num_unread_parts == 0:
            yield Finding(kind="documents", key=key, message=f"{each.document.document.uri} was kept and is not in documents/")
        if found not in (None, expected):
            message = (
                f"{each.document.document.uri} stands in documents/ with other text, spans or pages than its kept pages give"
            )
            yield Finding(kind="documents", key=key, message=message)

    def findings_left(self) -> Iterator[Finding]:
        """For the end, when the pages of all documents have gone by."""
        for doc_id in self._documents:
            yield Finding(kind="documents", key="documents/", message=f"document {doc_id} is published and no page says so")
        for verdict in self._verdicts.values():
            yield Finding(kind="documents", key="documents/", message=f"{verdict.file_path} has a verdict and no pages")

    def _read_documents(self, store: ObjectStore, parts: Sequence[TablePart]) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for part in parts:
            for doc_id, fingerprint in self._read_part(store, part):
                if doc_id in seen:
                    self.findings.append(_finding("doubled", part.key, f"document {doc_id} stands in documents/ twice"))
                seen.add(doc_id)
                yield doc_id, fingerprint

    def _read_part(self, store: ObjectStore, part: TablePart) -> list[tuple[str, str]]:
        try:
            data = store.get(part.key)
        except ObjectMissing:
            self._num_unread_parts += 1
            self.findings.append(
                _finding("missing", part.key, f"the manifest's part of {part.num_rows} documents is not there")
            )
            return []
        if hashlib.sha256(data).hexdigest() != part.sha256:
            self._num_unread_parts += 1
            self.findings.append(_finding("damaged", part.key, "not the bytes that the manifest is of"))
            return []
        try:
            columns = decode(data, ["id", "text", "page_ends", "page_indices"])
        except VerifyError as error:
            self._num_unread_parts += 1
            self.findings.append(_finding("damaged", part.key, str(error)))
            return []
        if (len(data), columns.num_rows) != (part.size_bytes, part.num_rows):
            told = f"{columns.num_rows} rows in {len(data)} bytes, the manifest says {part.num_rows} in {part.size_bytes}"
            self.findings.append(_finding("manifest", part.key, told))
        return [(row["id"], _fingerprint(row["text"], row["page_ends"], row["page_indices"])) for row in columns.to_pylist()]

    def _check_quarantine(self, store: ObjectStore, manifest: BuildManifest) -> None:
        key = layout.quarantine_key(manifest.build_id)
        try:
            found = decode(store.get(key), QUARANTINE_SCHEMA.names)
        except (ObjectMissing, VerifyError) as error:
            self.findings.append(_finding("damaged", key, str(error)))
            return
        expected = quarantine_table((receipt.shard_id, each) for receipt in manifest.receipts for each in receipt.quarantined)
        if not found.equals(expected):
            self.findings.append(_finding("manifest", key, "not the documents that the receipts name as failed"))

    def _read_verdicts(self, store: ObjectStore, manifest: BuildManifest) -> list[Verdict]:
        key = layout.verdicts_key(manifest.build_id)
        try:
            verdicts = list(decode_verdicts(store.get(key)))
        except (ObjectMissing, VerifyError) as error:
            self.findings.append(_finding("damaged", key, str(error)))
            return []
        num_kept = sum(not verdict.reject for verdict in verdicts)
        by_reject = counted(reason for verdict in verdicts for reason in verdict.reject)
        if (num_kept, by_reject) != (manifest.num_documents_kept, dict(manifest.documents_by_reject)):
            counted_by = f"the manifest says {manifest.num_documents_kept} and {dict(manifest.documents_by_reject)}"
            told = f"{num_kept} published and {by_reject} rejected, {counted_by}"
            self.findings.append(_finding("manifest", key, told))
        return verdicts


def check_manifest(
    store: ObjectStore, manifest: BuildManifest, plan: BuildPlan, receipts: Mapping[str, ShardReceipt]
) -> Iterator[Finding]:
    """The manifest against the plan, the receipts and the listing of `documents/`."""
    key = layout.manifest_key(manifest.build_id)
    listed = {receipt.shard_id: receipt for receipt in manifest.receipts}
    for shard_id in sorted(listed.keys() | receipts.keys()):
        if listed.get(shard_id) != receipts.get(shard_id):
            yield _finding("manifest", key, f"its receipt of shard {shard_id} is not the one in the bucket")
    if manifest.num_documents_planned != plan.num_documents:
        yield _finding("manifest", key, f"it counts {manifest.num_documents_planned} planned documents, the plan holds others")
    for name, found, expected in (
        ("recipe is", manifest.recipe, plan.stamp.recipe),
        ("recipe id is", manifest.recipe_id, recipe_id(plan.stamp.recipe)),
        ("rules are", manifest.rules, plan.stamp.rules),
        ("code version is", manifest.code_version, plan.stamp.code_version),
        ("date is", manifest.planned_at, plan.planned_at),
    ):
        if found != expected:
            yield _finding("manifest", key, f"its {name} not the plan's: {found!r}, planned was {expected!r}")
    known = Counter(part.key for part in manifest.documents)
    for info in store.list(layout.documents_prefix(manifest.build_id)):
        if info.key not in known:
            yield _finding(
                "unplanned", info.key, "the manifest does not name this part; delete it, or every reader sees its rows"
            )


def _finding(kind: str, key: str, message: str) -> Finding:
    return Finding(kind=kind, key=key, message=message)


def _fingerprint(text: str, page_ends: Sequence[int], page_indices: Sequence[int]) -> str:
    return hashlib.sha256(to_json([text, list(page_ends), list(page_indices)]).encode()).hexdigest()
