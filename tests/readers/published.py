"""A small published version in a folder, beside the pages it was made of."""

import json
from pathlib import Path

from pipeline.builds.commit import commit_shard
from pipeline.builds.publish import publish
from pipeline.readers.groups import LATEST_KEY, index_bytes, index_files, index_key, list_files
from pipeline.store import FolderStore
from tests.builds.factory import config, planned_build
from tests.tables.samples import pages_file

VERSION = "main"
NUM_DOCUMENTS = 8


def publish_into(folder: Path) -> FolderStore:
    """Eight documents of the factory's corpus, published as version `main` with its index and the pointer to it."""
    store = FolderStore(root=folder)
    plan = planned_build(store)
    for shard in plan.shards:
        commit_shard(store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    publish(store, config())
    for info in list(store.list("documents/build=main/")):
        store.put(info.key.replace("build=", "version="), store.get(info.key))
        store.delete(info.key)
    store.put(index_key(VERSION), index_bytes(index_files(store, list_files(store, f"documents/version={VERSION}/"))))
    store.put(LATEST_KEY, json.dumps({"version_id": VERSION}).encode())
    return store
