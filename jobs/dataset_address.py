"""Which dataset a command looks at, and which files of it: arguments that `head`, `stats` and `sql` share."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import StoreConfig, load_config
from pipeline.interfaces import ObjectStore
from pipeline.readers.groups import latest_version
from pipeline.store import open_store


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A dataset as the command line names it."""

    config: StoreConfig
    store: ObjectStore
    version: str | None
    build: str | None

    def version_id(self) -> str:
        """The version asked for, or the latest. Raises ConfigError when there is none."""
        return self.version or latest_version(self.store)


def add_address_arguments(parser: argparse.ArgumentParser) -> None:
    """Which dataset, and what of it."""
    add_dataset_arguments(parser)
    parser.add_argument("--version", metavar="ID", help="of the documents; the latest when not given")
    parser.add_argument("--build", metavar="ID", help="of the pages; all builds when not given")


def add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    """Which dataset, for commands that look at all of it."""
    parser.add_argument("dataset", help="folder or s3:// address of the dataset, or the YAML config it was built with")
    parser.add_argument("--endpoint-url", metavar="URL", help="of an S3 server other than AWS")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def address_of(arguments: argparse.Namespace) -> Address:
    """Raises ConfigError."""
    config = dataset_of(arguments)
    return Address(config=config, store=open_store(config), version=arguments.version, build=arguments.build)


def dataset_of(arguments: argparse.Namespace) -> StoreConfig:
    """Where the dataset lies. Raises ConfigError."""
    if arguments.dataset.endswith((".yaml", ".yml")):
        return load_config(Path(arguments.dataset), []).output
    return StoreConfig(uri=arguments.dataset, endpoint_url=arguments.endpoint_url)
