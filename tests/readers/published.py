"""A small published version in a folder, beside the pages it was made of."""

from pathlib import Path

from pipeline.store import FolderStore
from tests.builds.factory import config, finished_build, publish

NUM_DOCUMENTS = 8


def publish_into(folder: Path) -> FolderStore:
    """Eight documents of the factory's corpus, published as version `main`."""
    store = FolderStore(root=folder)
    finished_build(store)
    publish(store, config())
    return store
