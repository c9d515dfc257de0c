"""A week of nightly builds on real PDFs: whatever a night brings, what is published is what publishing from scratch gives.

Documents come, change, go, come back, turn up again under other names and as scans; a night fails, a second driver wants the
same night, a threshold moves, a document is taken down. After each night the published version is compared, row for row, with
one made from the evidence alone, and, document for document, with a build of today's corpus in an empty place.
"""

import contextlib
import hashlib
import random
import shutil
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pymupdf
import pytest

from jobs import build, nightly
from jobs.drills.rehearsal import run_plainly
from pipeline.builds import layout
from pipeline.builds.lease import hold_lease
from pipeline.cluster import run_shards
from pipeline.config import BuildConfig, load_config
from pipeline.errors import StoreError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.publish import publish
from pipeline.publishing.verdicts import VERDICTS_SCHEMA
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import VersionManifest, latest_version
from pipeline.receipts import ShardReceipt
from pipeline.store import FolderStore
from pipeline.tables.parquet import decode
from pipeline.tables.schemas import DOCUMENTS_SCHEMA

pytestmark = [pytest.mark.ray, pytest.mark.slow]

PAPER, REPORT, LEAFLET, LETTER = (
    "grobid__Wang-paperAVE2008.pdf",
    "zerox__0018.pdf",
    "sample-files__multicolumn.pdf",
    "pdf-reader__distiller_unicode.pdf",
)
ENCYCLOPEDIA, TURNED = "olmocr__edgar.pdf", "olmocr__edgar-rotated90.pdf"
CARDS = (
    "deb-debian-refcard__refcard-el-a4.pdf",
    "deb-debian-refcard__refcard-vi-a4.pdf",
    "deb-debian-refcard__refcard-uk-a4.pdf",
)
TABLES, INVOICE = "camelot__us-020.pdf", "invoice2data__QualityHosting.pdf"
CONFIG = """
engine: {name: scripted, workers: 2}
plan: {shard_documents: 2}
render: {dpi: 20}
"""


@dataclass(kw_only=True, slots=True)
class Week:
    """A corpus that changes, the dataset that follows it, and how often a dataset was built from scratch beside it."""

    library: Path
    folder: Path
    settings: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus"

    @property
    def store(self) -> FolderStore:
        return FolderStore(root=self.folder / "out")

    def add(self, *names: str) -> None:
        for name in names:
            shutil.copy(self.library / name, self.corpus / name)

    def remove(self, *names: str) -> None:
        for name in names:
            (self.corpus / name).unlink()

    def change(self, name: str, how: Callable[[pymupdf.Document], None]) -> None:
        """Other bytes under the same name."""
        with pymupdf.open(self.corpus / name) as pdf:
            how(pdf)
            data = pdf.tobytes()
        (self.corpus / name).write_bytes(data)

    def scan(self, name: str, scanned: str) -> None:
        """The same pages as pictures, with the hidden text of an OCR that misread one letter in 150."""
        chance = random.Random(scanned)
        with pymupdf.open(self.corpus / name) as pdf, pymupdf.open() as scan:
            for page in pdf:
                copy = scan.new_page(width=page.rect.width, height=page.rect.height)
                copy.insert_image(copy.rect, pixmap=page.get_pixmap(dpi=40))
                for number, line in enumerate(page.get_text().splitlines()):
                    misread = "".join(
                        chance.choice(string.ascii_lowercase) if c.isalpha() and chance.random() < 1 / 150 else c for c in line
                    )
                    copy.insert_text((20, 20 + 4 * number), misread, fontsize=3, render_mode=3)
            scan.save(self.corpus / scanned)

    def config(self, night: str) -> BuildConfig:
        addresses = [f"input.uri={self.corpus}", f"output.uri={self.store.uri}"]
        config = load_config(self.folder / "nightly.yaml", [*addresses, *self.settings])
        return config.model_copy(update={"build_id": night})

    def run(self, night: str) -> int:
        """`pagemill nightly`."""
        settings = [part for setting in self.settings for part in ("--set", setting)]
        where = ["--input", str(self.corpus), "--output", self.store.uri]
        return nightly.main([str(self.folder / "nightly.yaml"), *where, "--date", night, *settings])

    def published(self) -> VersionManifest:
        version = latest_version(self.store)
        assert version is not None
        return version

    def names(self) -> set[str]:
        """File names of the published documents."""
        return {Path(str(row["file_path"])).name for row in rows_of(self.store)}

    def check(self, night: str) -> None:
        """What holds after every night."""
        assert verify(self.store, night).findings == ()
        rows = rows_of(self.store)
        assert len({row["id"] for row in rows}) == len(rows)
        assert rows == self.from_evidence(night)
        self.compare_with_a_new_dataset(night)
        self.checks.append(night)

    def from_evidence(self, night: str) -> list[dict[str, object]]:
        """Published anew where nothing lies but plans, changes, receipts and pages."""
        store = FolderStore(root=self.folder / f"evidence {night}")
        for prefix in ("pages/", layout.BUILDS_PREFIX):
            for info in self.store.list(prefix):
                store.put(info.key, self.store.get(info.key))
        publish(store, self.config(night), code_version="week")
        return rows_of(store)

    def compare_with_a_new_dataset(self, night: str) -> None:
        """Which of a cluster of duplicates is published depends on who came first, and in a new dataset all come at once;
        every other document is published here and there, or here nor there."""
        store = FolderStore(root=self.folder / f"new {night}")
        documents = {path.name: path.read_bytes() for path in sorted(self.corpus.iterdir())}
        run_plainly(store, self.config("new"), documents)
        here, there = texts_of(self.store), texts_of(store)
        assert len(here) == len(there)
        for ours, theirs, of_theirs in ((here, there, canonical_of(store)), (there, here, canonical_of(self.store))):
            for doc_id, text in ours.items():
                assert theirs.get(doc_id, text) == text
                assert of_theirs[doc_id] in theirs


def rows_of(store: ObjectStore) -> list[dict[str, object]]:
    version = latest_version(store)
    assert version is not None
    columns = [name for name in DOCUMENTS_SCHEMA.names if name != "pipeline_version"]
    return [row for part in version.parts for row in decode(store.get(part.key), columns).to_pylist()]


def texts_of(store: ObjectStore) -> dict[object, object]:
    return {row["id"]: row["text"] for row in rows_of(store)}


def canonical_of(store: ObjectStore) -> dict[object, object]:
    """The document that stands for each one in the latest version: itself, or the one it is a duplicate of."""
    version = latest_version(store)
    assert version is not None
    verdicts = decode(store.get(layout.verdicts_key(version.version_id)), VERDICTS_SCHEMA.names).to_pylist()
    return {row["id"]: row["canonical"] for row in verdicts if "known" not in row["reject"]}


def drop_last_page(pdf: pymupdf.Document) -> None:
    pdf.delete_page(len(pdf) - 1)


@pytest.fixture
def week(corpus_dir: Path, tmp_path: Path, ray_cluster: None, monkeypatch: pytest.MonkeyPatch) -> Week:
    """The drivers of this week share the Ray of the tests."""
    monkeypatch.setattr(build, "cluster", lambda **_: contextlib.nullcontext())
    (tmp_path / "corpus").mkdir()
    (tmp_path / "nightly.yaml").write_text(CONFIG)
    return Week(library=corpus_dir / "born_digital", folder=tmp_path)


def test_a_week(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    week.add(PAPER, REPORT, LEAFLET, LETTER, ENCYCLOPEDIA, *CARDS)
    monday_and_its_repetition(week)
    tuesday_changes_removes_and_adds(week)
    wednesday_fails_and_thursday_catches_up(week, monkeypatch)
    friday_has_two_drivers_and_loses_an_original(week)
    saturday_moves_a_threshold(week)
    sunday_gets_a_document_back_and_one_must_go(week)
    assert week.checks == [f"2026-11-{day}" for day in (16, 17, 19, 20, 21, 22)]


def monday_and_its_repetition(week: Week) -> None:
    assert week.run("2026-11-16") == 0
    week.check("2026-11-16")
    assert {PAPER, REPORT, LEAFLET, ENCYCLOPEDIA} <= week.names()
    objects = {info.key: info.version for info in week.store.list() if not info.key.startswith(layout.LEASE_KEY)}
    assert week.run("2026-11-16") == 0
    assert {info.key: info.version for info in week.store.list() if not info.key.startswith(layout.LEASE_KEY)} == objects


def tuesday_changes_removes_and_adds(week: Week) -> None:
    week.change(PAPER, drop_last_page)
    week.remove(LEAFLET)
    week.add(TABLES, INVOICE)
    (week.corpus / "broken.pdf").write_bytes((week.corpus / REPORT).read_bytes()[:4000])
    before = texts_of(week.store)
    assert week.run("2026-11-17") == 0
    week.check("2026-11-17")
    assert LEAFLET not in week.names()
    (paper,) = [row for row in rows_of(week.store) if Path(str(row["file_path"])).name == PAPER]
    assert paper["id"] not in before
    assert paper["n_pages"] == 4
    assert num_pages_read(week, "2026-11-17") < num_pages_read(week, "2026-11-16")


def wednesday_fails_and_thursday_catches_up(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second copy of a report costs no reading; a page that is turned has the same words."""
    shutil.copy(week.corpus / REPORT, week.corpus / "a copy of a report.pdf")
    week.add(TURNED, LEAFLET)
    version = week.published()
    with monkeypatch.context() as broken:
        broken.setattr(build, "run_shards", after_one_receipt)
        assert week.run("2026-11-18") == 1
    assert week.published() == version
    week.scan(PAPER, "scan of a paper.pdf")
    assert week.run("2026-11-19") == 0
    week.check("2026-11-19")
    assert week.published().inputs.builds[-2:] == ("2026-11-18", "2026-11-19")
    assert len({ENCYCLOPEDIA, TURNED} & week.names()) == 1
    assert {PAPER, "scan of a paper.pdf"} & week.names() == {PAPER}


def after_one_receipt(*arguments: object, **named: object) -> Iterator[object]:
    for event in run_shards(*arguments, **named):  # type: ignore[arg-type]
        yield event
        if isinstance(event, ShardReceipt):
            raise StoreError("the network went away in the middle of the night")


def friday_has_two_drivers_and_loses_an_original(week: Week) -> None:
    """The report stays under its other name; the paper's scan takes its place."""
    week.remove(REPORT, PAPER)
    with hold_lease(week.store, owner="another driver", ttl_s=60.0):
        assert week.run("2026-11-20") not in (0, 1, 2)
    assert week.run("2026-11-20") == 0
    week.check("2026-11-20")
    assert {"a copy of a report.pdf", "scan of a paper.pdf"} <= week.names()
    assert not {REPORT, PAPER} & week.names()


def saturday_moves_a_threshold(week: Week) -> None:
    """Nothing new to read: the same pages under other rules."""
    (week.corpus / "note.pdf").write_bytes(b"this is no PDF")
    num_before = len(week.names())
    week.settings.append("rules.documents.min_words=1000")
    assert week.run("2026-11-21") == 0
    week.check("2026-11-21")
    assert 0 < len(week.names()) < num_before
    week.settings.pop()


def sunday_gets_a_document_back_and_one_must_go(week: Week) -> None:
    """The listed document goes, and the page that says the same."""
    week.add(REPORT)
    week.remove("a copy of a report.pdf")
    must_go = week.folder / "takedown.txt"
    must_go.write_text(f"# request 4711\n{hashlib.sha256((week.corpus / TURNED).read_bytes()).hexdigest()}\n")
    week.settings.append(f"publish.takedown={must_go}")
    assert week.run("2026-11-22") == 0
    week.check("2026-11-22")
    assert REPORT in week.names()
    assert not {TURNED, ENCYCLOPEDIA} & week.names()
    assert week.published().documents_by_reject["taken_down"] == 2
    assert num_pages_read(week, "2026-11-22") == 0


def num_pages_read(week: Week, night: str) -> int:
    keys = [info.key for info in week.store.list(layout.pages_prefix(night))]
    return sum(decode(week.store.get(key), ["page"]).num_rows for key in keys)
