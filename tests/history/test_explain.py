"""Every fate that a document can have is told from the store alone, and each is told from the others."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.explain import json_lines
from jobs.history_told import lines_of
from pipeline.builds import layout
from pipeline.builds.commit import commit_shard, quarantine_document, split_shard
from pipeline.builds.journal import Journal
from pipeline.builds.journal_lines import DriverBegan, JournalLine
from pipeline.builds.plan import bisect
from pipeline.errors import ConfigError, GateBroken
from pipeline.events import ShardGiven, ShardReturned, WorkerLost
from pipeline.history.entries import (
    Forgotten,
    History,
    KnownAlready,
    NameChanged,
    NotReadYet,
    Opened,
    OtherBytes,
    PageTold,
    Planned,
    Quarantined,
    ShardCommitted,
    Standing,
)
from pipeline.history.explain import explain
from pipeline.interfaces import ObjectInfo
from pipeline.publishing.candidate import GateReading
from pipeline.publishing.forget import Order, forget
from pipeline.publishing.takedown import Takedown
from pipeline.receipts import Shard
from pipeline.records import Attempt, PageRecord
from pipeline.tables.footer import BuildStamp
from pipeline.tables.pages import encode_pages
from pipeline.tables.parquet import decode
from tests.builds.factory import CORPUS, config, finished_build, planned_build, publish
from tests.builds.memory_store import MemoryStore
from tests.publishing.nights import Corpus, read_night
from tests.tables.samples import document, head, opened, pages_file, pages_of, signals

NIGHT = datetime(2026, 11, 27, 20, tzinfo=UTC)
FIRST_NIGHT: Corpus = {"a.pdf": "mill/1", "b.pdf": "river/1", "c.pdf": "mill/2", "d.pdf": "bad/1", "x/f.pdf": "weir/1"}
A, B = document("a.pdf"), document("b.pdf")


class CountingStore(MemoryStore):
    """Counts which objects are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Counter[str] = Counter()

    def get(self, key: str) -> bytes:
        self.opened[key] += 1
        return super().get(key)

    def head(self, key: str) -> ObjectInfo:
        info = super().head(key)
        self.opened[key] -= 1
        return info


def id_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def nights(store: MemoryStore, *corpora: Corpus, **sections: object) -> None:
    for number, corpus in enumerate(corpora, start=1):
        built = read_night(store, corpus, f"n{number}", **sections)
        assert built is not None
        publish(store, built)


def of_kind(history: History, kind: type) -> list[object]:
    return [entry for entry in history.entries if isinstance(entry, kind)]


def build_of(store: MemoryStore, change: Callable[[PageRecord], PageRecord], **sections: object) -> None:
    """A build of a.pdf and b.pdf, of which every page went through `change`."""
    plan = planned_build(store, (A, B), **sections)
    for shard in plan.shards:
        shard_head = head(shard, stamp=plan.stamp)
        records = [change(each) for of in shard_head.documents.opened for each in pages_of(of)]
        commit_shard(store, "main", shard.shard_id, encode_pages(records, shard_head), attempt_id="a")


def looped(record: PageRecord) -> PageRecord:
    """Page 0 of a.pdf, as a generating engine that ran in circles."""
    if record.page is None or record.document.document != A or record.page_id.page_index != 0:
        return record
    attempts = (Attempt(rung="first", mode="base", reasons=("loop",), seconds=1.5, output_tokens=900),)
    reading = replace(record.page, finish_reason="stop", mode="large", rung="wider", attempts=attempts, seconds=4.0)
    bad = signals(record.text, tail_repeats=41, tail_repeat_chars=900)
    return replace(record, page=reading, signals=bad, reject=("loop",))


def pages_told(history: History) -> list[PageTold]:
    return [page for entry in of_kind(history, Opened) for page in entry.pages]  # type: ignore[attr-defined]


def test_a_published_document_is_told_from_its_listing_to_its_row(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    history = explain(store, id_of("river/1"))
    assert history.outcome == "published in version n1, the latest"
    (planned,) = of_kind(history, Planned)
    (read,) = of_kind(history, Opened)
    (standing,) = of_kind(history, Standing)
    assert isinstance(planned, Planned)
    assert isinstance(read, Opened)
    assert isinstance(standing, Standing)
    assert (planned.uri, planned.build_id, planned.size_bytes, planned.version) == ("/corpus/b.pdf", "n1", 1000, "river/1")
    assert (read.shard_id, read.worker, read.num_pages, len(read.pages)) == (planned.shard_id, "worker-0", 3, 3)
    assert [each.status for each in read.pages] == ["ok", "blank", "ok"]
    row = decode(store.get(standing.part_key), ["id", "file_path"]).to_pylist()[standing.row]
    assert row == {"id": id_of("river/1"), "file_path": "/corpus/b.pdf"}


@pytest.mark.parametrize("word", ["/corpus/b.pdf", "b.pdf", id_of("river/1"), id_of("river/1")[:6], id_of("river/1").upper()])
def test_a_document_is_found_by_its_name_the_end_of_it_its_id_and_the_beginning_of_that(store: MemoryStore, word: str) -> None:
    nights(store, FIRST_NIGHT)
    (read,) = of_kind(explain(store, word), Opened)
    assert isinstance(read, Opened)
    assert read.doc_id == id_of("river/1")


def test_every_row_that_is_told_is_the_documents_own_in_every_version_and_part(store: MemoryStore) -> None:
    small = {"publish": {"part_bytes": 700, "row_group_bytes": 500}}
    corpus = {f"{number}.pdf": f"text {number}/1" for number in range(12)} | {"twin.pdf": "text 3/2", "bad.pdf": "bad/1"}
    nights(store, corpus, {**corpus, "new.pdf": "felt/1", "4.pdf": "ream/1"}, **small)
    assert len(list(store.list("documents/version=n2/"))) > 2
    for content in {*corpus.values(), "felt/1", "ream/1"} - {"bad/1"}:
        for each in of_kind(explain(store, id_of(content)), Standing):
            assert isinstance(each, Standing)
            if each.part_key:
                assert decode(store.get(each.part_key), ["id"]).to_pylist()[each.row]["id"] == id_of(content)
            else:
                assert each.reject


def test_a_rejected_page_is_told_with_the_limits_it_broke_and_the_rungs_it_climbed(store: MemoryStore) -> None:
    build_of(store, looped)
    publish(store, config())
    history = explain(store, f"{opened(A).doc_id}/000000")
    (told,) = pages_told(history)
    assert (told.mode, told.rung, told.seconds) == ("large", "wider", 4.0)
    assert [(each.rung, each.reasons) for each in told.attempts] == [("first", ("loop",))]
    text = "\n".join(lines_of(history))
    assert "loop: tail_repeats 41 >= 4, tail_repeat_chars 900 >= 120" in text
    assert "set aside: rung first, base, 1.5 s: loop" in text
    assert history.outcome.startswith("page ok, rejected: loop; its document not published")


def test_a_page_that_other_rules_judge_otherwise_is_told_under_the_version_that_has_them(store: MemoryStore) -> None:
    build_of(store, looped)
    publish(store, config())
    publish(store, config(rules={"pages": {"loop_tail_repeats": 50}}), name="loose")
    first, second = of_kind(explain(store, "a.pdf"), Standing)
    assert isinstance(first, Standing)
    assert isinstance(second, Standing)
    assert first.pages_judged_otherwise == ()
    assert second.pages_judged_otherwise == ((0, ()),)


def test_a_document_that_broke_a_document_rule_is_told_with_the_value(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config(rules={"documents": {"min_words": 100_000}}))
    text = "\n".join(lines_of(explain(store, "b.pdf")))
    assert "too_short: words " in text
    assert "< 100000" in text


def test_a_page_beyond_the_last_is_refused_with_the_pages_there_are(store: MemoryStore) -> None:
    finished_build(store)
    with pytest.raises(ConfigError, match=r"has pages 0 to \d, and no page 77"):
        explain(store, f"{opened(CORPUS[0]).doc_id}/77")


def test_a_duplicate_names_the_document_that_stands_for_it(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    history = explain(store, "c.pdf")
    assert history.outcome == f"not published: version n1 has {id_of('mill/1')} in its place (exact)"


def test_a_document_in_quarantine_is_told_with_its_reason_and_how_often_it_was_tried(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT, FIRST_NIGHT | {"new.pdf": "felt/1"}, retry={"reasons": ["damaged"], "max_attempts": 3})
    history = explain(store, "d.pdf")
    assert history.outcome == "in quarantine: damaged, in 2 builds"
    tries = of_kind(history, Quarantined)
    assert [(each.build_id, each.num_builds) for each in tries] == [("n1", 1), ("n2", 2)]  # type: ignore[attr-defined]


def test_a_document_in_quarantine_is_found_by_its_id_as_well(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    assert explain(store, id_of("bad/1")).outcome == "in quarantine: damaged, in 1 build"


def test_a_document_that_was_read_after_quarantine_is_told_with_both(store: MemoryStore) -> None:
    crashes, reads = planned_build(store, (A,)), "again"
    (shard,) = crashes.shards
    quarantine_document(store, crashes.stamp, shard, error="worker lost", attempts=3, worker="supervisor")
    publish(store, config())
    again = planned_build(store, (A, B), reads, retry={"reasons": ["crashed"]})
    for each in again.shards:
        commit_shard(store, reads, each.shard_id, pages_file(each, stamp=again.stamp), attempt_id="a")
    publish(store, config(reads))
    history = explain(store, "a.pdf")
    assert [each.build_id for each in of_kind(history, Quarantined)] == ["main"]  # type: ignore[attr-defined]
    assert [each.build_id for each in of_kind(history, Opened)] == ["again"]  # type: ignore[attr-defined]
    assert history.outcome == "published in version again, the latest"


def test_a_name_that_is_gone_returns_and_gets_another_is_told_night_by_night(store: MemoryStore) -> None:
    gone = {name: content for name, content in FIRST_NIGHT.items() if name != "x/f.pdf"}
    nights(store, FIRST_NIGHT, gone)
    assert explain(store, "f.pdf").outcome == (
        "not published: version n2 leaves it out for removed; /corpus/x/f.pdf is gone from the corpus since build n2"
    )
    publish(store, read_night(store, {**FIRST_NIGHT, "y/also.pdf": "weir/1"}, "n3") or config())
    history = explain(store, id_of("weir/1"))
    changes = [(each.change, each.uri) for each in of_kind(history, NameChanged)]  # type: ignore[attr-defined]
    assert changes == [
        *(("removed", "/corpus/x/f.pdf"), ("returned", "/corpus/x/f.pdf"), ("renamed", "/corpus/y/also.pdf")),
    ]
    assert history.outcome == "published in version n3, the latest"
    assert explain(store, "also.pdf").outcome == "published in version n3, the latest"


def test_a_document_that_lives_on_under_another_name_is_not_gone(store: MemoryStore) -> None:
    gone = {name: content for name, content in FIRST_NIGHT.items() if name != "x/f.pdf"}
    nights(store, FIRST_NIGHT, gone, {**gone, "also.pdf": "weir/1"})
    assert explain(store, id_of("weir/1")).outcome == "published in version n3, the latest"


def test_a_name_that_holds_other_bytes_now_is_told_from_the_document_it_held(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT, {**FIRST_NIGHT, "b.pdf": "felt/1"})
    by_id, by_name = explain(store, id_of("river/1")), explain(store, "b.pdf")
    (other,) = of_kind(by_id, OtherBytes)
    assert isinstance(other, OtherBytes)
    assert other.doc_id == id_of("felt/1")
    assert [each.doc_id for each in of_kind(by_name, Opened)] == [id_of("river/1"), id_of("felt/1")]  # type: ignore[attr-defined]
    assert by_name.outcome == "published in version n2, the latest"


def test_known_bytes_under_another_name_lead_to_the_document(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT, {**FIRST_NIGHT, "b.pdf": "felt/1", "moved.pdf": "river/1"})
    history = explain(store, "moved.pdf")
    (known,) = of_kind(history, KnownAlready)
    assert isinstance(known, KnownAlready)
    assert known.doc_id == id_of("river/1")


def test_a_version_that_a_gate_keeps_from_its_readers_is_told_with_the_gate(store: MemoryStore) -> None:
    finished_build(store)
    broken = GateReading(name="pages_kept", told="80 % of pages kept, at least 90 %", is_broken=True, is_accepted=False)
    with pytest.raises(GateBroken):
        publish(store, config(), gates=lambda _: (broken,))
    history = explain(store, "b.pdf")
    (standing,) = of_kind(history, Standing)
    assert isinstance(standing, Standing)
    assert (standing.state, standing.why, standing.part_key) == ("unpublished", "80 % of pages kept, at least 90 %", "")
    assert history.outcome == "read in build main, and in no version that readers have"


def test_a_document_that_is_taken_down_is_told_so(store: MemoryStore, tmp_path: Path) -> None:
    finished_build(store)
    listed = tmp_path / "takedown.txt"
    listed.write_text("only /corpus/b.pdf\n")
    publish(store, config(publish={"takedown": str(listed)}))
    assert explain(store, "b.pdf").outcome == "not published: version main leaves it out for taken_down"


def test_a_forgotten_document_is_told_by_whom_and_why_and_nothing_of_it(store: MemoryStore) -> None:
    finished_build(store)
    publish(store, config())
    doc_id = opened(CORPUS[2]).doc_id
    order = Order(
        takedown=Takedown(ids=frozenset({doc_id})), who="clerk@desk", reason="a court order", at=NIGHT, code_version="0"
    )
    forget(store, config(), order)
    for word in (doc_id, "c.pdf"):
        history = explain(store, word)
        assert history.outcome == "forgotten on 2026-11-27, for good"
        assert {each.status for each in pages_told(history)} == {"forgotten"}
    (told,) = of_kind(explain(store, doc_id), Forgotten)
    assert isinstance(told, Forgotten)
    assert (told.who, told.reason) == ("clerk@desk", "a court order")
    states = [each.state for each in of_kind(explain(store, doc_id), Standing)]  # type: ignore[attr-defined]
    assert states == ["withdrawn", "latest"]


def test_a_document_that_is_planned_and_not_read_is_told_so(store: MemoryStore) -> None:
    planned_build(store)
    history = explain(store, "b.pdf")
    assert of_kind(history, NotReadYet)
    assert history.outcome == "planned in build main, and not read yet"


def test_a_document_read_by_a_build_that_is_not_published_is_found_by_its_id(store: MemoryStore) -> None:
    finished_build(store)
    assert explain(store, opened(CORPUS[1]).doc_id).outcome == "read in build main, and in no version that readers have"


def test_what_drivers_saw_of_its_shard_is_told_and_nothing_of_other_shards(store: MemoryStore) -> None:
    plan = finished_build(store)
    first, second = plan.shards[0].shard_id, plan.shards[1].shard_id
    began = DriverBegan(process="host/1", code_version="0.1.0", num_shards=2)
    with Journal(store, "main", began) as journal:
        for shard_id in (first, second):
            journal.hear(ShardGiven(shard_id=shard_id, worker="host/2", num_documents=4, size_bytes=4000, attempt=1))
        journal.hear(WorkerLost(worker="host/2", reason="worker lost: node gone", shard_ids=(first,)))
        journal.hear(ShardReturned(shard_id=first, worker="host/2", reason="worker lost: node gone", attempt=1))
        journal.hear(ShardGiven(shard_id=first, worker="host/3", num_documents=4, size_bytes=4000, attempt=2))
    name = plan.shards[0].documents[0].uri
    history = explain(store, name)
    told = [each.event for each in of_kind(history, JournalLine)]  # type: ignore[attr-defined]
    assert [type(each) for each in told] == [ShardGiven, WorkerLost, ShardReturned, ShardGiven]
    assert "handed to host/3, attempt 2" in "\n".join(lines_of(history))
    assert of_kind(explain(store, first), JournalLine) == of_kind(history, JournalLine)


def test_a_document_of_a_split_shard_is_followed_to_its_half(store: MemoryStore) -> None:
    plan = planned_build(store)
    for shard in plan.shards:
        _commit_in_halves(store, plan.stamp, shard) if len(shard.documents) > 1 else _commit(store, plan.stamp, shard)
    (read,) = of_kind(explain(store, "b.pdf"), Opened)
    assert isinstance(read, Opened)
    assert read.shard_id not in {shard.shard_id for shard in plan.shards}
    assert read.doc_id == opened(CORPUS[1]).doc_id


def _commit(store: MemoryStore, stamp: BuildStamp, shard: Shard) -> None:
    commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=stamp), attempt_id="a")


def _commit_in_halves(store: MemoryStore, stamp: BuildStamp, shard: Shard) -> None:
    split_shard(store, stamp, shard, worker="supervisor")
    for half in bisect(shard):
        _commit(store, stamp, half)


def test_a_shard_is_told_by_its_plan_and_its_receipt(store: MemoryStore) -> None:
    plan = finished_build(store)
    shard = plan.shards[0]
    history = explain(store, shard.shard_id)
    (committed,) = of_kind(history, ShardCommitted)
    assert isinstance(committed, ShardCommitted)
    assert committed.receipt.num_documents + len(committed.receipt.quarantined) == len(shard.documents)
    assert history.outcome.startswith("committed: ")


def test_a_shard_without_a_receipt_is_found_in_the_plan(store: MemoryStore) -> None:
    plan = planned_build(store)
    assert explain(store, plan.shards[-1].shard_id).outcome == "planned in build main, and not read yet"


def test_what_was_never_listed_is_not_found_and_the_message_says_where_it_looked_and_what_is_alike(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    with pytest.raises(ConfigError, match=r"never listed.*verdicts of version n1.*1 plans \(n1\); names like it: /corpus/"):
        explain(store, "F")
    with pytest.raises(ConfigError, match=r"no name holds that text"):
        explain(store, "letter-of-1901.pdf")


def test_an_id_that_is_no_document_is_not_found(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    with pytest.raises(ConfigError, match=r"never listed"):
        explain(store, "0123456789abcdef" * 4)


def test_a_word_that_fits_several_is_refused_with_some_of_them(store: MemoryStore) -> None:
    nights(store, {"x/f.pdf": "mill/1", "y/f.pdf": "weir/1"})
    with pytest.raises(ConfigError, match=r"2 names .* end with 'f.pdf': /corpus/x/f.pdf, /corpus/y/f.pdf"):
        explain(store, "f.pdf")


def test_a_beginning_that_fits_several_documents_asks_for_more_digits(store: MemoryStore) -> None:
    many = {f"{number}.pdf": f"text {number}/1" for number in range(700)}
    nights(store, many, plan={"shard_documents": 700})
    beginnings = Counter(id_of(content)[:4] for content in many.values())
    twice = next(beginning for beginning, number in beginnings.items() if number > 1)
    with pytest.raises(ConfigError, match=r"2 documents of memory: begin with .*; give more digits"):
        explain(store, twice)


def test_only_the_shard_of_the_document_is_opened(store: MemoryStore) -> None:
    counting = CountingStore()
    corpus = {f"{number:03d}.pdf": f"text {number}/1" for number in range(60)}
    nights(counting, corpus)
    counting.opened.clear()
    explain(counting, id_of("text 31/1"))
    pages = {key for key, number in counting.opened.items() if key.startswith("pages/") and number > 0}
    assert len(pages) == 1
    assert sum(number > 0 for key, number in counting.opened.items() if key.startswith("_builds/")) <= 3
    assert not any(number > 0 for key, number in counting.opened.items() if key.startswith("documents/"))


def test_each_json_line_is_one_object_and_names_its_kind(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    head_line, *entries = [json.loads(line) for line in json_lines(explain(store, "b.pdf"))]
    assert head_line["outcome"] == "published in version n1, the latest"
    assert {entry["entry"] for entry in entries} == {"Planned", "Opened", "Standing"}


def test_a_store_without_builds_is_told_so(store: MemoryStore) -> None:
    with pytest.raises(ConfigError, match=r"no version, for there is none.*0 plans \(none\)"):
        explain(store, "a.pdf")


def test_the_keys_that_are_told_are_in_the_store(store: MemoryStore) -> None:
    nights(store, FIRST_NIGHT)
    for entry in explain(store, "b.pdf").entries:
        assert getattr(entry, "key", layout.LATEST_KEY) in store.objects
