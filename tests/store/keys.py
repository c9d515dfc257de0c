"""What a store lists."""

from pipeline.interfaces import ObjectStore


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]
