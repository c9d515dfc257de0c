"""Night after night: the published set is what publishing everything anew gives, and what the corpus of that night holds."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.publishing.verdicts import decode_verdicts
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import VersionManifest, read_version
from tests.builds.factory import publish
from tests.builds.memory_store import Crash, MemoryStore
from tests.publishing.nights import Corpus, expected, parts_of, read_night, rows_of, without_versions

SMALL = {"publish": {"part_bytes": 900, "row_group_bytes": 500}}
STRICT = {"rules": {"documents": {"min_words": 100}}}
"""Only documents of two pages of text and more."""
NAMES = [f"{letter}.pdf" for letter in "abcdefgh"]
CONTENTS = [f"{text}/{variant}" for text in ("mill", "press", "weir", "sheet", "vat", "bad") for variant in (1, 2)]


@dataclass(frozen=True)
class Night:
    put: dict[str, str]
    gone: frozenset[str]
    is_strict: bool


NIGHTS = st.lists(
    st.builds(
        Night,
        put=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(CONTENTS), max_size=4),
        gone=st.frozensets(st.sampled_from(NAMES), max_size=3),
        is_strict=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def nights_of(nights: list[Night]) -> list[tuple[Corpus, bool]]:
    corpus: dict[str, str] = {"z.pdf": "river/1"}
    seen = []
    for night in nights:
        corpus = {name: content for name, content in {**corpus, **night.put}.items() if name not in night.gone}
        seen.append((corpus, night.is_strict))
    return seen


@settings(deadline=None, max_examples=7)
@given(NIGHTS)
def test_each_night_publishes_what_publishing_from_scratch_gives_byte_for_byte(nights: list[Night]) -> None:
    store = MemoryStore()
    for number, (corpus, is_strict) in enumerate(nights_of(nights)):
        sections = {**SMALL, **(STRICT if is_strict else {})}
        config = read_night(store, corpus, f"night-{number}", **sections)
        if config is None:
            continue
        version = publish(store, config)
        bare = without_versions(store)
        anew = publish(bare, config)
        assert parts_of(bare, anew.version_id) == parts_of(store, version.version_id)
        assert bare.get(f"_versions/{anew.version_id}/verdicts.parquet") == store.get(
            f"_versions/{version.version_id}/verdicts.parquet"
        )
        assert (anew.builds, anew.pages_by_reject) == (version.builds, version.pages_by_reject)


@settings(deadline=None, max_examples=7)
@given(NIGHTS)
def test_each_night_publishes_every_text_that_the_corpus_holds_once_and_no_other(nights: list[Night]) -> None:
    store = MemoryStore()
    for number, (corpus, _) in enumerate(nights_of(nights)):
        config = read_night(store, corpus, f"night-{number}", **SMALL)
        if config is None:
            continue
        rows = rows_of(store, publish(store, config).version_id)
        wanted = expected(corpus)
        found = {row.text[: row.page_ends[0]].rstrip("\n"): (row.file_path, row.aliases) for row in rows}
        assert len(rows) == len(found)
        assert found.keys() == wanted.keys()
        assert all(names == wanted[text] for text, names in found.items() if wanted[text][0])
        assert verify(store, config.build_id).findings == ()


def test_removals_changes_and_names_that_move_are_told_in_the_verdicts() -> None:
    store = MemoryStore()
    first = {"a.pdf": "mill/1", "b.pdf": "press/1", "c.pdf": "weir/1", "d.pdf": "vat/1"}
    then = {"a.pdf": "mill/2", "c.pdf": "bad/1", "e.pdf": "vat/1"}
    for build_id, corpus in (("one", first), ("two", then)):
        config = read_night(store, corpus, build_id)
        assert config is not None
        version = publish(store, config)
    verdicts = list(decode_verdicts(store.get("_versions/two/verdicts.parquet")))
    assert {(each.build_id, each.file_path): each.reject for each in verdicts} == {
        ("one", "/corpus/a.pdf"): ("superseded",),
        ("one", "/corpus/b.pdf"): ("removed",),
        ("one", "/corpus/c.pdf"): ("superseded",),
        ("one", "/corpus/d.pdf"): (),
        ("two", "/corpus/a.pdf"): (),
        ("two", "/corpus/e.pdf"): ("known",),
    }
    assert [(row.file_path, row.aliases) for row in rows_of(store, "two")] == [("/corpus/e.pdf", ()), ("/corpus/a.pdf", ())]
    assert dict(version.documents_by_reject) == {"known": 1, "removed": 1, "superseded": 2}


def test_a_document_that_comes_back_is_published_again_and_not_read_again() -> None:
    store = MemoryStore()
    corpora = [{"a.pdf": "mill/1", "b.pdf": "vat/1"}, {"b.pdf": "vat/1"}, {"a.pdf": "mill/1", "b.pdf": "vat/1"}]
    kept = []
    for number, corpus in enumerate(corpora):
        config = read_night(store, corpus, f"night-{number}")
        assert config is not None
        kept.append(publish(store, config).num_documents_kept)
    assert kept == [2, 1, 2]
    assert len([key for key in store.objects if key.startswith("pages/")]) == len(
        [key for key in store.objects if key.startswith("pages/build=night-0/")]
    )


def test_a_new_night_copies_all_parts_but_the_last_and_a_removal_changes_one() -> None:
    store = MemoryStore()
    corpus = {f"{letter}.pdf": f"{letter * 4}/1" for letter in "abcdefghijklmnop"}
    one = published(store, corpus, "one")
    assert len(one.parts) >= 5
    two = published(store, {**corpus, "y.pdf": "yew/1"}, "two")
    assert [part.content_id for part in two.parts[: len(one.parts) - 1]] == [part.content_id for part in one.parts[:-1]]
    gone = rows_of(store, "two")[3].file_path.removeprefix("/corpus/")
    three = published(store, {name: content for name, content in {**corpus, "y.pdf": "yew/1"}.items() if name != gone}, "three")
    changed = {part.content_id for part in two.parts} ^ {part.content_id for part in three.parts}
    assert len(changed) <= 2
    judged = {key for key in store.objects if key.startswith("_judged/")}
    assert len(judged) == len([key for key in store.objects if key.startswith("pages/")]), "judged once"


def published(store: MemoryStore, corpus: Corpus, build_id: str) -> VersionManifest:
    config = read_night(store, corpus, build_id, **SMALL)
    assert config is not None
    return publish(store, config)


def test_a_second_night_that_crashed_at_any_write_is_finished_by_the_next_run() -> None:
    store = MemoryStore()
    corpus = {f"{letter}.pdf": f"{letter * 4}/1" for letter in "abcdef"}
    published(store, corpus, "one")
    config = read_night(store, {**corpus, "b.pdf": "yew/1"}, "two", **SMALL)
    assert config is not None
    before = dict(store.objects), dict(store.attempts), store.num_writes
    publish(store, config)
    whole, num_writes = dict(store.objects), store.num_writes - before[2]
    assert num_writes >= 9
    for moment in ("crash_before_write", "crash_after_write"):
        for step in range(1, num_writes + 1):
            again = MemoryStore()
            again.objects, again.attempts = dict(before[0]), dict(before[1])
            setattr(again, moment, step)
            with pytest.raises(Crash):
                publish(again, config)
            publish(again, config)
            assert again.objects == whole


def test_the_figures_count_each_build_under_the_rules_of_the_version() -> None:
    store = MemoryStore()
    published(store, {"a.pdf": "mill/1", "b.pdf": "bad/1"}, "one")
    config = read_night(store, {"a.pdf": "mill/1", "b.pdf": "bad/1", "c.pdf": "press/2"}, "two", **STRICT)
    assert config is not None
    version = publish(store, config)
    assert version == read_version(store, "two")
    one, two = version.builds
    assert (one.evidence.num_documents_planned, one.evidence.num_documents_opened) == (2, 1)
    assert dict(one.evidence.quarantined_by_reason) == {"damaged": 1}
    assert (one.num_documents_kept, dict(one.documents_by_reject)) == (0, {"too_short": 1})
    assert (two.num_documents_kept, dict(two.documents_by_language)) == (1, {"en": 1})
    assert two.num_chars == sum(row.chars for row in rows_of(store, "two"))
