"""A store for the tests of histories."""

import pytest

from tests.builds.memory_store import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()
