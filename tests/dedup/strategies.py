"""Signatures that meet often: a few texts, some near each other, made of a few pages; and files and builds to lay them in."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from pipeline.dedup.signatures import Signature
from tests.dedup.datasets import NO_SHINGLES, Layout

FAMILIES = np.random.default_rng(7).integers(0, 2**32 - 1, (4, 128), dtype=np.uint32)
SHARED_VALUES = (0, 70, 76, 77, 90, 128)
"""Of 128: .6 is between 76 and 77."""
PAGE_LETTERS = (150, 200, 210, 800, 1000, 4000)


def _signature(text: tuple[int, int, int], pages: Sequence[int]) -> Signature:
    """`text` is a family, another, and which of SHARED_VALUES it has of the first; pages are places in PAGE_LETTERS."""
    family, other, shared = text
    values = np.concatenate([FAMILIES[family][: SHARED_VALUES[shared]], FAMILIES[other][SHARED_VALUES[shared] :]])
    letters = sum(PAGE_LETTERS[page] for page in pages)
    # As in real texts, those without letters are one text, and texts of one hash have one minhash.
    return Signature(
        text_hash=hashlib.blake2b(values.tobytes() if letters else b"", digest_size=16).digest(),
        minhash=values.astype("<u4").tobytes() if letters else NO_SHINGLES,
        page_hashes=tuple(page + 1 << 60 for page in pages),
        page_letters=tuple(PAGE_LETTERS[page] for page in pages),
        letters=letters,
    )


_places = st.integers(0, len(FAMILIES) - 1)
_texts = st.tuples(_places, _places, st.integers(0, len(SHARED_VALUES) - 1))
_pages = st.lists(st.integers(0, len(PAGE_LETTERS) - 1), max_size=5)
SIGNATURES = st.lists(st.builds(_signature, _texts, _pages), max_size=20)


@st.composite
def layouts(draw: st.DrawFn, num_documents: int) -> Layout:
    """Any split of so many documents into files, some empty, and of the files into builds."""
    cuts = sorted(draw(st.lists(st.integers(0, num_documents), max_size=5)))
    edges = [0, *cuts, num_documents]
    sizes = [last - first for first, last in pairwise(edges)]
    at = sorted(draw(st.lists(st.integers(0, len(sizes)), max_size=2)))
    bounds = [0, *at, len(sizes)]
    return Layout(builds=tuple(tuple(sizes[a:b]) for a, b in pairwise(bounds)))
