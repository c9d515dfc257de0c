"""The same bytes under several names become one document with aliases, so that they are read once.

Asks ever dearer questions, and each only of documents that were equal so far: size (free), the last 4 KB (one range read), the
sha256 of all bytes. A PDF's end holds its cross-reference offset and often its id, so two different documents of one size
hardly ever get to the third. Holds at most 0.9 kB a document beside the DocumentRefs
(measured on 200,000 documents, most of which shared their size with another).
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pipeline.errors import DocumentMissing
from pipeline.interfaces import Source
from pipeline.records import DocumentRef

TAIL_BYTES = 4096
NUM_TAIL_READERS = 32
"""A range read from a bucket takes 20 ms or more, and waits for nothing here."""
NUM_WHOLE_READERS = 4
"""Each holds a whole document."""
MISSING = "missing"
Group = list[DocumentRef]


def merge_same_bytes(documents: Iterable[DocumentRef], source: Source) -> list[DocumentRef]:
    """The documents in their order, those with equal bytes merged into the one with the smallest uri, the other uris its
    `aliases`. Empty, missing and unreadable documents are left alone. Raises StoreError."""
    listed = list(documents)
    by_size = _equal((d for d in listed if d.size_bytes > 0 and d.version != MISSING), lambda d: d.size_bytes)
    hashed = [group for group in by_size if any(d.sha256 for d in group)]
    unknown = [group for group in by_size if not any(d.sha256 for d in group)]
    same_tail = _split(unknown, lambda d: source.read_tail(d, TAIL_BYTES), NUM_TAIL_READERS)
    same = _split([*hashed, *same_tail], lambda d: d.sha256 or hashlib.sha256(source.read(d)).digest().hex(), NUM_WHOLE_READERS)
    merged = {id(_canonical(group)): _merged(group) for group in same}
    dropped = {id(document) for group in same for document in group} - merged.keys()
    return [merged.get(id(document), document) for document in listed if id(document) not in dropped]


def _canonical(group: Group) -> DocumentRef:
    return min(group, key=lambda document: document.uri)


def _merged(group: Group) -> DocumentRef:
    canonical = _canonical(group)
    names = {name for document in group for name in (document.uri, *document.aliases)}
    return replace(canonical, aliases=tuple(sorted(names - {canonical.uri})))


def _split(groups: Sequence[Group], question: Callable[[DocumentRef], bytes | str], num_readers: int) -> list[Group]:
    """Groups whose members also give the same answer; a document that cannot be read leaves its group."""
    asked = [(number, document) for number, group in enumerate(groups) for document in group]
    with ThreadPoolExecutor(num_readers) as pool:
        answers = list(pool.map(lambda pair: _answer(question, pair[1]), asked))
    by_answer: dict[tuple[int, bytes | str], Group] = defaultdict(list)
    for (number, document), answer in zip(asked, answers, strict=True):
        if answer is not None:
            by_answer[number, answer].append(document)
    return [group for group in by_answer.values() if len(group) > 1]


def _answer(question: Callable[[DocumentRef], bytes | str], document: DocumentRef) -> bytes | str | None:
    """None for a document that cannot be read: it equals nothing, and reading will report it."""
    try:
        answer = question(document)
    except DocumentMissing:
        return None
    return hashlib.sha256(answer).digest() if isinstance(answer, bytes) else answer


def _equal(documents: Iterable[DocumentRef], key: Callable[[DocumentRef], Hashable]) -> list[Group]:
    groups: dict[Hashable, Group] = defaultdict(list)
    for document in documents:
        groups[key(document)].append(document)
    return [group for group in groups.values() if len(group) > 1]
