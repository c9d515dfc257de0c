"""Documents of tokens into sequences of one length. Pure: what is open goes in, what is full comes out.

In: the token ids of one document after another. Out: sequences of exactly `sequence_tokens`, each a tuple of pieces, a piece
being (a part of) one document; `laid_out` makes arrays of them. Two ways:

* `concatenate`: pieces end to end, cut where a sequence is full. No padding; a document is cut at most once for each sequence
  it reaches into, and always when it stands on a border.
* `best_fit`: a document is cut only when it is longer than a sequence, into whole sequences and a rest. Each piece goes to the
  open sequence that it fills best; when none has room, and `num_open` are open, the fullest is padded and given. This is
  best-fit packing (Ding et al. 2024, "Fewer Truncations Improve Language Modeling") with a bounded number of bins.

Example, sequences of 4, documents A of 3, B of 6, C of 1: concatenate gives AAAB BBBB BC..; best_fit gives BBBB AAAC BB..
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Piece = npt.NDArray[np.int32]
Pieces = tuple[Piece, ...]
"""One sequence, full or open."""
PADDING_DOCUMENT = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """What packing one document left open, and what it filled."""

    open_sequences: tuple[Pieces, ...]
    full: tuple[Pieces, ...]


Pack = Callable[[tuple[Pieces, ...], Piece], Packed]


def concatenate(open_sequences: tuple[Pieces, ...], document: Piece, *, sequence_tokens: int) -> Packed:
    """At most one sequence is open. When several are given (of readers that are no more), they are joined first."""
    pending: Pieces = ()
    full: list[Pieces] = []
    for piece in (*(piece for pieces in open_sequences for piece in pieces), document):
        rest = piece
        while rest.size:
            room = sequence_tokens - num_tokens(pending)
            pending, rest = (*pending, rest[:room]), rest[room:]
            if num_tokens(pending) == sequence_tokens:
                full.append(pending)
                pending = ()
    return Packed(open_sequences=(pending,) if pending else (), full=tuple(full))


def best_fit(open_sequences: tuple[Pieces, ...], document: Piece, *, sequence_tokens: int, num_open: int) -> Packed:
    """Never cuts a document of at most `sequence_tokens`."""
    whole = document.size // sequence_tokens * sequence_tokens
    full: list[Pieces] = [(part,) for part in np.split(document[:whole], max(whole // sequence_tokens, 1)) if part.size]
    rest = document[whole:]
    if not rest.size:
        return Packed(open_sequences=open_sequences, full=tuple(full))
    sizes = [num_tokens(pieces) for pieces in open_sequences]
    fitting = [(size, number) for number, size in enumerate(sizes) if size + rest.size <= sequence_tokens]
    if fitting:
        size, number = max(fitting)
        joined = (*open_sequences[number], rest)
        others = (*open_sequences[:number], *open_sequences[number + 1 :])
        if size + rest.size == sequence_tokens:
            return Packed(open_sequences=others, full=(*full, joined))
        return Packed(open_sequences=(*others, joined), full=tuple(full))
    if len(open_sequences) < num_open:
        return Packed(open_sequences=(*open_sequences, (rest,)), full=tuple(full))
    fullest = max(range(len(sizes)), key=sizes.__getitem__)
    others = (*open_sequences[:fullest], *open_sequences[fullest + 1 :], (rest,))
    return Packed(open_sequences=others, full=(*full, open_sequences[fullest]))


def num_tokens(pieces: Pieces) -> int:
    return sum(piece.size for piece in pieces)


def laid_out(pieces: Pieces, *, sequence_tokens: int, padding_token: int) -> dict[str, npt.NDArray[np.int64]]:
    """Arrays of `sequence_tokens`: `input_ids`; `position_ids`, from 0 in each piece; `document_ids`, 0, 1, ... and -1 where it
    is padded. Attention and the target of a token stay within equal document_ids."""
    sizes = [piece.size for piece in pieces]
    padding = sequence_tokens - sum(sizes)
    tokens = np.concatenate([*pieces, np.full(padding, padding_token)]).astype(np.int64)
    positions = np.concatenate([*(np.arange(size) for size in sizes), np.zeros(padding)]).astype(np.int64)
    numbers = [*range(len(pieces)), PADDING_DOCUMENT]
    return {"input_ids": tokens, "position_ids": positions, "document_ids": np.repeat(numbers, [*sizes, padding])}
