"""A receipt from a pages file: a pure function of its bytes, so that it can be made again by anyone at any time.

In: the bytes and the key they lie under. Out: a ShardReceipt. Costs reading ten columns and the footer.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.errors import VerifyError
from pipeline.receipts import ShardReceipt
from pipeline.tables.footer import head_of
from pipeline.tables.parquet import decode

Row = Mapping[str, Any]
COLUMNS = (
    "status",
    "reject",
    "chars",
    "output_tokens",
    "vision_tokens",
    "text_tokens",
    "mode",
    "rung",
    "attempts",
    "seconds",
)


def receipt_of(data: bytes, key: str) -> ShardReceipt:
    """Raises VerifyError, naming the key, when the bytes are no pages file of this schema version."""
    try:
        head = head_of(data)
        rows: list[Row] = decode(data, COLUMNS).to_pylist()
    except VerifyError as error:
        raise VerifyError(f"{key} is no pages file: {error}") from error
    compressed = [row for row in rows if row["mode"] is not None and row["vision_tokens"] and row["text_tokens"] is not None]
    return ShardReceipt(
        shard_id=head.shard.shard_id,
        key=key,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        num_rows=len(rows),
        num_documents=len(head.documents.opened),
        num_known=len(head.documents.known),
        quarantined=head.documents.failed,
        pages_by_status=counted(row["status"] for row in rows),
        pages_by_reject=counted(reason for row in rows for reason in row["reject"]),
        num_kept=sum(not row["reject"] for row in rows),
        num_kept_chars=sum(row["chars"] for row in rows if not row["reject"]),
        num_output_tokens=sum(row["output_tokens"] or 0 for row in rows),
        pages_by_rung=counted(row["rung"] for row in rows if row["rung"] is not None),
        seconds_by_rung=_seconds_by_rung(rows),
        pages_by_mode=counted(row["mode"] for row in compressed),
        vision_tokens_by_mode=_summed(compressed, "vision_tokens"),
        text_tokens_by_mode=_summed(compressed, "text_tokens"),
        times=head.shard.times,
        worker=head.shard.worker,
        finished_at=head.shard.finished_at,
        split_into=head.shard.split_into,
    )


def is_of(receipt: ShardReceipt, data: bytes) -> bool:
    """These are the bytes that the receipt was made of."""
    return receipt.sha256 == hashlib.sha256(data).hexdigest()


def counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs, by name."""
    return dict(sorted(Counter(names).items()))


def _summed(rows: Sequence[Row], column: str) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["mode"]] += row[column]
    return dict(sorted(totals.items()))


def _seconds_by_rung(rows: Sequence[Row]) -> dict[str, float]:
    spent: dict[str, list[float]] = {}
    for row in rows:
        for rung, seconds in _spent(row):
            spent.setdefault(rung, []).append(seconds)
    return {rung: math.fsum(spent[rung]) for rung in sorted(spent)}


def _spent(row: Row) -> Iterator[tuple[str, float]]:
    """Each reading of a page and its seconds; the chosen one took what the attempts leave of the whole."""
    if row["rung"] is None:
        return
    attempts = [(attempt["rung"], attempt["seconds"]) for attempt in row["attempts"]]
    yield from attempts
    yield row["rung"], max(0.0, row["seconds"] - math.fsum(seconds for _, seconds in attempts))
