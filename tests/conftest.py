"""Fixtures that every room shares."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus_dir() -> Path:
    """The shared corpus of real documents beside the checkout; never part of the repository."""
    folder = ROOT.parent / "shared" / "corpus" / "dev"
    if not folder.is_dir():
        pytest.skip("the shared corpus of real documents is not beside this checkout")
    return folder
