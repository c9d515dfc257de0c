"""A corpus of documents of which only sizes and page counts exist, for simulations. In: a Mixture and a seed. Out: DocumentRefs
and the pages of each. The same seed gives the same corpus.

Shapes: pages of a document and bytes of a page are lognormal. Their medians and spreads are Mixture's, with what they come
from; documents of one folder are alike in bytes a page, as those of one publisher or scanner are.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.records import DocumentRef


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixture:
    """What a corpus is made of."""

    num_documents: int
    median_pages: float = 8.0
    pages_sigma: float = 1.2
    """Of the logarithm: a mean of 16 pages, one document in a hundred above 130."""
    median_page_bytes: float = 60_000.0
    page_bytes_sigma: float = 0.8
    """Between folders 0.5, within them the rest; a mean of 83 kB, a hundredth under 9 kB, as of manuals, or above 390 kB, as of
    colour scans (`builds/estimate.py` has measured 7 to 240 kB, 106 kB on the mean)."""
    num_giants: int = 0
    giant_pages: int = 4000
    documents_per_folder: int = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedCorpus:
    documents: tuple[DocumentRef, ...]
    num_pages: Mapping[str, int]
    """By uri; planning never sees them."""


FOLDER_SIGMA = 0.5


def corpus_of(mixture: Mixture, seed: int) -> SimulatedCorpus:
    """Giants lie anywhere in the order of names."""
    chance = random.Random(seed)
    within_sigma = (mixture.page_bytes_sigma**2 - FOLDER_SIGMA**2) ** 0.5
    giants = set(chance.sample(range(mixture.num_documents), mixture.num_giants))
    documents, num_pages = [], {}
    folder_factor = 1.0
    for ordinal in range(mixture.num_documents):
        if ordinal % mixture.documents_per_folder == 0:
            folder_factor = chance.lognormvariate(0.0, FOLDER_SIGMA)
        pages = max(1, round(mixture.median_pages * chance.lognormvariate(0.0, mixture.pages_sigma)))
        if ordinal in giants:
            pages = mixture.giant_pages
        page_bytes = mixture.median_page_bytes * folder_factor * chance.lognormvariate(0.0, within_sigma)
        uri = f"s3://corpus/{ordinal // mixture.documents_per_folder:05d}/{ordinal:08d}.pdf"
        documents.append(DocumentRef(uri=uri, size_bytes=round(pages * page_bytes), version="1"))
        num_pages[uri] = pages
    return SimulatedCorpus(documents=tuple(documents), num_pages=num_pages)
