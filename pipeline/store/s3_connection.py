"""One S3 client for all threads of a process, opened when first asked for. In: an address and Patience. Out: a boto3 client.

boto3 sessions are not thread-safe, clients are: one client, made under a lock in the process that uses it. A connection that
was dropped is opened again with the credential read anew. Costs 0.1 s and about 20 MB once.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a request may take and how often it is made again."""

    connect_s: float = 10.0
    read_s: float = 60.0
    """Without a byte."""
    num_request_tries: int = 5
    conflict_waits_s: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
    """Pauses after a 409: another conditional write to the key is under way and settles within seconds."""


PATIENCE = Patience()


class Connection:
    """Thread-safe; held by a store, never pickled."""

    def __init__(self, *, endpoint_url: str | None, profile: str | None, region: str | None, patience: Patience) -> None:
        self._endpoint_url = endpoint_url
        self._profile = profile
        self._region = region
        self._patience = patience
        self._lock = threading.Lock()
        self._client: S3Client | None = None

    def client(self) -> "S3Client":
        with self._lock:
            if self._client is None:
                session = boto3.Session(profile_name=self._profile, region_name=self._region)
                self._client = session.client("s3", endpoint_url=self._endpoint_url, config=self._client_config())
            return self._client

    def drop(self) -> None:
        """Calls under way keep their client; the next one reads the credential anew."""
        with self._lock:
            self._client = None

    def _client_config(self) -> Config:
        """Other servers than AWS get plain addresses, and checksums only where S3 demands them: rclone and older servers
        fail on boto3's default ones (reference ray_and_storage.md, section 4)."""
        common = Config(
            connect_timeout=self._patience.connect_s,
            read_timeout=self._patience.read_s,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": self._patience.num_request_tries},
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
