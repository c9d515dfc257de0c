"""Tokens are counted by the tokenizer that the rows name, once, and never guessed."""

import hashlib
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from jobs.log import changes, entry_of, lines_of
from pipeline.builds import layout
from pipeline.config import BuildConfig
from pipeline.errors import ConfigError, ObjectMissing, VerifyError
from pipeline.publishing import tokens
from pipeline.publishing.card import card
from pipeline.publishing.tokens import PIECE_CHARS, counter_of, keep_tokenizer, name_of, open_tokenizer, pieces_of
from pipeline.publishing.verify import verify
from pipeline.tables.documents import DocumentRow, document_rows
from pipeline.tables.parquet import decode
from pipeline.tables.schemas import DOCUMENTS_SCHEMA
from tests.builds.factory import config, finished_build, publish
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import WORDS

PROSE = "\n\n".join(" ".join(WORDS[start:] + WORDS[:start]).capitalize() + "." for start in range(len(WORDS)))


def trained(vocabulary_size: int) -> Tokenizer:
    """A byte-level BPE, cut at the end of white space as GPT's are, that would begin every text with a special token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary_size, special_tokens=["<s>"], show_progress=False)
    tokenizer.train_from_iterator([PROSE], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer


@pytest.fixture(scope="module")
def bpe() -> Tokenizer:
    return trained(400)


@pytest.fixture
def file(bpe: Tokenizer, tmp_path: Path) -> Path:
    path = tmp_path / "tiny bpe.json"
    bpe.save(str(path))
    return path


def counting(path: Path, build_id: str = "main") -> BuildConfig:
    return config(build_id, publish={"tokenizer": str(path)})


def rows_of(store: MemoryStore, version_id: str) -> list[DocumentRow]:
    keys = [info.key for info in store.list(layout.documents_prefix(version_id))]
    return [row for key in keys for row in document_rows(decode(store.get(key), DOCUMENTS_SCHEMA.names))]


def test_each_row_has_the_count_that_the_library_gives_for_its_text_without_special_tokens(
    store: MemoryStore, bpe: Tokenizer, file: Path
) -> None:
    finished_build(store)
    manifest = publish(store, counting(file))
    name = f"tiny-bpe-{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
    rows = rows_of(store, "main")
    assert len(rows) == 8
    for row in rows:
        assert row.tokenizer == name
        assert row.token_count == len(bpe.encode(row.text, add_special_tokens=False).ids) > 0
        assert row.token_count == len(bpe.encode(row.text).ids) - 1
    assert manifest.num_tokens == sum(row.token_count or 0 for row in rows)
    assert manifest.inputs.tokenizer == name
    assert store.get(layout.tokenizer_key(name)) == file.read_bytes()


def test_without_a_tokenizer_nothing_is_counted_and_nothing_is_guessed(store: MemoryStore) -> None:
    finished_build(store)
    manifest = publish(store, config())
    assert {(row.token_count, row.tokenizer) for row in rows_of(store, "main")} == {(None, None)}
    assert manifest.num_tokens is None
    assert "| tokens | not counted |" in card(manifest)


def test_no_token_is_counted_of_a_document_that_the_rules_reject(store: MemoryStore, file: Path) -> None:
    german = {"rules": {"documents": {"languages": ["de"]}}}
    finished_build(store, **german)
    manifest = publish(store, config(publish={"tokenizer": str(file)}, **german))
    assert dict(manifest.documents_by_reject) == {"language": 8}
    assert manifest.num_tokens == 0
    judged_files = [store.get(info.key) for info in store.list("_judged/")]
    assert {count for data in judged_files for count in decode(data, ["token_count"]).column(0).to_pylist()} == {None}


def test_another_tokenizer_is_another_version_with_other_counts_and_the_log_says_so(
    store: MemoryStore, file: Path, tmp_path: Path
) -> None:
    finished_build(store)
    first = publish(store, counting(file))
    smaller = tmp_path / "smaller.json"
    trained(45).save(str(smaller))
    second = publish(store, counting(smaller))
    assert (second.version_id, second.parent_id) == ("main.1", "main")
    assert second.inputs.judge_id != first.inputs.judge_id
    assert first.num_tokens is not None
    assert second.num_tokens is not None
    assert second.num_tokens > first.num_tokens
    assert f"tokenizer: {first.inputs.tokenizer} -> {second.inputs.tokenizer}" in list(changes(second, first))
    told = "\n".join(lines_of(entry_of(second, first, is_latest=True)))
    assert f"{second.num_tokens:,} tokens by {second.inputs.tokenizer}" in told
    assert f"| tokens | {second.num_tokens:,} by `{second.inputs.tokenizer}` |" in card(second)


def test_the_same_file_under_another_path_is_the_same_version(store: MemoryStore, file: Path, tmp_path: Path) -> None:
    finished_build(store)
    first = publish(store, counting(file))
    elsewhere = tmp_path / "elsewhere" / file.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(file.read_bytes())
    assert publish(store, counting(elsewhere)) == first


def test_a_shard_is_tokenized_once_and_never_for_a_later_version(
    store: MemoryStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(text: str) -> list[str]:
        asked.append(text)
        return [text]

    finished_build(store)
    monkeypatch.setattr(tokens, "pieces_of", noted)
    tokens.OPENED.clear()
    publish(store, counting(file))
    assert sorted(asked) == sorted(row.text for row in rows_of(store, "main"))
    publish(store, config(publish={"tokenizer": str(file), "part_bytes": 2000}))
    assert len(asked) == 8


def test_the_tokenizer_is_opened_once_a_process(store: MemoryStore, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished_build(store, plan={"shard_documents": 1})
    name = keep_tokenizer(store, counting(file))
    reads: list[str] = []
    get = store.get
    monkeypatch.setattr(store, "get", lambda key: (reads.append(key), get(key))[1])
    tokens.OPENED.clear()
    publish(store, counting(file))
    assert name is not None
    assert reads.count(layout.tokenizer_key(name)) == 1


def test_a_tokenizer_lies_beside_the_data_where_no_reader_of_tables_looks() -> None:
    assert layout.tokenizer_key("bpe-0123").startswith("_")


def test_a_truncation_in_the_file_does_not_cut_the_count(bpe: Tokenizer) -> None:
    cut = Tokenizer.from_str(bpe.to_str())
    cut.enable_truncation(max_length=5)
    cut.enable_padding(length=5000)
    count = counter_of(cut.to_str().encode(), "cut.json")
    assert count(PROSE) == len(bpe.encode(PROSE, add_special_tokens=False).ids) > 5
    assert count("") == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([*WORDS, "\n\n", "\n", " ", "\n\n\n", "x" * 30, "名前"]), max_size=200), st.integers(1, 60))
def test_pieces_laid_end_to_end_are_the_text_and_never_too_long(words: list[str], piece_chars: int) -> None:
    text = " ".join(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "PIECE_CHARS", piece_chars)
        pieces = list(pieces_of(text))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= 2 * piece_chars + 1 for piece in pieces)
    for piece in pieces[:-1]:
        assert piece.endswith("\n\n") or len(piece) == 2 * piece_chars


def test_a_long_document_counts_in_pieces_what_it_would_count_whole(bpe: Tokenizer) -> None:
    text = "\n\n".join([PROSE] * (4 * PIECE_CHARS // len(PROSE)))
    assert len(list(pieces_of(text))) > 3
    whole = len(bpe.encode(text, add_special_tokens=False).ids)
    assert counter_of(bpe.to_str().encode(), "bpe.json")(text) == whole


def test_a_tokenizer_whose_tokens_may_hold_a_blank_line_counts_a_few_more_a_piece() -> None:
    sentencepiece_like = Tokenizer(models.BPE())
    sentencepiece_like.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    sentencepiece_like.train_from_iterator([PROSE], trainers.BpeTrainer(vocab_size=400, show_progress=False))
    text = "\n\n".join([PROSE] * (4 * PIECE_CHARS // len(PROSE)))
    counted = counter_of(sentencepiece_like.to_str().encode(), "sp.json")(text)
    whole = len(sentencepiece_like.encode(text, add_special_tokens=False).ids)
    assert 0 < counted - whole < whole / 5000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "is no tokenizer"), (b"not json", "is no tokenizer"), (b'{"model": 3}', "is no tokenizer")],
    ids=["empty", "text", "json"],
)
def test_a_file_that_is_no_tokenizer_is_told_before_anything_is_put(
    store: MemoryStore, tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"{complaint}.*give the tokenizer.json of a model, or set publish.tokenizer to null"):
        keep_tokenizer(store, counting(path))
    assert store.objects == {}


@pytest.mark.parametrize("uri", ["/nowhere/tokenizer.json", "file:///nowhere/tokenizer.json", "ftp://host/tokenizer.json"])
def test_a_file_that_is_not_there_is_told(store: MemoryStore, uri: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot read {uri} .*; give the path or URI of a tokenizer.json"):
        keep_tokenizer(store, config(publish={"tokenizer": uri}))


def test_a_uri_is_read_as_a_path_is(store: MemoryStore, file: Path) -> None:
    named = config(publish={"tokenizer": f"file://{file}"})
    assert keep_tokenizer(store, named) == name_of(str(file), file.read_bytes())


def test_without_the_library_the_error_says_what_to_install(
    store: MemoryStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match=r"pip install 'pagemill\[tokens\]', or set publish.tokenizer to null"):
        keep_tokenizer(store, counting(file))


def test_an_address_with_a_credential_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"publish\.tokenizer"):
        config(publish={"tokenizer": "https://user:secret@host/tokenizer.json"})


def test_a_tokenizer_in_the_dataset_that_is_not_the_one_of_its_name_counts_nothing(store: MemoryStore, file: Path) -> None:
    tokens.OPENED.clear()
    name = keep_tokenizer(store, counting(file))
    assert name is not None
    store.put(layout.tokenizer_key(name), trained(45).to_str().encode())
    with pytest.raises(VerifyError, match="not the file that it is named after"):
        open_tokenizer(store, name)
    store.delete(layout.tokenizer_key(name))
    with pytest.raises(ObjectMissing):
        open_tokenizer(store, name)


def test_verify_counts_tokens_again(store: MemoryStore, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished_build(store)
    publish(store, counting(file))
    assert verify(store, "main").findings == ()
    monkeypatch.setattr(tokens, "pieces_of", lambda text: [text, "one more"])
    tokens.OPENED.clear()
    told = {finding.message for finding in verify(store, "main").findings}
    assert len(told) == 8
    assert all("other than its pages, names and verdict make it" in message for message in told)


def test_verify_tells_of_a_lost_tokenizer_once_and_checks_everything_else(store: MemoryStore, file: Path) -> None:
    finished_build(store)
    manifest = publish(store, counting(file))
    assert manifest.inputs.tokenizer is not None
    store.delete(layout.tokenizer_key(manifest.inputs.tokenizer))
    tokens.OPENED.clear()
    (finding,) = verify(store, "main").findings
    assert (finding.kind, finding.key) == ("missing", layout.tokenizer_key(manifest.inputs.tokenizer))
    assert "token counts were not checked" in finding.message
