"""What a shard asks of the store is counted, by step and by kind of object."""

from pathlib import Path

from jobs.bench_requests import Asked, count_requests, kind_of, table_of


def test_a_shard_puts_its_pages_and_its_receipt_and_a_driver_that_begins_again_reads_one(tmp_path: Path) -> None:
    few, many = (count_requests(tmp_path / str(size), size) for size in (2, 5))
    grown = many.requests - few.requests
    assert grown[Asked(step="read", request="PUT", what="pages")] == 3
    assert grown[Asked(step="read", request="PUT", what="receipts")] == 3
    assert grown[Asked(step="resume", request="GET", what="receipts")] == 3
    assert many.requests[Asked(step="resume", request="LIST", what="receipts")] == 1
    assert "| read | PUT | pages | 1 |" in "\n".join(table_of(few, many, 3))


def test_objects_are_known_by_what_stands_in_them() -> None:
    keys = ["_builds/main/receipts/4711.json", "_builds/main/plan.parquet", "_versions/v/verdicts.parquet", "_builds/"]
    keys += ["pages/build=main/4711.parquet", "README.md"]
    assert [kind_of(key) for key in keys] == ["receipts", "plan", "verdicts", "_builds", "pages", "README.md"]
