"""Documents that hold what a benchmark asks are counted, named and, when a rule says so, left out."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.builds import layout
from pipeline.config import OutputConfig
from pipeline.errors import ConfigError
from pipeline.publishing.benchmarks import (
    benchmarks_id,
    decode_benchmarks,
    encode_benchmarks,
    read_benchmarks,
)
from pipeline.publishing.verdicts import decode_verdicts
from pipeline.publishing.verify import verify
from pipeline.quality.contamination import find_contamination, index_benchmarks
from tests.builds.factory import CORPUS, config, finished_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import opened, pages_of

HERE = OutputConfig(uri="/out")
A = opened(CORPUS[0])
WORDS = next(page.text for page in pages_of(A) if page.text).split()
QUESTION = " ".join(WORDS[:15])
"""Fifteen words: three 13-grams."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "exam.jsonl").write_text(json.dumps({"question": QUESTION, "answer": "short"}) + "\n", encoding="utf-8")
    (tmp_path / "b" / "other.txt").write_text("words that stand in no document " * 9, encoding="utf-8")
    return tmp_path / "b"


def verdicts(store: MemoryStore, version_id: str = "main") -> dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]]:
    found = decode_verdicts(store.get(layout.verdicts_key(version_id)))
    return {each.id: (each.benchmark_ngrams, each.benchmarks, each.reject) for each in found}


def test_a_contaminated_document_is_counted_and_published_when_no_rule_forbids_it(store: MemoryStore, folder: Path) -> None:
    finished_build(store)
    version = publish(store, config(publish={"benchmarks": str(folder)}))
    assert verdicts(store)[A.doc_id] == (3, ("exam",), ())
    assert {found for doc_id, found in verdicts(store).items() if doc_id != A.doc_id} == {(0, (), ())}
    exam, other = version.contamination
    assert (exam.name, exam.num_ngrams, exam.num_short, exam.num_documents, exam.num_documents_kept) == ("exam", 3, 1, 1, 1)
    assert (other.name, other.num_documents) == ("other", 0)
    assert "| exam | 3 | 1 | 1 | 1 |" in store.get(layout.CARD_KEY).decode()


@pytest.mark.parametrize(("limit", "reject"), [(3, ()), (2, ("contaminated",)), (0, ("contaminated",))])
def test_a_rule_leaves_out_what_holds_more_than_it_allows(
    store: MemoryStore, folder: Path, limit: int, reject: tuple[str, ...]
) -> None:
    finished_build(store)
    rules = {"documents": {"benchmark_ngrams_above": limit}}
    version = publish(store, config(publish={"benchmarks": str(folder)}, rules=rules))
    assert verdicts(store)[A.doc_id] == (3, ("exam",), reject)
    assert version.contamination[0].num_documents_kept == (0 if reject else 1)
    assert verify(store, "main").findings == ()


def test_other_benchmarks_are_another_version_and_the_same_ones_elsewhere_are_not(store: MemoryStore, folder: Path) -> None:
    finished_build(store)
    first = publish(store, config())
    second = publish(store, config(publish={"benchmarks": str(folder)}))
    assert (first.version_id, second.version_id) == ("main", "main.1")
    assert first.inputs.judge_id != second.inputs.judge_id
    moved = folder.rename(folder.parent / "moved")
    assert publish(store, config(publish={"benchmarks": str(moved)})) == second
    (moved / "other.txt").write_text(QUESTION + " and more", encoding="utf-8")
    assert publish(store, config(publish={"benchmarks": str(moved)})).version_id == "main.2"


def test_verify_finds_benchmarks_that_are_not_there_any_more(store: MemoryStore, folder: Path) -> None:
    finished_build(store)
    version = publish(store, config(publish={"benchmarks": str(folder)}))
    store.delete(layout.benchmarks_key(version.inputs.judge_id))
    assert "damaged" in {finding.kind for finding in verify(store, "main").findings}


def test_every_kind_of_file_gives_its_texts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(QUESTION, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps({"problem": QUESTION}) for _ in range(2)), encoding="utf-8")
    pq.write_table(pa.table({"id": [1], "text": [QUESTION]}), tmp_path / "c.parquet")
    for name in ("a.txt", "b.jsonl", "c.parquet"):
        assert find_contamination(QUESTION, read_benchmarks(str(tmp_path / name), HERE)) == {name[0]: 3}
    assert read_benchmarks(str(tmp_path), HERE).names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"text": "one"}\n{"label": 3}', r"a\.jsonl, line 2: no text under text, question"),
        ("a.jsonl", "{", r"a\.jsonl, line 1: not a JSON object"),
        ("a.json", "[]", r"a\.json is neither \.txt nor \.jsonl nor \.parquet"),
        ("a.parquet", "no", r"a\.parquet is not a whole Parquet file"),
    ],
)
def test_a_file_that_cannot_be_searched_for_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    """It would count as searched."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_benchmarks(str(tmp_path), HERE)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no benchmarks in"):
        read_benchmarks(str(tmp_path), HERE)


def test_the_index_comes_back_from_its_bytes() -> None:
    index = index_benchmarks({"exam": [QUESTION, "short"], "quiz": [" ".join(WORDS[20:50])]})
    again = decode_benchmarks(encode_benchmarks(index))
    assert benchmarks_id(again) == benchmarks_id(index) != ""
    assert find_contamination(" ".join(WORDS), again) == find_contamination(" ".join(WORDS), index) == {"exam": 3, "quiz": 18}
