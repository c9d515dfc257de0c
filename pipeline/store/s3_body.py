"""The body of an object as it lay in the bucket, or an error: nothing cut, nothing changed, no waiting without end.

In: the answer to a GET. Out: its bytes. A body that breaks off, comes slower than `MIN_BYTES_PER_S`, or is not what its
headers say raises `BodyBroken`, and the caller asks again.

What shows a changed body: boto3's own checksums where the store gives them (AWS always does); for a whole object the ETag,
which is the MD5 of the bytes unless the object came in parts or is encrypted by the server (RFC 1864, S3 API reference);
for a range its length alone. Costs one MD5, 1.5 s a GB.
"""

import hashlib
import io
import re
import time
from typing import TYPE_CHECKING

from botocore.exceptions import FlexibleChecksumError, HTTPClientError, IncompleteReadError, ResponseStreamingError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

BROKEN = (FlexibleChecksumError, HTTPClientError, IncompleteReadError, ResponseStreamingError)
GRACE_S = 60.0
MIN_BYTES_PER_S = 50_000
"""Slower than this a shard of 64 MB takes 20 minutes: a stuck connection, not a slow one."""
BLOCK_BYTES = 1_048_576
"""Read at a time. Each read gives up the interpreter's lock and waits up to 5 ms for it where another thread computes: 16 of
22 MB beside such a thread took 3.8 s in blocks of 64 kB, 0.9 s in these (infra/decisions/0014). At `MIN_BYTES_PER_S` a block
takes 21 s, which is how late a slow body may be told."""
MD5 = re.compile(r"[0-9a-f]{32}")
RANGE = re.compile(r"bytes (\d+)-(\d+)/")


class BodyBroken(Exception):
    """The bytes that came are not the object's."""


class BodyChanged(BodyBroken):
    """All came, but not with the sum that the store holds for them."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


def read_body(answer: "GetObjectOutputTypeDef") -> bytes:
    """The whole body. Raises BodyBroken, BodyChanged."""
    data = _received(answer)
    if sent := RANGE.match(answer.get("ContentRange", "")):
        size_bytes = int(sent[2]) - int(sent[1]) + 1
        if len(data) != size_bytes:
            raise BodyBroken(f"{len(data)} of {size_bytes} bytes came")
        return data
    if (md5 := md5_of(answer)) and hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
        raise BodyChanged(f"the {len(data)} bytes that came do not have the MD5 {md5} of the object", data)
    return data


def _received(answer: "GetObjectOutputTypeDef") -> bytes:
    deadline_s = time.monotonic() + GRACE_S + answer["ContentLength"] / MIN_BYTES_PER_S
    received = io.BytesIO()
    try:
        for block in answer["Body"].iter_chunks(BLOCK_BYTES):
            received.write(block)
            if time.monotonic() > deadline_s:
                raise BodyBroken(f"{received.tell()} of {answer['ContentLength']} bytes came before the deadline")
    except BROKEN as error:
        raise BodyBroken(" ".join(str(error).split())) from error
    finally:
        answer["Body"].close()
    return received.getvalue()


def md5_of(answer: "GetObjectOutputTypeDef") -> str:
    """The MD5 of the whole object by its ETag; "" where that is none."""
    etag = answer.get("ETag", "").strip('"').lower()
    is_encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
    return etag if MD5.fullmatch(etag) and not is_encrypted else ""
