"""Near duplicates as they come: pages read twice with errors are found, and forms of one printing are left alone."""

import random
from pathlib import Path

import numpy as np
import pytest

from jobs.misreadings import misread
from pipeline.dedup.find import Duplicates
from pipeline.dedup.resolve import KEPT, NEAR
from pipeline.dedup.signatures import sign_document
from tests.builds.memory_store import MemoryStore
from tests.dedup.datasets import one_file, put_signed, search
from tests.quality.prose import HARBOUR, MACHINE, PROSE, SOIL

SYLLABLES = ["ba", "ke", "lor", "min", "tas", "vey", "dro", "shi", "pan", "uth", "gre", "ol", "fen", "ist", "cam", "rud"]


def _duplicates(documents: list[list[str]]) -> Duplicates:
    store = MemoryStore()
    return search(store, put_signed(store, [sign_document(pages) for pages in documents], one_file(len(documents))))


def _prose(rng: random.Random, num_words: int) -> str:
    """Words that nobody has used, among words that everybody uses."""
    common = " ".join(PROSE.values()).split()
    return " ".join(
        rng.choice(common) if rng.random() < 0.5 else "".join(rng.choices(SYLLABLES, k=3)) for _ in range(num_words)
    )


def test_two_readings_with_one_percent_of_errors_are_found_and_nothing_else_is() -> None:
    rng = random.Random(1)
    texts = [[_prose(rng, 400) for _ in range(rng.randint(1, 2))] for _ in range(150)]
    readings = [[misread(page, 0.01, rng) for page in pages] for pages in (*texts, *texts)]
    duplicates = _duplicates(readings)
    first, again = np.arange(150), np.arange(150, 300)
    assert not np.any(duplicates.kind[first])
    assert np.mean(duplicates.canonical[again] == first) >= 0.95
    wrong = (duplicates.kind[again] != KEPT) & (duplicates.canonical[again] != first)
    assert not wrong.any()
    assert np.all(duplicates.kind[again][duplicates.kind[again] != KEPT] == NEAR)


def test_forms_of_one_printing_with_other_entries_are_not_merged() -> None:
    rng = random.Random(2)
    questions = [" ".join(rng.choices(MACHINE.split(), k=6)) for _ in range(25)]
    forms = [["\n".join(f"{question}: {_prose(rng, 8)}" for question in questions)] for _ in range(200)]
    assert not np.any(_duplicates(forms).kind)


def test_letters_with_one_letterhead_are_not_merged() -> None:
    rng = random.Random(3)
    letters = [[f"{HARBOUR[:200]}\n\n{_prose(rng, 120)}\n\n{SOIL[:150]}"] for _ in range(100)]
    assert not np.any(_duplicates(letters).kind)


def test_forms_that_differ_in_a_name_alone_are_near() -> None:
    forms = [[f"{SOIL} Signed by {name}."] for name in ("Alma Berg", "Otto Lind")]
    duplicates = _duplicates(forms)
    assert duplicates.kind.tolist() == [KEPT, NEAR]
    assert 0.9 < duplicates.similarity[1] < 1.0


@pytest.mark.corpus
def test_real_texts_read_twice_are_found_and_real_texts_are_not_merged(corpus_dir: Path) -> None:
    pages = [page for path in sorted(corpus_dir.rglob("*.gt.*")) for page in path.read_text("utf-8", "replace").split("\f")]
    rng = random.Random(4)
    texts = list({page: None for page in pages if len(page) > 1500})[:120]
    duplicates = _duplicates([[text] for text in texts] + [[misread(text, 0.01, rng)] for text in texts])
    first, again = np.arange(len(texts)), np.arange(len(texts), 2 * len(texts))
    unmerged = np.flatnonzero(duplicates.kind[first] == KEPT)
    assert len(unmerged) >= 0.97 * len(texts)
    assert np.mean(duplicates.canonical[again[unmerged]] == first[unmerged]) >= 0.97
