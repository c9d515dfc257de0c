"""A receipt from a pages file: a pure function of its bytes, so that it can be made again by anyone at any time.

In: the bytes and the key they lie under. Out: a ShardReceipt. Costs reading four columns and the footer.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable

from pipeline.errors import VerifyError
from pipeline.receipts import ShardReceipt
from pipeline.tables.footer import head_of
from pipeline.tables.parquet import decode


def receipt_of(data: bytes, key: str) -> ShardReceipt:
    """Raises VerifyError, naming the key, when the bytes are no pages file of this schema version."""
    try:
        head = head_of(data)
        columns = decode(data, ["status", "reject", "chars", "output_tokens"])
    except VerifyError as error:
        raise VerifyError(f"{key} is no pages file: {error}") from error
    statuses, rejects, chars, output_tokens = (columns.column(i).to_pylist() for i in range(4))
    is_kept = [not reasons for reasons in rejects]
    return ShardReceipt(
        shard_id=head.shard.shard_id,
        key=key,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        num_rows=columns.num_rows,
        num_documents=len(head.documents.opened),
        quarantined=head.documents.failed,
        pages_by_status=counted(statuses),
        pages_by_reject=counted(reason for reasons in rejects for reason in reasons),
        num_kept=sum(is_kept),
        num_kept_chars=sum(num for num, kept in zip(chars, is_kept, strict=True) if kept),
        num_output_tokens=sum(num or 0 for num in output_tokens),
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
