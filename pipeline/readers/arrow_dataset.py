"""Files of a dataset as one pyarrow dataset, for what takes such a thing: DuckDB, Polars, pandas, Ray.

In: the address and the keys of the files. Out: a lazy dataset; the hive keys of the paths (`build`, `version`) are columns.
A bucket is read by Arrow's own S3 client, with the credentials of the environment, of `AWS_PROFILE` or of the machine's role.
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.dataset
import pyarrow.fs

from pipeline.config import StoreConfig
from pipeline.errors import StoreError
from pipeline.interfaces import ObjectStore
from pipeline.store import FolderStore


def arrow_dataset(config: StoreConfig, store: ObjectStore, keys: Sequence[str]) -> pyarrow.dataset.Dataset:
    """Opens the first file, for the columns. `store` is what `config` opens. Raises StoreError."""
    if isinstance(store, FolderStore):
        filesystem, root = pyarrow.fs.LocalFileSystem(), str(store.root)
    else:
        filesystem, root = _bucket(config), config.uri.removeprefix("s3://").rstrip("/")
    try:
        return pyarrow.dataset.dataset(
            [str(Path(root, key)) for key in keys],
            filesystem=filesystem,
            format="parquet",
            partitioning=pyarrow.dataset.partitioning(flavor="hive"),
            partition_base_dir=root,
        )
    except OSError as error:
        raise StoreError(f"{store.uri}: {' '.join(str(error).split())}; check the credentials and the address") from error


def _bucket(config: StoreConfig) -> pyarrow.fs.S3FileSystem:
    if config.endpoint_url is None:
        return pyarrow.fs.S3FileSystem(region=config.region)
    endpoint = urlsplit(config.endpoint_url)
    return pyarrow.fs.S3FileSystem(endpoint_override=endpoint.netloc, scheme=endpoint.scheme, region=config.region)
