"""What a document says, in a kilobyte: `sign_document`, pure, from the texts of its kept pages.

In: texts. Out: a `Signature`, and its Arrow columns. Knows no threshold and no banding, so a signature is made once and
searched in any way later. The scheme is a contract, named by SIGNATURE_SCHEME: change anything here and the name changes.

* The normal form of a page is NFKC, casefold, and of that the letters, their marks and the numbers (Unicode categories L, M,
  N) of every script; that of a document is its pages' laid end to end. White space, punctuation, markup signs and page
  breaks do not count.
* `text_hash` is blake2b-128 of the normal form, `page_hashes` are blake2b-64 of the pages', both over UTF-32-LE.
* `minhash` comes from the set of the normal form's 8-character shingles, which lives through OCR errors where words do not:
  two readings of a page with 1 % of wrong characters share .77 of it, and .46 of their 5-word shingles
  (reference/filters_and_schemas.md C2).

The share of equal values among 128 estimates the Jaccard similarity J without bias, with a standard error of
sqrt(J(1 - J) / 128) (Broder 1997): .043 at .6, .037 at .77, .019 at .95. A document of under 8 letters has no shingles: its
minhash is all NO_SHINGLES, and nobody is near to it.

Measured on 3 kB pages of prose, one core: 0.42 ms a page, 7 MB/s of text; of this .25 ms are the permutations. Taking every
fourth shingle only (by hash) would save .19 ms and put sqrt(.75 J(1 - J) / (n / 4)) on the error, .053 for a text of 200
letters at J = .77: not taken. Memory at the peak: 30 bytes a character of the document.

Array legend: C characters, S shingles, M permutations.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.config.build import MINHASH_VALUES

SIGNATURE_SCHEME = "c8m128/1"
SHINGLE_CHARS = 8
NO_SHINGLES = 0xFFFFFFFF
"""Each minhash value of a text that is too short to have a shingle."""

SIGNATURE_FIELDS: tuple[pa.Field, ...] = (
    pa.field("text_hash", pa.binary(16), nullable=False),
    pa.field("minhash", pa.binary(4 * MINHASH_VALUES), nullable=False),
    pa.field("page_hashes", pa.list_(pa.field("element", pa.uint64(), nullable=False)), nullable=False),
    pa.field("page_letters", pa.list_(pa.field("element", pa.int32(), nullable=False)), nullable=False),
    pa.field("letters", pa.int32(), nullable=False),
)

POLYNOMIAL_BASE = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio, odd: neighbouring code points land far apart. Any odd number of full length would do."""
MIXERS = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
"""Of MurmurHash3's 64-bit finalizer (Appleby, public domain): the low bits of a polynomial over 2^64 know too little."""
BLOCK_SHINGLES = 2048
BLOCK_PERMUTATIONS = 16
"""Products of a block are 256 kB and stay in the second-level cache: .25 ms for 3,000 shingles, .58 one permutation at a
time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What is compared of one document."""

    text_hash: bytes
    """16 bytes."""
    minhash: bytes
    """MINHASH_VALUES unsigned 32-bit numbers, little-endian."""
    page_hashes: tuple[int, ...]
    """64 bits each, in the order of the pages."""
    page_letters: tuple[int, ...]
    """Characters of each page's normal form; 0 for a page without letters."""
    letters: int
    """Characters of the document's normal form."""


def sign_document(page_texts: Sequence[str]) -> Signature:
    """The signature of a document with these kept pages, in order. No pages, or none with letters, is a document of 0
    letters."""
    pages_C = [normal_form(text) for text in page_texts]
    document_C = np.concatenate([*pages_C, np.empty(0, np.uint32)])
    return Signature(
        text_hash=_digest(document_C, 16),
        minhash=min_hashes(shingle_hashes(document_C)).tobytes(),
        page_hashes=tuple(int.from_bytes(_digest(page_C, 8), "little") for page_C in pages_C),
        page_letters=tuple(len(page_C) for page_C in pages_C),
        letters=len(document_C),
    )


def signature_columns(signatures: Sequence[Signature]) -> list[pa.Array]:
    """One array for each of SIGNATURE_FIELDS, one row for each signature."""
    return [pa.array([getattr(signature, field.name) for signature in signatures], field.type) for field in SIGNATURE_FIELDS]


def normal_form(text: str) -> npt.NDArray[np.uint32]:
    """Code points of the letters, marks and numbers of `text`, compatibility forms and case folded. (C,)"""
    folded = unicodedata.normalize("NFKC", text).casefold()
    codes_C: npt.NDArray[np.uint32] = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), "<u4")
    return np.compress(_counted_codes()[codes_C], codes_C)


def shingle_hashes(codes_C: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each run of SHINGLE_CHARS code points, repeats included. (C - 7,), or none when C < 8."""
    num_shingles = len(codes_C) - SHINGLE_CHARS + 1
    if num_shingles < 1:
        return np.empty(0, np.uint64)
    # Runs of 1, 2, 4 and 8 characters: two runs side by side are left * base^length + right.
    hashes_S = codes_C.astype(np.uint64)
    length = 1
    while length < SHINGLE_CHARS:
        power = np.uint64(pow(POLYNOMIAL_BASE, length, 1 << 64))
        hashes_S = hashes_S[:-length] * power + hashes_S[length:]
        length *= 2
    return mix(hashes_S)


def mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of 64 bits of each number, a bijection; the same shape."""
    mixed = numbers.copy()
    for mixer in MIXERS:
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(mixer)
    mixed ^= mixed >> np.uint64(33)
    return mixed


def min_hashes(hashes_S: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """The top 32 bits of the least value of each permutation; NO_SHINGLES throughout when there is no shingle. (M,)"""
    factors_M, summands_M = _permutations()
    least_M = np.full(MINHASH_VALUES, np.iinfo(np.uint64).max)
    for first in range(0, len(hashes_S), BLOCK_SHINGLES):
        block_S = hashes_S[first : first + BLOCK_SHINGLES]
        values_MS = np.empty((BLOCK_PERMUTATIONS, len(block_S)), np.uint64)
        for m in range(0, MINHASH_VALUES, BLOCK_PERMUTATIONS):
            some = slice(m, m + BLOCK_PERMUTATIONS)
            np.multiply(factors_M[some, None], block_S, out=values_MS)
            values_MS += summands_M[some, None]
            np.minimum(least_M[some], values_MS.min(axis=1), out=least_M[some])
    return (least_M >> np.uint64(32)).astype("<u4")


def _digest(codes_C: npt.NDArray[np.uint32], num_bytes: int) -> bytes:
    return hashlib.blake2b(codes_C.astype("<u4").tobytes(), digest_size=num_bytes).digest()


@cache
def _permutations() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Factors (odd) and summands of x -> factor * x + summand mod 2^64, from blake2b of the scheme's name and a number: no
    random generator's stream is part of the contract. (M,), (M,)"""
    digests = [hashlib.blake2b(f"{SIGNATURE_SCHEME}:{m}".encode(), digest_size=16).digest() for m in range(MINHASH_VALUES)]
    numbers = np.frombuffer(b"".join(digests), "<u8").reshape(MINHASH_VALUES, 2).astype(np.uint64)
    return numbers[:, 0] | np.uint64(1), numbers[:, 1].copy()


@cache
def _counted_codes() -> npt.NDArray[np.bool_]:
    """Which code points belong to a normal form; 1.1 MB, made once a process in 0.15 s."""
    return np.fromiter((unicodedata.category(chr(code))[0] in "LMN" for code in range(0x110000)), np.bool_, 0x110000)
