"""The receipts of a build as a table, one row a shard, for whoever asks in SQL or sums by worker.

In: receipts. Out: an Arrow table of RECEIPTS_SCHEMA. Costs some 300 bytes a receipt.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.receipts import ShardReceipt
from pipeline.tables.schemas import TIMESTAMP

RECEIPTS_SCHEMA = pa.schema(
    [
        pa.field("shard_id", pa.string(), nullable=False),
        pa.field("worker", pa.string(), nullable=False),
        pa.field("finished_at", TIMESTAMP, nullable=False),
        pa.field("num_rows", pa.int64(), nullable=False),
        pa.field("num_kept", pa.int64(), nullable=False),
        pa.field("num_kept_chars", pa.int64(), nullable=False),
        pa.field("num_documents", pa.int64(), nullable=False),  # opened
        pa.field("num_known", pa.int64(), nullable=False),
        pa.field("num_quarantined", pa.int64(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),  # of the pages file
        pa.field("total_s", pa.float64(), nullable=False),  # this and the next four: `receipts.ShardTimes`
        pa.field("engine_s", pa.float64(), nullable=False),
        pa.field("render_wait_s", pa.float64(), nullable=False),
        pa.field("judge_s", pa.float64(), nullable=False),
        pa.field("engine_busy_s", pa.float64(), nullable=False),
        pa.field("is_split", pa.bool_(), nullable=False),  # two smaller shards stand for it; it has no rows
    ]
)


def receipts_table(receipts: Iterable[ShardReceipt]) -> pa.Table:
    """In the order given."""
    return pa.Table.from_pylist([_row(receipt) for receipt in receipts], schema=RECEIPTS_SCHEMA)


def _row(receipt: ShardReceipt) -> dict[str, object]:
    times = receipt.times
    return {
        "shard_id": receipt.shard_id,
        "worker": receipt.worker,
        "finished_at": receipt.finished_at,
        "num_rows": receipt.num_rows,
        "num_kept": receipt.num_kept,
        "num_kept_chars": receipt.num_kept_chars,
        "num_documents": receipt.num_documents,
        "num_known": receipt.num_known,
        "num_quarantined": len(receipt.quarantined),
        "size_bytes": receipt.size_bytes,
        "total_s": times.total_s,
        "engine_s": times.engine_s,
        "render_wait_s": times.render_wait_s,
        "judge_s": times.judge_s,
        "engine_busy_s": times.engine_busy_s,
        "is_split": bool(receipt.split_into),
    }
