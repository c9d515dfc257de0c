"""Documents that have a key in common: one partition of the index, searched by one task.

In: a GroupTask, which names the slices of all builds and some ranges of the key. Out: entries, those of a group together, each
group of two documents or more. The task does not know who takes part, so its result depends on the index alone; whoever takes
it picks (`among`). A task holds its partition's records about six times: 200 MB for PARTITION_BYTES.

Array legend: E entries.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.dedup.slices import Records, read_slice
from pipeline.interfaces import ObjectStore

PARTITION_BYTES = 32_000_000

ENTRY = np.dtype([("group", "<i8"), ("document", "<i8"), ("letters", "<i8"), ("document_letters", "<i8")])
"""Groups are numbered from 0, ascending. `document` is a number in the dataset, and a rank after `among`. `letters` are those
of the document on pages with this key, `document_letters` all of it; zeros where the records are not of pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupTask:
    """Some ranges of the key in all slices of one kind."""

    store: ObjectStore
    record: np.dtype[np.void]
    slices: tuple[tuple[str, int], ...]
    """Key of the object, and number in the dataset of the first document of its build; in dataset order, at least one."""
    ranges: range


def find_groups(task: GroupTask) -> Records:
    """ENTRYs of documents with one key (and one `rest`, where records have it), by group and document. Raises VerifyError."""
    parts = [read_slice(task.store, key, task.record, task.ranges) for key, _ in task.slices]
    documents_E = np.concatenate([part["row"] + np.int64(first) for part, (_, first) in zip(parts, task.slices, strict=True)])
    records_E = np.concatenate(parts)
    key_fields = [name for name in ("rest", "key") if name in (task.record.names or ())]
    keys = [np.ascontiguousarray(records_E[name]) for name in key_fields]
    # Slices are sorted by (key, row) and stand in dataset order, so a stable sort keeps documents in order.
    order = np.lexsort(keys)
    is_new_E = np.zeros(len(order), np.bool_)
    for key in keys:
        is_new_E[1:] |= key[order[1:]] != key[order[:-1]]
    groups_E = np.cumsum(is_new_E, dtype=np.int64)
    shared = _in_company(groups_E)
    entries = np.zeros(len(shared), ENTRY)
    entries["document"] = documents_E[order[shared]]
    entries["group"] = _renumbered(groups_E[shared])
    for name in ("letters", "document_letters"):
        if name in (task.record.names or ()):
            entries[name] = records_E[name][order[shared]]
    return entries


def among(entries: Records, ranks_N: npt.NDArray[np.int64]) -> Records:
    """What is left of the groups when only documents with a rank take part (-1 is none): `document` is the rank, and groups are
    in the order of ranks."""
    ranks_E = ranks_N[entries["document"]]
    taking_part = np.flatnonzero(ranks_E >= 0)
    order = taking_part[np.lexsort((ranks_E[taking_part], entries["group"][taking_part]))]
    shared = order[_in_company(entries["group"][order])]
    left = entries[shared]
    left["document"] = ranks_E[shared]
    left["group"] = _renumbered(left["group"])
    return left


def _in_company(groups_E: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Places of the entries whose group has two or more; groups stand together."""
    equal = groups_E[1:] == groups_E[:-1]
    in_company = np.zeros(len(groups_E), np.bool_)
    in_company[1:] |= equal
    in_company[:-1] |= equal
    return np.flatnonzero(in_company)


def _renumbered(groups_E: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.cumsum(np.diff(groups_E, prepend=groups_E[:1]) != 0)
