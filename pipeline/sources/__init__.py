"""Where documents come from: `open_source(config)` gives an `interfaces.Source`.

In: one address. Out: a `DocumentRef` for each document, in a stable order, and its bytes when asked. It does not look inside
documents: whether bytes are a PDF is rendering's business.

| address | documents |
|---|---|
| a folder, an `s3://` prefix | every file below it, in order of name |
| one file or object | that one |
| .txt, .csv, .parquet | the documents it lists, in its order (see `lists`) |
| .zip, .tar, .tar.gz, .tgz | its members, as `archive#member`; also where one lies in a folder, a prefix or a list |

Below a folder, a prefix or an archive a file counts whatever its extension: what is no document ends in quarantine, where it
can be seen. Only names with a step that starts with "." or "_" are hidden and left out (".git/x", "_builds/y", "__MACOSX/z").
A listed document that is not there is yielded with size 0 and version "missing", for the same reason.
"""

from collections.abc import Iterator

from pipeline.config import StoreConfig
from pipeline.interfaces import Source
from pipeline.records import DocumentRef
from pipeline.sources.corpus import CorpusSource
from pipeline.sources.same_bytes import merge_same_bytes

__all__ = ["list_documents", "open_source"]


def open_source(config: StoreConfig) -> Source:
    """Opens nothing yet: scan and read do. The source may be pickled and shared by threads."""
    return CorpusSource(config)


def list_documents(source: Source) -> Iterator[DocumentRef]:
    """The corpus as a build plans it: the same bytes under several names are one document. Raises SourceError, StoreError."""
    return merge_same_bytes(source.scan(), source)
