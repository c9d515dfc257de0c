"""The footer of a stored Parquet file without its rows. In: a key. Out: the end of the file, which `tables.footer` reads as
if it were the whole. One range read, or two for a footer above 256 kB."""

from pipeline.interfaces import ObjectStore

TAIL_BYTES = 262_144
"""Of a pages file of 500 documents the footer takes 200 kB of documents and 10 kB for each row group."""
LENGTH_BYTES = 8
"""A Parquet file ends with the length of its footer, 4 bytes, little-endian, and the magic `PAR1`."""


def get_footer(store: ObjectStore, key: str, size_bytes: int) -> bytes:
    """The end of the file, its whole footer included; whatever is there when the file is damaged. Raises ObjectMissing."""
    tail = store.get_range(key, max(size_bytes - TAIL_BYTES, 0), TAIL_BYTES)
    wanted_bytes = int.from_bytes(tail[-LENGTH_BYTES:-4], "little") + LENGTH_BYTES
    if wanted_bytes <= len(tail) or wanted_bytes > size_bytes:
        return tail
    return store.get_range(key, size_bytes - wanted_bytes, wanted_bytes)
