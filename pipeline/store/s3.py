"""Objects in a bucket, AWS or any server that speaks S3. The only module that imports boto3.

Costs one request a call (two after a lost race), one page of 1,000 keys at a time when listing. Requests time out and are
retried by botocore; bodies that break off are fetched again here.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypedDict, Unpack

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

from pipeline.errors import ObjectMissing, StoreError, StoreUnsafe
from pipeline.interfaces import ObjectInfo
from pipeline.store.s3_errors import told

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFLICT_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Pauses after a 409: another conditional write to the key is under way and settles within seconds."""
NUM_BODY_TRIES = 4
NUM_REQUEST_TRIES = 5
BROKEN_BODY = (HTTPClientError, IncompleteReadError, ResponseStreamingError)
ATTEMPT = "attempt"


class _Wanted(TypedDict, total=False):
    Range: str


class S3Store:
    """An `ObjectStore`; every botocore error comes out as a StoreError that says what to do."""

    def __init__(self, *, bucket: str, prefix: str, endpoint_url: str | None, profile: str | None, region: str | None) -> None:
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region
        self._lock = threading.Lock()
        self._client: S3Client | None = None

    def __reduce__(self) -> tuple[partial["S3Store"], tuple[()]]:
        """Pickled as its address; the connection stays here."""
        address = {"endpoint_url": self._endpoint_url, "profile": self._profile, "region": self._region}
        return partial(S3Store, bucket=self._bucket, prefix=self._root.rstrip("/"), **address), ()

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._root}".rstrip("/")

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        for wait_s in (*CONFLICT_WAITS_S, None):
            with self._told(key):
                try:
                    self._open().put_object(
                        Bucket=self._bucket, Key=self._root + key, Body=data, IfNoneMatch="*", Metadata={ATTEMPT: attempt_id}
                    )
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
        raise StoreError(f"{self.uri}/{key}: other writers kept the key busy for {sum(CONFLICT_WAITS_S):.0f} s; try again")

    def put(self, key: str, data: bytes) -> None:
        with self._told(key):
            self._open().put_object(Bucket=self._bucket, Key=self._root + key, Body=data)

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
        with self._told(key):
            answer = self._open().head_object(Bucket=self._bucket, Key=self._root + key)
        return ObjectInfo(
            key=key, size_bytes=answer["ContentLength"], version=answer["ETag"].strip('"'), modified_at=answer["LastModified"]
        )

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Empty objects whose key ends with "/" are folders drawn by consoles, and are left out."""
        with self._told(prefix):
            pages = self._open().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._root + prefix)
            for page in pages:
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
            self._open().delete_object(Bucket=self._bucket, Key=self._root + key)

    def probe(self) -> None:
        key = f"_probe-{uuid.uuid4().hex}"
        first = self.put_once(key, b"first", attempt_id="first")
        try:
            second = self.put_once(key, b"second", attempt_id="second")
            if not first or second or self.get(key) != b"first":
                raise StoreUnsafe(_UNSAFE.format(uri=self.uri))
        finally:
            self.delete(key)

    def _open(self) -> "S3Client":
        """boto3 sessions are not thread-safe, clients are: one client, made under a lock in the process that uses it."""
        with self._lock:
            if self._client is None:
                session = boto3.Session(profile_name=self._profile, region_name=self._region)
                self._client = session.client("s3", endpoint_url=self._endpoint_url, config=self._client_config())
            return self._client

    def _client_config(self) -> Config:
        """Other servers than AWS get plain addresses, and checksums only where S3 demands them: rclone and older servers
        fail on boto3's default ones (reference ray_and_storage.md, section 4)."""
        common = Config(
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": NUM_REQUEST_TRIES},
        )
        if self._endpoint_url is None:
            return common
        return common.merge(
            Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        )

    def _body(self, key: str, **wanted: Unpack["_Wanted"]) -> bytes:
        """botocore retries the request but not the reading of its body."""
        for num_tries_left in reversed(range(NUM_BODY_TRIES)):
            with self._told(key):
                body = self._open().get_object(Bucket=self._bucket, Key=self._root + key, **wanted)["Body"]
                try:
                    return body.read()
                except BROKEN_BODY:
                    if not num_tries_left:
                        raise
        raise AssertionError("the last try returns or raises")

    def _attempt_at(self, key: str) -> str | None:
        """Attempt id of the object that is there; "" when it has none, None when the object has gone meanwhile."""
        try:
            with self._told(key):
                metadata = self._open().head_object(Bucket=self._bucket, Key=self._root + key)["Metadata"]
        except ObjectMissing:
            return None
        return {name.lower(): value for name, value in metadata.items()}.get(ATTEMPT, "")

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, ValueError) as error:
            raise told(error, uri=f"s3://{self._bucket}/{self._root}{key}", endpoint_url=self._endpoint_url) from error


_UNSAFE = (
    "{uri} ignores conditional writes (If-None-Match: *), so two writers could overwrite each other; use a store that honours "
    "them (AWS S3, MinIO, Ceph) or set output.single_writer: true and never run two drivers"
)


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
