"""Whole objects under keys, in a folder or a bucket: `open_store(config)` gives an `interfaces.ObjectStore`.

In: an address (`StoreConfig`). Out: put once, put, get, list. Keys are relative to the address. A store object is plain data:
it may be pickled to a worker and shared by threads, connections are opened where it is used. It does not know what the
objects mean. The only room that imports boto3 (`s3.py`).

The commit (reference ray_and_storage.md, section 5): `put_once` creates the object whole or not at all, and of any number
of writers exactly one is told that it was first. A bucket does it with `If-None-Match: *`, a folder with a hard link.
"""

from pathlib import Path

from pipeline.config import StoreConfig
from pipeline.errors import ConfigError
from pipeline.interfaces import ObjectStore
from pipeline.store.folder import FolderStore
from pipeline.store.s3 import S3Store

__all__ = ["FolderStore", "S3Store", "open_store"]


def open_store(config: StoreConfig) -> ObjectStore:
    """Opens nothing yet: the first call does. Raises ConfigError for an address that is neither a folder nor `s3://`."""
    scheme, separator, rest = config.uri.partition("://")
    if not separator:
        return FolderStore(root=Path(config.uri).expanduser().absolute())
    if scheme == "file":
        return FolderStore(root=Path("/" + rest.lstrip("/")))
    if scheme != "s3":
        raise ConfigError(f"cannot open {config.uri}: {scheme}:// is not supported; give a folder or s3://bucket/prefix")
    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise ConfigError(f"{config.uri} names no bucket; give s3://bucket/prefix")
    return S3Store(
        bucket=bucket,
        prefix=prefix.strip("/"),
        endpoint_url=config.endpoint_url,
        profile=config.profile,
        region=config.region,
    )
