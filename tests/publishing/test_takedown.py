"""What is on the list is in no version, nor is what says the same; the list is part of what a version is made of."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.builds import layout
from pipeline.config import BuildConfig
from pipeline.errors import ConfigError
from pipeline.publishing.takedown import (
    NOTHING,
    Takedown,
    decode_takedown,
    encode_takedown,
    parse_takedown,
    takedown_id,
)
from pipeline.publishing.verdicts import decode_verdicts
from pipeline.publishing.verify import verify
from pipeline.tables.parquet import decode
from tests.builds import faults
from tests.builds.factory import CORPUS, config, finished_build, publish
from tests.builds.memory_store import MemoryStore
from tests.publishing.copies import FIRST, SECOND, build_with_a_copy
from tests.tables.samples import document, opened

A, B = opened(CORPUS[0]).doc_id, opened(CORPUS[1]).doc_id
IDS = st.frozensets(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=3)
URIS = st.frozensets(st.from_regex(r"s3://[a-z]{1,5}/[a-z ]{0,5}[a-z]", fullmatch=True), max_size=3)


def listing(folder: Path, *lines: str) -> BuildConfig:
    path = folder / "takedown.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return config(publish={"takedown": str(path)})


def published(store: MemoryStore, version_id: str) -> set[str]:
    parts = [decode(store.get(info.key), ["id"]) for info in store.list(layout.documents_prefix(version_id))]
    return {doc_id for part in parts for doc_id in part.column("id").to_pylist()}


def rejects(store: MemoryStore, version_id: str) -> dict[str, tuple[str, ...]]:
    return {each.id: each.reject for each in decode_verdicts(store.get(layout.verdicts_key(version_id)))}


def test_a_listed_document_is_in_no_part_and_has_a_verdict_that_says_so(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    version = publish(store, listing(tmp_path, "# a request", "", A))
    assert A not in published(store, "main")
    assert B in published(store, "main")
    assert rejects(store, "main")[A] == ("taken_down",)
    assert version.documents_by_reject == {"taken_down": 1}
    assert verify(store, "main").findings == ()


@pytest.mark.parametrize("name", ["/corpus/a.pdf", "/corpus/copy of a.pdf"])
def test_a_name_takes_down_the_document_under_it(store: MemoryStore, tmp_path: Path, name: str) -> None:
    finished_build(store)
    publish(store, listing(tmp_path, name))
    assert rejects(store, "main")[A] == ("taken_down",)
    assert verify(store, "main").findings == ()


def test_a_changed_list_is_another_version_and_the_same_list_elsewhere_is_not(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    first = publish(store, listing(tmp_path, A))
    (tmp_path / "moved").mkdir()
    assert publish(store, listing(tmp_path / "moved", "# moved", A.upper())) == first
    second = publish(store, listing(tmp_path, A, B))
    assert (first.version_id, second.version_id) == ("main", "main.1")
    assert published(store, "main") - published(store, "main.1") == {B}
    assert published(store, publish(store, config()).version_id) == published(store, "main") | {A}


def test_a_document_of_the_same_text_is_not_published_in_its_place(store: MemoryStore, tmp_path: Path) -> None:
    """Whichever of the two is named, and whichever would have been kept."""
    build_with_a_copy(store)
    for named in (FIRST, SECOND):
        version = publish(store, listing(tmp_path, named.doc_id))
        assert published(store, version.version_id) == set()
        assert version.documents_by_reject == {"taken_down": 2}
        assert verify(store, "main").findings == ()


def test_only_leaves_the_document_that_says_the_same(store: MemoryStore, tmp_path: Path) -> None:
    build_with_a_copy(store)
    for named, other in ((FIRST, SECOND), (SECOND, FIRST)):
        version = publish(store, listing(tmp_path, f"only {named.doc_id}"))
        assert published(store, version.version_id) == {other.doc_id}
        assert verify(store, "main").findings == ()


def test_a_copy_stays_out_when_the_listed_document_has_left_the_corpus(store: MemoryStore, tmp_path: Path) -> None:
    """The owner of a corpus deletes what he is asked to, and its copy must not take its place."""
    build_with_a_copy(store)
    publish(store, config())
    finished_build(store, [SECOND.document, document("c.pdf")], "tuesday")
    settings = listing(tmp_path, FIRST.doc_id).model_copy(update={"build_id": "tuesday"})
    version = publish(store, settings)
    assert rejects(store, version.version_id)[FIRST.doc_id] == ("removed", "taken_down")
    assert rejects(store, version.version_id)[SECOND.doc_id] == ("taken_down",)


def test_verify_finds_a_listed_document_that_was_published(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    publish(store, listing(tmp_path, B))
    faults.replace_verdicts(store, lambda row: {**row, "reject": []} if row["id"] == B else row)
    told = [str(finding) for finding in verify(store, "main").findings]
    assert any("where rules and names give ('taken_down',)" in line for line in told), told


def test_verify_finds_a_list_that_is_not_the_one_of_the_version(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    publish(store, listing(tmp_path, B))
    store.put(layout.takedown_key("main"), encode_takedown(NOTHING))
    assert "damaged" in {finding.kind for finding in verify(store, "main").findings}


@pytest.mark.parametrize("line", ["a.pdf", A[:-1], f"{A}0", "only", f"{A} {B}", "name,reason"])
def test_a_line_that_is_neither_an_id_nor_a_uri_is_refused(store: MemoryStore, tmp_path: Path, line: str) -> None:
    finished_build(store)
    with pytest.raises(ConfigError, match=r"takedown\.txt, line 2: .* is neither a document id"):
        publish(store, listing(tmp_path, A, line))
    assert not list(store.list("_versions/"))


def test_a_list_that_is_not_there_stops_the_publish(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    with pytest.raises(ConfigError, match="cannot read the takedown list"):
        publish(store, config(publish={"takedown": str(tmp_path / "none.txt")}))


@settings(deadline=None, max_examples=50)
@given(IDS, URIS, IDS, URIS)
def test_a_list_comes_back_from_its_lines_in_any_order(
    ids: frozenset[str], uris: frozenset[str], only_ids: frozenset[str], only_uris: frozenset[str]
) -> None:
    takedown = Takedown(ids=ids, uris=uris, only_ids=only_ids, only_uris=only_uris)
    lines = [*ids, *uris, *(f"only {each}" for each in (*only_ids, *only_uris))]
    assert parse_takedown(lines, "list") == parse_takedown(lines[::-1], "list") == takedown
    assert decode_takedown(encode_takedown(takedown), "key") == takedown
    assert (takedown_id(takedown) == "") == (takedown == NOTHING)
