"""A set of hashes, held as numbers."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from pipeline.builds.hash_set import HashSet

KEYS = st.lists(
    st.sampled_from(["0a", "f0", "12", "ff"]).map(lambda pair: pair * 16) | st.binary(min_size=16, max_size=16).map(bytes.hex)
)


@given(KEYS, KEYS)
def test_it_holds_what_it_was_made_of_and_nothing_else(held: list[str], others: list[str]) -> None:
    keys = HashSet(held)
    assert sorted(keys) == sorted(held)
    assert all((key in keys) == (key in held) for key in [*held, *others])
    assert len(keys) == len(held)
    assert 5 not in keys


def test_keys_that_differ_in_their_second_half_alone_are_told_apart() -> None:
    keys = HashSet("f" * 16 + f"{number:016x}" for number in range(0, 100, 2))
    assert [("f" * 16 + f"{number:016x}") in keys for number in range(4)] == [True, False, True, False]


def test_of_a_longer_hash_the_first_32_digits_count() -> None:
    hashes = HashSet(["ab" * 32])
    assert "ab" * 32 in hashes
    assert "ab" * 16 in hashes
    assert "ba" * 32 not in hashes


def test_its_numbers_are_pickled_out_of_band_so_that_an_object_store_shares_them() -> None:
    hashes = HashSet(f"{number:064x}" for number in range(10_000))
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(hashes, protocol=5, buffer_callback=buffers.append)
    assert len(data) < 1000
    assert sum(buffer.raw().nbytes for buffer in buffers) == 16 * 10_000
    read_only = [bytes(buffer.raw()) for buffer in buffers]
    assert list(pickle.loads(data, buffers=read_only)) == list(hashes)
