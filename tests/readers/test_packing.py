"""Every token of every document is packed once, in order, and no document is cut without need."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers.packing import Pack, Piece, Pieces, best_fit, concatenate, laid_out, num_tokens

LENGTHS = st.lists(st.integers(0, 70), max_size=30)
SIZE = 16
WAYS: dict[str, Pack] = {
    "concatenate": partial(concatenate, sequence_tokens=SIZE),
    "best_fit": partial(best_fit, sequence_tokens=SIZE, num_open=4),
}
EACH_WAY = pytest.mark.parametrize("way", WAYS)


def documents(lengths: list[int]) -> list[Piece]:
    """Document n is n*1000, n*1000 + 1, ..."""
    return [np.arange(length, dtype=np.int32) + number * 1000 for number, length in enumerate(lengths)]


def packed(pack: Pack, lengths: list[int]) -> tuple[list[Pieces], list[Pieces]]:
    """(full sequences, those still open at the end)."""
    open_sequences: tuple[Pieces, ...] = ()
    full: list[Pieces] = []
    for document in documents(lengths):
        result = pack(open_sequences, document)
        open_sequences = result.open_sequences
        full += result.full
    return full, list(open_sequences)


@EACH_WAY
@settings(deadline=None)
@given(lengths=LENGTHS)
def test_every_token_is_packed_once(way: str, lengths: list[int]) -> None:
    full, still_open = packed(WAYS[way], lengths)
    tokens = [int(token) for pieces in full + still_open for piece in pieces for token in piece]
    assert sorted(tokens) == [number * 1000 + at for number, length in enumerate(lengths) for at in range(length)]


@EACH_WAY
@settings(deadline=None)
@given(lengths=LENGTHS)
def test_a_piece_is_a_stretch_of_one_document(way: str, lengths: list[int]) -> None:
    full, still_open = packed(WAYS[way], lengths)
    for piece in (piece for pieces in full + still_open for piece in pieces):
        assert piece.size > 0
        assert np.array_equal(piece, np.arange(piece.size) + piece[0])
        assert piece[0] // 1000 == piece[-1] // 1000


@settings(deadline=None)
@given(lengths=LENGTHS)
def test_concatenating_pads_nothing_and_keeps_one_sequence_open(lengths: list[int]) -> None:
    full, still_open = packed(WAYS["concatenate"], lengths)
    assert all(num_tokens(pieces) == SIZE for pieces in full)
    assert [num_tokens(pieces) for pieces in still_open] == ([sum(lengths) % SIZE] if sum(lengths) % SIZE else [])


@settings(deadline=None)
@given(lengths=LENGTHS)
def test_best_fit_cuts_only_what_is_longer_than_a_sequence(lengths: list[int]) -> None:
    full, still_open = packed(WAYS["best_fit"], lengths)
    pieces_of_document = np.zeros(len(lengths), dtype=int)
    for piece in (piece for pieces in full + still_open for piece in pieces):
        pieces_of_document[piece[0] // 1000] += 1
    assert pieces_of_document.tolist() == [-(-length // SIZE) for length in lengths]
    assert all(num_tokens(pieces) <= SIZE for pieces in full)
    assert len(still_open) <= 4


def test_best_fit_fills_the_sequence_with_the_least_room() -> None:
    full, still_open = packed(WAYS["best_fit"], [10, 12, 4])
    assert [num_tokens(pieces) for pieces in full] == [16]
    assert [piece[0] for piece in full[0]] == [1000, 2000]
    assert [num_tokens(pieces) for pieces in still_open] == [10]


def test_best_fit_pads_little() -> None:
    """Lengths like those of pages and short papers, sequences of 2,048, 32 of them open: below 3 % is padding."""
    chance = np.random.default_rng(5)
    lengths = np.minimum(chance.lognormal(6.5, 1.2, 4000).astype(int) + 1, 20_000).tolist()
    full, _ = packed(partial(best_fit, sequence_tokens=2048, num_open=32), lengths)
    assert 1 - sum(num_tokens(pieces) for pieces in full) / (2048 * len(full)) < 0.03


def test_positions_start_again_with_each_document_and_padding_belongs_to_none() -> None:
    arrays = laid_out((np.array([7, 8, 9], np.int32), np.array([5], np.int32)), sequence_tokens=6, padding_token=99)
    assert arrays["input_ids"].tolist() == [7, 8, 9, 5, 99, 99]
    assert arrays["position_ids"].tolist() == [0, 1, 2, 0, 0, 0]
    assert arrays["document_ids"].tolist() == [0, 0, 0, 1, -1, -1]
