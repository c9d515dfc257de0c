"""What a driver saw is in the store, whole and once, also when the store or the driver breaks off."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.builds import layout
from pipeline.builds.journal import Journal, read_journal
from pipeline.builds.journal_lines import (
    DriverBegan,
    DriverEnded,
    JournalLine,
    LinesLost,
    ShardDone,
    decode_lines,
    encode_line,
    unnamed,
)
from pipeline.builds.worker_spans import worker_spans
from pipeline.errors import StoreError, VerifyError
from pipeline.events import BuildEvent, Pulse, ShardGiven, ShardReturned, WorkerFigures, WorkerLost, WorkerOpened
from tests.builds.memory_store import MemoryStore
from tests.jobs.test_bench_build import receipt

BEGAN = DriverBegan(process="host/1", code_version="0.1.0", num_shards=2)
NIGHT = datetime(2026, 11, 27, 20, tzinfo=UTC)


class RefusingStore(MemoryStore):
    """Refuses puts while told to."""

    refuses = False

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        if self.refuses:
            raise StoreError("s3://lake/books does not answer")
        return super().put_once(key, data, attempt_id=attempt_id)


class LosingStore(MemoryStore):
    """Does what it is told and says once that it did not."""

    is_reply_lost = False

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        done = super().put_once(key, data, attempt_id=attempt_id)
        if self.is_reply_lost:
            self.is_reply_lost = False
            raise StoreError("the reply was lost")
        return done


def ticking(start: datetime = NIGHT, *, step_s: float = 1.0) -> Iterator[datetime]:
    return (start + timedelta(seconds=step_s * number) for number in count())


def journal_on(store: MemoryStore, *, start: datetime = NIGHT) -> Journal:
    ticks = ticking(start)
    return Journal(store, "main", BEGAN, clock=lambda: next(ticks))


def opened(worker: str, *, seconds: float = 5.0) -> WorkerOpened:
    return WorkerOpened(worker=worker, engine="scripted 1", seconds=seconds)


def given_to(worker: str, shard_id: str = "a", *, attempt: int = 1) -> ShardGiven:
    return ShardGiven(shard_id=shard_id, worker=worker, num_documents=3, size_bytes=300, attempt=attempt)


def pulse_of(*figures: WorkerFigures) -> Pulse:
    return Pulse(
        num_pages_read=0, num_workers=1, workers=figures, num_shards_in_work=1, num_shards_waiting=0, num_workers_lost=0
    )


def figures(worker: str, *, num_pages: int, alive_s: float = 10.0, busy_s: float = 4.0) -> WorkerFigures:
    return WorkerFigures(worker=worker, alive_s=alive_s, engine_busy_s=busy_s, num_pages_read=num_pages, num_pages_in_engine=0)


def events_in(store: MemoryStore, *, about: str = "") -> list[object]:
    return [line.event for line in read_journal(store, "main", about=about)]


def test_what_was_heard_is_read_back_in_order_between_a_beginning_and_an_end() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(opened("host/2"))
        journal.hear(given_to("host/2"))
        journal.hear(receipt("a", 10, 8, 7))
    began, first, given_out, done, ended = events_in(store)
    assert (began, first, given_out) == (BEGAN, opened("host/2"), given_to("host/2"))
    assert isinstance(done, ShardDone)
    assert (done.shard_id, done.worker, done.num_kept) == ("s", "a", 10)
    assert ended == DriverEnded(outcome="done", reason="")


def test_each_line_is_one_json_object_with_its_time_build_driver_and_event() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(given_to("host/2", "5eed"))
    lines = [json.loads(line) for data in store.objects.values() for line in data.splitlines()]
    assert [line["event"] for line in lines] == ["driver_began", "shard_given", "driver_ended"]
    assert {(line["build_id"], line["driver"]) for line in lines} == {("main", journal.driver)}
    assert lines[1] == {
        "at": "2026-11-27T20:00:02.000Z",
        "build_id": "main",
        "driver": journal.driver,
        "event": "shard_given",
        "shard_id": "5eed",
        "worker": "host/2",
        "num_documents": 3,
        "size_bytes": 300,
        "attempt": 1,
    }


def test_a_driver_that_is_killed_has_put_that_it_began_and_has_no_end() -> None:
    store = MemoryStore()
    journal_on(store).__enter__().hear(opened("host/2"))
    assert events_in(store) == [BEGAN]


def test_a_chunk_is_put_when_a_minute_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    journal = journal_on(store).__enter__()
    monkeypatch.setattr("pipeline.builds.journal.PUT_EVERY_S", 0.0)
    journal.hear(opened("host/2"))
    journal.hear(given_to("host/2"))
    assert events_in(store) == [BEGAN, opened("host/2"), given_to("host/2")]
    assert len(store.objects) == 3


def test_a_chunk_is_put_before_it_grows_beyond_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.builds.journal.CHUNK_BYTES", 2000)
    store = MemoryStore()
    journal = journal_on(store).__enter__()
    for number in range(100):
        journal.hear(given_to("host/2", f"shard-{number}"))
    assert max(map(len, store.objects.values())) < 2500
    assert len(events_in(store)) > 90


@pytest.mark.parametrize(
    ("error", "outcome"), [(KeyboardInterrupt(), "stopped"), (StoreError("no answer"), "failed"), (GeneratorExit(), "stopped")]
)
def test_the_last_line_says_what_ended_the_driver(error: BaseException, outcome: str) -> None:
    store = MemoryStore()

    def drive() -> None:
        with journal_on(store) as journal:
            journal.hear(opened("host/2"))
            raise error

    with pytest.raises(type(error)):
        drive()
    *_, heard, ended = events_in(store)
    assert heard == opened("host/2")
    assert isinstance(ended, DriverEnded)
    assert ended.outcome == outcome


def test_pulses_are_thinned_and_the_last_figures_of_each_worker_are_kept() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        for number in range(1, 50):
            journal.hear(pulse_of(figures("host/2", num_pages=number), figures("host/3", num_pages=2 * number)))
    told = [event for event in events_in(store) if isinstance(event, WorkerFigures)]
    assert [(each.worker, each.num_pages_read) for each in told] == [("host/2", 49), ("host/3", 98)]


def test_figures_of_a_lost_worker_stand_before_its_loss() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(pulse_of(figures("host/2", num_pages=7), figures("host/3", num_pages=1)))
        journal.hear(WorkerLost(worker="host/2", reason="worker lost", shard_ids=("a",)))
    _, first, loss, second, _ = events_in(store)
    assert [getattr(each, "worker", None) for each in (first, loss, second)] == ["host/2", "host/2", "host/3"]


def test_a_store_that_refuses_for_a_while_gets_everything_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.builds.journal.PUT_EVERY_S", 0.0)
    store = RefusingStore()
    with journal_on(store) as journal:
        store.refuses = True
        for number in range(5):
            journal.hear(given_to("host/2", f"shard-{number}"))
        assert "does not answer" in journal.trouble
        store.refuses = False
    assert journal.trouble == ""
    assert [each.shard_id for each in events_in(store) if isinstance(each, ShardGiven)] == [f"shard-{n}" for n in range(5)]


def test_a_store_that_refuses_to_the_end_leaves_the_trouble_to_be_told_and_raises_nothing() -> None:
    store = RefusingStore()
    with journal_on(store) as journal:
        store.refuses = True
        journal.hear(opened("host/2"))
    assert journal.trouble == "s3://lake/books does not answer"


def test_what_is_too_much_to_hold_is_given_up_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.builds.journal.PUT_EVERY_S", 0.0)
    monkeypatch.setattr("pipeline.builds.journal.HELD_BYTES", 2000)
    store = RefusingStore()
    with journal_on(store) as journal:
        store.refuses = True
        for number in range(50):
            journal.hear(given_to("host/2", f"shard-{number}"))
        store.refuses = False
    found = events_in(store)
    lost = [each for each in found if isinstance(each, LinesLost)]
    kept = [each for each in found if isinstance(each, ShardGiven)]
    assert lost
    assert kept[-1].shard_id == "shard-49"
    assert lost[-1].num_lines >= 50 - len(kept) > 0


def test_a_put_whose_reply_was_lost_is_not_put_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.builds.journal.PUT_EVERY_S", 0.0)
    store = LosingStore()
    with journal_on(store) as journal:
        store.is_reply_lost = True
        journal.hear(given_to("host/2", "a"))
        journal.hear(given_to("host/2", "b"))
    assert [each.shard_id for each in events_in(store) if isinstance(each, ShardGiven)] == ["a", "b"]


def test_two_drivers_write_beside_each_other() -> None:
    store = MemoryStore()
    first, second = journal_on(store), journal_on(store, start=NIGHT + timedelta(hours=1))
    with first, second:
        first.hear(opened("host/2"))
        second.hear(opened("host/3"))
        first.hear(given_to("host/2"))
    lines = list(read_journal(store, "main"))
    assert [line.driver for line in lines] == [first.driver] * 4 + [second.driver] * 3


def test_chunks_beyond_four_digits_are_read_in_order() -> None:
    keys = [layout.journal_key("main", "20261127T200000Z-abc", number) for number in (9_999, 10_000, 2)]
    assert all(map(layout.JOURNAL_KEY.fullmatch, keys))
    assert sorted(keys, key=layout.place_in_journal) == [keys[2], keys[0], keys[1]]


def test_only_lines_about_an_id_are_read_when_asked_for() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(given_to("host/2", "aaaa"))
        journal.hear(given_to("host/2", "bbbb"))
        journal.hear(WorkerLost(worker="host/2", reason="worker lost", shard_ids=("aaaa", "bbbb")))
    assert len(events_in(store, about="bbbb")) == 2


def test_a_damaged_line_is_named() -> None:
    store = MemoryStore()
    key = layout.journal_key("main", "20261127T200000Z-abc", 1)
    store.objects[key] = encode_line(JournalLine(at=NIGHT, build_id="main", driver="d", event=BEGAN)) + b'{"event": "x"}\n'
    with pytest.raises(VerifyError, match=r"-0001\.jsonl, line 2, is no line of a journal"):
        list(read_journal(store, "main"))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("SourceError: cannot get s3://corpus/My a.pdf: timed out", "SourceError: cannot get ... a.pdf: timed out"),
        ("ValueError: no number: 'a page of text'", "ValueError: no number: ..."),
        ("OSError: [Errno 28] No space left on device: '/tmp/x y'", "OSError: [Errno 28] No space left on device: ..."),
        ("cannot read /corpus/a.pdf (gone)", "cannot read ... (gone)"),
        ("worker lost: ActorDiedError: it can't be reached", "worker lost: ActorDiedError: it can't be reached"),
    ],
)  # fmt: skip
def test_a_reason_keeps_its_sense_and_loses_addresses_and_quotes(said: str, kept: str) -> None:
    assert unnamed(said) == kept


def test_no_line_holds_a_name_that_an_error_has_quoted() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(ShardReturned(shard_id="a", worker="host/2", reason="cannot get s3://corpus/secret.pdf", attempt=1))
        journal.hear(WorkerLost(worker="host/2", reason="ValueError: 'secret text'", shard_ids=("a",)))
    assert b"secret" not in b"".join(store.objects.values())


EVENTS = st.one_of(
    st.builds(opened, st.sampled_from(["w/1", "w/2"])),
    st.builds(given_to, st.sampled_from(["w/1", "w/2"]), st.sampled_from("abc")),
    st.builds(lambda worker, n: pulse_of(figures(worker, num_pages=n)), st.sampled_from(["w/1", "w/2"]), st.integers(0, 99)),
    st.builds(lambda worker: WorkerLost(worker=worker, reason="r", shard_ids=()), st.sampled_from(["w/1", "w/2", ""])),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), EVENTS), max_size=30), st.randoms(use_true_random=False))
def test_spans_do_not_depend_on_the_order_of_lines_and_cover_every_opened_worker_once(
    heard: list[tuple[bool, BuildEvent]], chance: object
) -> None:
    store = MemoryStore()
    drivers = (journal_on(store), journal_on(store, start=NIGHT + timedelta(minutes=7)))
    with drivers[0], drivers[1]:
        for is_second, event in heard:
            drivers[is_second].hear(event)
    lines = list(read_journal(store, "main"))
    spans = worker_spans(lines)
    chance.shuffle(lines)  # type: ignore[attr-defined]
    assert worker_spans(lines) == spans
    assert len(spans) == sum(isinstance(event, WorkerOpened) for _, event in heard)
    assert all(span.opened_at <= span.last_seen_at and span.alive_s >= span.opening_s for span in spans)
    assert {span.driver for span in spans} <= {driver.driver for driver in drivers}


def test_a_span_tells_when_a_worker_opened_what_it_did_and_that_it_left() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(opened("host/2", seconds=30.0))
        journal.hear(pulse_of(figures("host/2", num_pages=120, busy_s=2.5)))
        journal.hear(receipt("host/2", 10, 8, 7))
    (span,) = worker_spans(read_journal(store, "main"))
    assert (span.worker, span.engine, span.num_pages_read, span.engine_busy_s) == ("host/2", "scripted 1", 120, 2.5)
    assert (span.ended, span.reason) == ("left", "")
    assert span.alive_s == 30.0 + (span.last_seen_at - span.opened_at).total_seconds() > 32.0


def test_a_lost_worker_ends_with_its_last_sign_of_life_and_the_reason() -> None:
    store = MemoryStore()
    with journal_on(store) as journal:
        journal.hear(opened("host/2"))
        journal.hear(given_to("host/2"))
        journal.hear(WorkerLost(worker="host/2", reason="worker lost: node gone", shard_ids=("a",)))
    lines = list(read_journal(store, "main"))
    (span,) = worker_spans(lines)
    assert (span.ended, span.reason) == ("lost", "worker lost: node gone")
    assert span.last_seen_at == lines[2].at


def test_workers_of_a_killed_driver_are_unheard_of() -> None:
    store = MemoryStore()
    journal = journal_on(store).__enter__()
    journal.hear(opened("host/2"))
    journal._put_all()
    (span,) = worker_spans(read_journal(store, "main"))
    assert span.ended == "unheard"


def test_lines_survive_the_journey_to_json_and_back() -> None:
    line = JournalLine(at=NIGHT, build_id="main", driver="d", event=LinesLost(num_lines=3, reason="no answer"))
    assert list(decode_lines(encode_line(line), "k")) == [line]
