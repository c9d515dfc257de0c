"""Which pages a person means: a document's id or the beginning of it, a page's id, a name, or the end of one.

In: the store and the word. Out: the document, the file that holds its pages, and the page, when one was named. Looks at the
footers of all pages files, one request each, 16 at a time, newest build first; of a document that several builds have read,
the newest is it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.builds import layout
from pipeline.builds.footers import get_footer
from pipeline.builds.past import past_builds
from pipeline.errors import ConfigError
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.parallel import map_in_order
from pipeline.records import OpenedDocument, PageId
from pipeline.tables.footer import head_of

WORD = re.compile(r"(?P<doc_id>[0-9a-f]{6,64})(/(?P<page>\d{1,6}))?")
PARALLEL_GETS = 16
MAX_TOLD = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundPages:
    """A document that was read, or one page of it."""

    document: OpenedDocument
    build_id: str
    key: str
    """Of the pages file."""
    page_index: int | None
    """None for all."""

    @property
    def ids(self) -> list[str]:
        """Of its pages."""
        indexes = range(self.document.num_pages) if self.page_index is None else [self.page_index]
        return [str(PageId(self.document.doc_id, index)) for index in indexes]


def find_pages(store: ObjectStore, word: str) -> FoundPages:
    """Raises ConfigError for what is nothing, or more than one document."""
    match = WORD.fullmatch(word)
    page_index = int(match["page"]) if match and match["page"] else None
    prefix = match["doc_id"] if match else ""
    found: dict[str, FoundPages] = {}
    for each in _documents(store, lambda document: _is_meant(document, word, prefix)):
        found.setdefault(each.document.doc_id, each)
    if not found:
        raise ConfigError(f"no page in {store.uri} is of {word!r}; give a document's id, a page's id or a file's name")
    if len(found) > 1:
        some = ", ".join(
            f"{each.document.doc_id[:12]} ({each.document.document.uri})" for each in list(found.values())[:MAX_TOLD]
        )
        raise ConfigError(f"{word!r} is {len(found)} documents in {store.uri}: {some}; give more of the name or the id")
    ((_, only),) = found.items()
    if page_index is not None and page_index >= only.document.num_pages:
        raise ConfigError(
            f"{only.document.document.uri} has {only.document.num_pages} pages, numbered from 0; {word!r} is none"
        )
    return FoundPages(document=only.document, build_id=only.build_id, key=only.key, page_index=page_index)


def _is_meant(document: OpenedDocument, word: str, prefix: str) -> bool:
    names = (document.document.uri, *document.document.aliases)
    is_named = any(name == word or name.endswith((f"/{word}", f"#{word}")) for name in names)
    return is_named or (prefix != "" and document.doc_id.startswith(prefix))


def _documents(store: ObjectStore, is_meant: Callable[[OpenedDocument], bool]) -> Iterator[FoundPages]:
    def documents_of(info: ObjectInfo) -> list[OpenedDocument]:
        opened = head_of(get_footer(store, info.key, info.size_bytes)).documents.opened
        return [document for document in opened if is_meant(document)]

    for build in reversed(past_builds(store)):
        infos = [info for info in store.list(layout.pages_prefix(build.build_id)) if layout.PAGES_KEY.fullmatch(info.key)]
        for info, documents in zip(infos, map_in_order(documents_of, infos, num_threads=PARALLEL_GETS), strict=True):
            for document in documents:
                yield FoundPages(document=document, build_id=build.build_id, key=info.key, page_index=None)
