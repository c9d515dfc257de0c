"""The index says what the footers say, and opening by it asks for nothing else."""

from pathlib import Path

import pytest

from pipeline.errors import ConfigError, VerifyError
from pipeline.readers.footers import TAIL_BYTES
from pipeline.readers.groups import (
    fingerprint,
    index_bytes,
    index_files,
    index_key,
    latest_version,
    list_files,
    open_pages,
    open_version,
    read_index,
)
from pipeline.readers.row_groups import TableSource
from pipeline.readers.share import Course, World
from pipeline.readers.stream import open_stream, read
from pipeline.records import DocumentRef
from tests.builds.factory import CORPUS, finished_build
from tests.builds.memory_store import MemoryStore
from tests.readers.published import NUM_DOCUMENTS, publish_into
from tests.readers.tables import write_version
from tests.tables.samples import opened

FILES = ([40, 13], [27], [1, 30])


def test_the_index_gives_back_the_row_groups_of_the_footers() -> None:
    store = MemoryStore()
    groups = write_version(store, FILES)
    again = read_index(index_bytes(groups))
    assert again.files == groups.files
    assert again.file_G.tolist() == [0, 0, 1, 2, 2]
    assert again.ordinal_G.tolist() == [0, 1, 0, 0, 1]
    assert again.rows_G.tolist() == groups.rows_G.tolist() == [40, 13, 27, 1, 30]
    assert fingerprint(again) == fingerprint(groups)


def test_a_version_of_many_files_is_opened_and_entered_with_a_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 files need the index and, for the first sample, the footer and one range of the file it lies in, no listing."""
    store = MemoryStore()
    store.put(index_key("v1"), index_bytes(write_version(store, [[9]] * 200)))
    asked: list[str] = []
    get, get_range = MemoryStore.get, MemoryStore.get_range
    monkeypatch.setattr(MemoryStore, "get", lambda self, key: asked.append(key) or get(self, key))
    monkeypatch.setattr(MemoryStore, "get_range", lambda self, key, *span: asked.append(key) or get_range(self, key, *span))
    monkeypatch.delattr(MemoryStore, "list")
    table = TableSource(store=store, groups=open_version(store, "v1"), columns=("id",))
    stream = open_stream([table])
    samples = read(stream, Course(), world=World(), rank=0, worker=0, num_taken=500, num_threads=1)
    next(samples)
    samples.close()
    num_lanes = 32
    assert len(set(asked)) <= 2 + 2 * num_lanes


def test_a_footer_longer_than_the_first_request_is_read_whole() -> None:
    """500 row groups make a footer of more than 64 kB."""
    store = MemoryStore()
    groups = write_version(store, [[1] * 500])
    (file,) = groups.files
    assert int.from_bytes(store.get(file.key)[-8:-4], "little") > TAIL_BYTES
    assert groups.rows_G.tolist() == [1] * 500


def test_a_version_without_an_index_is_opened_by_its_footers() -> None:
    store = MemoryStore()
    groups = write_version(store, FILES)
    assert fingerprint(open_version(store, "v1")) == fingerprint(groups)


def test_names_that_start_with_an_underscore_and_other_files_are_no_table() -> None:
    store = MemoryStore()
    write_version(store, ([3],))
    store.put("documents/version=v1/_started.parquet", b"")
    store.put("documents/version=v1/notes.txt", b"")
    assert [file.key for file in list_files(store, "documents/version=v1/")] == ["documents/version=v1/part-00000.parquet"]


def test_an_unknown_version_and_a_damaged_file_are_told() -> None:
    store = MemoryStore()
    with pytest.raises(ConfigError, match="no Parquet file lies under documents/version=v2/"):
        open_version(store, "v2")
    store.put("documents/version=v2/part-00000.parquet", b"PAR1 something else")
    with pytest.raises(VerifyError, match="does not end like Parquet"):
        open_version(store, "v2")


def test_the_pages_of_a_build_are_a_table_with_signals() -> None:
    store = MemoryStore()
    finished_build(store)
    columns = ("id", "text", "status", "chars", "ocr_conf")
    source = TableSource(store=store, groups=open_pages(store, "main"), columns=columns)
    stream = open_stream([source], num_epochs=1)
    pages = list(read(stream, Course(end=stream.end), world=World(), rank=0, worker=0))

    def num_pages(document: DocumentRef) -> int:
        return opened(document).num_pages

    assert len(pages) == sum(map(num_pages, CORPUS[:8]))
    assert len({page["id"] for page in pages}) == len(pages)
    assert all(tuple(page) == columns for page in pages)


def test_publishing_leaves_the_index_of_its_parts(tmp_path: Path) -> None:
    store = publish_into(tmp_path)
    version = latest_version(store)
    prefix = f"documents/version={version}/"
    by_footers = index_files(store, list_files(store, prefix))
    assert fingerprint(read_index(store.get(index_key(version)))) == fingerprint(by_footers)
    assert by_footers.num_rows == NUM_DOCUMENTS


def test_a_store_where_nothing_is_published_is_told() -> None:
    with pytest.raises(ConfigError, match="nothing is published"):
        latest_version(MemoryStore())
