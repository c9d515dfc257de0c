"""What a receipt says of rungs and modes follows from the rows alone, and is shown where someone looks."""

from dataclasses import replace

import pytest

from jobs.progress import mode_lines, rung_lines
from jobs.status import rows_of
from pipeline.builds import layout
from pipeline.builds.commit import commit_shard
from pipeline.builds.ledger import decode_manifest, decode_receipt, encode_receipt
from pipeline.builds.receipt import receipt_of
from pipeline.builds.status import status
from pipeline.errors import VerifyError
from pipeline.publishing.verify import verify
from pipeline.receipts import ShardReceipt
from pipeline.records import Attempt, PageRecord
from pipeline.tables.pages import encode_pages
from tests.builds.factory import planned_build
from tests.builds.memory_store import MemoryStore
from tests.tables.samples import blank_page, document, head, opened, page

DOCUMENT = document("a.pdf")
FIRST = Attempt(rung="first", mode="tiny", reasons=("loop",), seconds=1.5, output_tokens=900)
WIDER = replace(FIRST, rung="wider", seconds=0.25)


def read(index: int, **reading: object) -> PageRecord:
    record = page(opened(DOCUMENT, num_pages=9), index, "some words")
    assert record.page is not None
    return replace(record, page=replace(record.page, **reading))  # type: ignore[arg-type]


ROWS = [
    read(0, seconds=1.0, mode="base", vision_tokens=200, text_tokens=1000),
    read(2, seconds=4.0, mode="base", vision_tokens=100, text_tokens=500, rung="cut", attempts=(FIRST, WIDER)),
    read(3, seconds=2.0, mode="tiny", vision_tokens=64, text_tokens=64, attempts=(WIDER,)),
    read(4, seconds=0.5, mode="tiny", vision_tokens=64),
    blank_page(opened(DOCUMENT, num_pages=9), 1),
]


def receipt_of_rows(rows: list[PageRecord]) -> ShardReceipt:
    return receipt_of(encode_pages(rows, head(planned_build(MemoryStore(), [DOCUMENT]).shards[0])), "key")


def test_pages_count_under_the_rung_that_read_them_and_seconds_under_the_rung_that_took_them() -> None:
    receipt = receipt_of_rows(ROWS)
    assert receipt.pages_by_rung == {"cut": 1, "first": 3}
    assert receipt.seconds_by_rung == pytest.approx({"cut": 2.25, "first": 1.0 + 1.5 + 1.75 + 0.5, "wider": 0.5})
    assert sum(receipt.seconds_by_rung.values()) == pytest.approx(sum(row.page.seconds for row in ROWS if row.page))


def test_tokens_by_mode_are_those_of_pages_where_both_are_known() -> None:
    receipt = receipt_of_rows(ROWS)
    assert receipt.pages_by_mode == {"base": 2, "tiny": 1}
    assert receipt.vision_tokens_by_mode == {"base": 300, "tiny": 64}
    assert receipt.text_tokens_by_mode == {"base": 1500, "tiny": 64}


def test_the_order_of_the_rows_changes_nothing() -> None:
    assert receipt_of_rows(ROWS[::-1]) == receipt_of_rows(ROWS)


def test_a_receipt_comes_back_from_json_as_it_was() -> None:
    receipt = receipt_of_rows(ROWS)
    assert decode_receipt(encode_receipt(receipt), "key") == receipt


@pytest.mark.parametrize(
    "forged",
    [
        {"pages_by_rung": {"first": 4}},
        {"seconds_by_rung": {"first": 0.0}},
        {"pages_by_mode": {}},
        {"vision_tokens_by_mode": {"base": 1, "tiny": 64}},
        {"text_tokens_by_mode": {"base": 9999, "tiny": 64}},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_verify_finds_a_receipt_that_tells_another_tale(forged: dict[str, object]) -> None:
    store = MemoryStore()
    (shard,) = planned_build(store, [DOCUMENT]).shards
    data = encode_pages(ROWS, replace(head(shard), stamp=planned_build(store, [DOCUMENT]).stamp))
    receipt = commit_shard(store, "main", shard.shard_id, data, attempt_id="a")
    key = layout.receipt_key("main", shard.shard_id)
    store.put(key, encode_receipt(replace(receipt, **forged)))  # type: ignore[arg-type]
    findings = [finding for finding in verify(store, "main").findings if finding.kind == "receipt"]
    assert [next(iter(forged)) in finding.message for finding in findings] == [True]


def test_status_shows_rungs_and_modes_when_there_is_something_to_show() -> None:
    store = MemoryStore()
    (shard,) = planned_build(store, [DOCUMENT]).shards
    commit_shard(store, "main", shard.shard_id, encode_pages(ROWS, head(shard)), attempt_id="a")
    shown = rows_of(status(store, "main"), is_published=False)
    assert shown["rungs"] == "first: 3 pages, 4.8 s; cut: 1 pages, 2.2 s; wider: 0 pages, 0.5 s"
    assert shown["modes"] == "base: 2 pages, 5.0 text tokens per vision token; tiny: 1 pages, 1.0 text tokens per vision token"


def test_a_build_that_climbed_nothing_shows_no_rungs() -> None:
    assert rung_lines({"first": 9}, {"first": 3.0}) == []
    assert mode_lines({}, {}, {}) == []


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b'{"schema_version": "1"}', "is of schema 1, where this version reads 3; give another output"),
        (b"[]", "names no schema version"),
        (b"{", "names no schema version"),
    ],
)
def test_a_manifest_of_another_schema_is_refused_by_its_version_and_not_as_damaged_fields(data: bytes, complaint: str) -> None:
    with pytest.raises(VerifyError, match=complaint):
        decode_manifest(data, "manifest.json")
