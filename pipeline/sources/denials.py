"""Whose fault a denied read is: the document's, or the credential's.

In: the address that was denied, others of the corpus, and a way to read a byte. Out: DocumentMissing for the document alone,
or SourceError, which stops the build. A bucket may forbid a few documents, and they end in quarantine by name; a credential
that may list but not read, or has lost its rights, would quarantine the whole corpus, one document at a time.

The rule: ask for one byte of another document, first the one that was read last, then the first `NUM_OTHERS` that the corpus
lists. One of them can be read: this document is forbidden. None: the credential is. Costs one request a denied document.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NoReturn

from pipeline.errors import DocumentMissing, ObjectForbidden, ObjectMissing, SourceError

NUM_OTHERS = 8


def raise_denial(uri: str, error: ObjectForbidden, *, others: Iterable[str], read_a_byte: Callable[[str], object]) -> NoReturn:
    """Raises DocumentMissing or SourceError. `others` may name `uri` itself, which counts for nothing."""
    num_denied = 0
    for other in islice((other for other in others if other != uri), NUM_OTHERS):
        try:
            read_a_byte(other)
        except ObjectForbidden:
            num_denied += 1
        except ObjectMissing:
            continue
        else:
            raise DocumentMissing(str(error)) from error
    also = f"neither may {num_denied} other documents" if num_denied else "there is no other that may"
    raise SourceError(f"{uri} may not be read, and {also}; let the credential read (Get) the input") from error


def refuse_all_denied(found: Iterable[object], where: str) -> None:
    """Raises SourceError when every one of the documents looked up was denied."""
    outcomes = list(found)
    if outcomes and all(isinstance(outcome, ObjectForbidden) for outcome in outcomes):
        raise SourceError(f"none of {len(outcomes)} documents of {where} may be looked at ({outcomes[0]})")
