"""Objects in a bucket, AWS or any server that speaks S3.

Costs one request a call (two after a lost race), one page of 1,000 keys at a time when listing. Requests time out and are
retried by botocore; what botocore leaves is done here: a body that breaks off or changes on the way down is fetched again,
one that changes on the way up is put again, and a HEAD that is refused without a word (it has no body to say why) is
followed by a GET that says it.

A refused credential drops the connection, so that the next call reads the credential anew: what a profile, a role or an
agent has renewed meanwhile is used without a restart.
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypedDict, Unpack

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import CredentialRefused, ObjectMissing, StoreError, StoreUnsafe
from pipeline.interfaces import ObjectInfo
from pipeline.store.s3_body import BodyBroken, BodyChanged, md5_of, read_body
from pipeline.store.s3_connection import PATIENCE, Connection, Patience
from pipeline.store.s3_errors import told

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

DAMAGED_UPLOAD = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"})
"""Codes with which a store refuses bytes that are not those that were sent."""
NUM_TRIES = 4
"""Of what botocore does not retry: bodies, and uploads refused as damaged."""
ATTEMPT = "attempt"


class _Wanted(TypedDict, total=False):
    Range: str


class _Condition(TypedDict, total=False):
    IfNoneMatch: str
    IfMatch: str


class _Put(_Condition, total=False):
    Metadata: dict[str, str]
    ContentMD5: str
    ContentType: str


class S3Store:
    """An `ObjectStore`; every botocore error comes out as a StoreError that says what to do."""

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str,
        endpoint_url: str | None,
        profile: str | None,
        region: str | None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region
        self._patience = patience
        self._knows_md5_etags = False
        self._connection = Connection(endpoint_url=endpoint_url, profile=profile, region=region, patience=patience)

    def __reduce__(self) -> tuple[partial["S3Store"], tuple[()]]:
        """Pickled as its address; the connection stays here."""
        prefix = self._root.rstrip("/")
        address = partial(S3Store, bucket=self._bucket, prefix=prefix, endpoint_url=self._endpoint_url)
        return partial(address, profile=self._profile, region=self._region, patience=self._patience), ()

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._root}".rstrip("/")

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        return self._put_on_condition(key, data, attempt_id, IfNoneMatch="*")

    def put(self, key: str, data: bytes) -> None:
        with self._told(key):
            self._put(key, data)

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        try:
            return self._put_on_condition(key, data, attempt_id, IfMatch=f'"{version}"')
        except ObjectMissing:
            return False

    def copy(self, source_key: str, key: str) -> None:
        with self._told(source_key):
            self._connection.client().copy_object(
                Bucket=self._bucket, Key=self._root + key, CopySource={"Bucket": self._bucket, "Key": self._root + source_key}
            )

    def get(self, key: str) -> bytes:
        return self._body(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        if length <= 0:
            self.head(key)
            return b""
        try:
            return self._body(key, Range=f"bytes={start}-{start + length - 1}")
        except StoreError as error:
            if isinstance(error.__cause__, ClientError) and _status(error.__cause__) == 416:
                return b""
            raise

    def head(self, key: str) -> ObjectInfo:
        answer = self._head(key)
        return ObjectInfo(
            key=key, size_bytes=answer["ContentLength"], version=answer["ETag"].strip('"'), modified_at=answer["LastModified"]
        )

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Empty objects whose key ends with "/" are folders drawn by consoles, and are left out."""
        with self._told(prefix):
            pages = self._connection.client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root + prefix):
                for found in page.get("Contents", []):
                    if found["Key"].endswith("/") and found["Size"] == 0:
                        continue
                    yield ObjectInfo(
                        key=found["Key"].removeprefix(self._root),
                        size_bytes=found["Size"],
                        version=found["ETag"].strip('"'),
                        modified_at=found["LastModified"],
                    )

    def delete(self, key: str) -> None:
        with self._told(key):
            self._connection.client().delete_object(Bucket=self._bucket, Key=self._root + key)

    def probe(self) -> None:
        key = f"_probe-{uuid.uuid4().hex}"
        first = self.put_once(key, b"first", attempt_id="first")
        try:
            second = self.put_once(key, b"second", attempt_id="second")
            if not first or second or self.get(key) != b"first":
                raise StoreUnsafe(_UNSAFE.format(uri=self.uri))
        finally:
            self.delete(key)

    def _put_on_condition(self, key: str, data: bytes, attempt_id: str, **condition: Unpack["_Condition"]) -> bool:
        """False when another attempt's object is what the condition met."""
        for wait_s in (*self._patience.conflict_waits_s, None):
            with self._told(key):
                try:
                    self._put(key, data, Metadata={ATTEMPT: attempt_id}, **condition)
                    return True
                except ClientError as error:
                    status = _status(error)
                    if status == 501:
                        raise StoreUnsafe(_UNSAFE.format(uri=self.uri)) from error
                    if status not in (409, 412):
                        raise
            if status == 412 and (first := self._attempt_at(key)) is not None:
                return first == attempt_id
            if wait_s is not None:
                time.sleep(wait_s)
        waited_s = sum(self._patience.conflict_waits_s)
        raise StoreError(f"{self.uri}/{key}: other writers kept the key busy for {waited_s:.0f} s; try again")

    def _put(self, key: str, data: bytes, **wanted: Unpack["_Put"]) -> None:
        """With a digest that every store checks: boto3 sends one to AWS, other servers know Content-MD5."""
        if self._endpoint_url is not None:
            wanted["ContentMD5"] = _content_md5(data)
        if key.endswith(".html"):
            wanted["ContentType"] = "text/html; charset=utf-8"  # a browser offers anything else for download
        for num_tries_left in reversed(range(NUM_TRIES)):
            try:
                self._connection.client().put_object(Bucket=self._bucket, Key=self._root + key, Body=data, **wanted)
                return
            except ClientError as error:
                if not num_tries_left or _code(error) not in DAMAGED_UPLOAD:
                    raise

    def _body(self, key: str, **wanted: Unpack["_Wanted"]) -> bytes:
        """botocore retries the request but not the reading of its body."""
        changed: bytes | None = None
        for num_tries_left in reversed(range(NUM_TRIES)):
            with self._told(key):
                answer = self._connection.client().get_object(Bucket=self._bucket, Key=self._root + key, **wanted)
            try:
                data = read_body(answer)
                self._knows_md5_etags = self._knows_md5_etags or ("Range" not in wanted and md5_of(answer) != "")
                return data
            except BodyBroken as error:
                if isinstance(error, BodyChanged):
                    if error.data == changed and not self._knows_md5_etags:
                        return changed  # twice the same, and never an MD5 seen here: this store's ETags are something else
                    changed = error.data
                if not num_tries_left:
                    what = f"{self.uri}/{key}: not whole in {NUM_TRIES} tries ({error})"
                    raise StoreError(f"{what}; check the network and the object") from error
        raise AssertionError("the last try returns or raises")

    def _head(self, key: str) -> "HeadObjectOutputTypeDef":
        with self._told(key):
            try:
                return self._connection.client().head_object(Bucket=self._bucket, Key=self._root + key)
            except ClientError as error:
                if _status(error) not in (400, 403):
                    raise
                self._connection.client().get_object(Bucket=self._bucket, Key=self._root + key, Range="bytes=0-0")[
                    "Body"
                ].close()
                raise

    def _attempt_at(self, key: str) -> str | None:
        """Attempt id of the object that is there; "" when it has none, None when the object has gone meanwhile."""
        try:
            metadata = self._head(key)["Metadata"]
        except ObjectMissing:
            return None
        return {name.lower(): value for name, value in metadata.items()}.get(ATTEMPT, "")

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, ValueError) as error:
            stop = told(error, uri=f"s3://{self._bucket}/{self._root}{key}", endpoint_url=self._endpoint_url)
            if isinstance(stop, CredentialRefused):
                self._connection.drop()
            raise stop from error


_UNSAFE = (
    "{uri} ignores conditional writes (If-None-Match: *), so two writers could overwrite each other; use a store that honours "
    "them (AWS S3, MinIO, Ceph) or set output.single_writer: true and never run two drivers"
)


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _content_md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
