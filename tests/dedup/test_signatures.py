"""Signatures: what counts of a text, that equal sets give equal values, and how far an estimate is off."""

import hashlib
import random
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import DedupConfig
from pipeline.dedup.index import band_keys
from pipeline.dedup.signatures import (
    MIXERS,
    NO_SHINGLES,
    POLYNOMIAL_BASE,
    SIGNATURE_FIELDS,
    SIGNATURE_SCHEME,
    min_hashes,
    mix,
    normal_form,
    shingle_hashes,
    sign_document,
    signature_columns,
)
from tests.quality.prose import HARBOUR, PROSE, SOIL

WORD_64 = 1 << 64


def _shingle_hash(shingle: str) -> int:
    value = sum(ord(char) * POLYNOMIAL_BASE ** (7 - place) for place, char in enumerate(shingle)) % WORD_64
    for mixer in MIXERS:
        value = (value ^ value >> 33) * mixer % WORD_64
    return value ^ value >> 33


def _slow_minhash(text: str) -> list[int]:
    """The scheme in whole numbers, one shingle at a time."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(char for char in folded if unicodedata.category(char)[0] in "LMN")
    hashes = [_shingle_hash(letters[place : place + 8]) for place in range(len(letters) - 7)]
    values = []
    for number in range(128):
        digest = hashlib.blake2b(f"{SIGNATURE_SCHEME}:{number}".encode(), digest_size=16).digest()
        factor, summand = int.from_bytes(digest[:8], "little") | 1, int.from_bytes(digest[8:], "little")
        values.append(min(((factor * value + summand) % WORD_64 for value in hashes), default=WORD_64 - 1) >> 32)
    return values


@pytest.mark.parametrize(
    "text", [SOIL, PROSE["de"], "ﬁnal ﬂows Ⅳ ½ ǅ straße", "日本語の文章はここにあります", "คำไทย ภาษาไทยมีสระ", "", "short"]
)
def test_a_minhash_is_the_scheme_done_slowly(text: str) -> None:
    assert np.frombuffer(sign_document([text]).minhash, "<u4").tolist() == _slow_minhash(text)


def test_a_text_longer_than_a_block_is_the_scheme_done_slowly() -> None:
    rng = random.Random(3)
    text = "".join(rng.choice("abcdefghijklmnopqrst") for _ in range(2100))
    assert np.frombuffer(sign_document([text]).minhash, "<u4").tolist() == _slow_minhash(text)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_way_a_text_is_encoded_does_not_count(text: str, form: str) -> None:
    assert sign_document([unicodedata.normalize(form, text)]) == sign_document([unicodedata.normalize("NFC", text)])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(alphabet="abc ßÄ.,-\n|", max_size=30), max_size=4), st.integers(0, 200))
def test_page_breaks_do_not_count_for_the_document(pages: list[str], cut: int) -> None:
    whole = "".join(pages)
    one, other = sign_document(pages), sign_document([whole[:cut], whole[cut:]])
    assert (one.text_hash, one.minhash, one.letters) == (other.text_hash, other.minhash, other.letters)
    assert one.letters == sum(one.page_letters)


def test_letters_marks_and_numbers_of_every_script_count_and_nothing_else_does() -> None:
    kept = "".join(map(chr, normal_form("Ａ b-C_3 ½ | é é ह ि ไ ้ 文。\t\n#*€")))
    assert kept == "abc31⁄2ééहिไ้文".replace("⁄", "")


def test_texts_of_fewer_than_8_letters_have_no_shingle_and_8_have_one() -> None:
    assert set(np.frombuffer(sign_document(["seven 77"]).minhash, "<u4").tolist()) == {NO_SHINGLES}
    assert len(shingle_hashes(normal_form("seven 777"))) == 1
    empty = sign_document([])
    assert (empty.letters, empty.page_hashes) == (0, ())


def test_a_page_has_the_same_hash_in_every_document() -> None:
    alone, among = sign_document([SOIL]), sign_document([HARBOUR, SOIL.upper(), ""])
    assert among.page_hashes[1] == alone.page_hashes[0]
    assert len(set(among.page_hashes)) == 3
    assert among.page_letters[2] == 0


def test_columns_are_those_of_the_fields() -> None:
    signatures = [sign_document([SOIL, HARBOUR]), sign_document([])]
    table = pa.table(signature_columns(signatures), schema=pa.schema(SIGNATURE_FIELDS))
    table.validate(full=True)
    rows = table.to_pylist()
    for row, signature in zip(rows, signatures, strict=True):
        assert {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()} == {
            field.name: getattr(signature, field.name) for field in SIGNATURE_FIELDS
        }


@pytest.mark.parametrize("jaccard", [0.3, 0.6, 0.77, 0.95])
def test_the_estimate_is_off_by_what_theory_says(jaccard: float) -> None:
    """Over 300 pairs of sets of 1,000: no bias beyond 4 standard errors, and a spread within a quarter of the binomial one."""
    rng = np.random.default_rng(11)
    num_pairs, size = 300, 1000
    num_shared = round(2 * size * jaccard / (1 + jaccard))
    true = num_shared / (2 * size - num_shared)
    errors = []
    for _ in range(num_pairs):
        hashes = mix(rng.integers(0, 1 << 63, 2 * size - num_shared, dtype=np.uint64))
        errors.append(np.mean(min_hashes(hashes[:size]) == min_hashes(hashes[size - num_shared :])) - true)
    spread = np.sqrt(true * (1 - true) / 128)
    assert abs(np.mean(errors)) < 4 * spread / np.sqrt(num_pairs)
    assert 0.75 < np.std(errors) / spread < 1.25


@pytest.mark.parametrize(("bands", "band_rows"), [(21, 6), (16, 8)])
def test_pairs_meet_in_a_band_as_often_as_the_formula_says(bands: int, band_rows: int) -> None:
    rng = np.random.default_rng(5)
    for jaccard in (0.3, 0.6, 0.8):
        left = rng.integers(0, 1 << 32, (4000, 128), dtype=np.uint32)
        right = np.where(rng.random((4000, 128)) < jaccard, left, ~left)
        left_keys, right_keys = (band_keys(each, bands=bands, band_rows=band_rows) for each in (left, right))
        met = np.mean(np.any(left_keys == right_keys, axis=1))
        assert abs(met - (1 - (1 - jaccard**band_rows) ** bands)) < 0.035


def test_equal_values_in_different_bands_are_no_meeting() -> None:
    keys = band_keys(np.zeros((1, 128), np.uint32), bands=21, band_rows=6)
    assert len(set(keys[0].tolist())) == 21


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 200), st.integers(1, 200))
def test_a_banding_that_the_signature_cannot_serve_is_refused(bands: int, band_rows: int) -> None:
    if bands * band_rows <= 128:
        assert DedupConfig(bands=bands, band_rows=band_rows).bands == bands
        return
    with pytest.raises(ValueError, match="make their product 128 or less"):
        DedupConfig(bands=bands, band_rows=band_rows)
