"""Engines opened once per session, and a page for them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.config import PpocrConfig
from pipeline.engines.ppocr.engine import PpocrEngine
from tests.engines.pages import PROSE, draw_grey, write_lines


@pytest.fixture(scope="session")
def prose_grey() -> npt.NDArray[np.uint8]:
    return draw_grey(lambda page: write_lines(page, PROSE), height_pt=200.0)


@pytest.fixture(scope="session")
def ppocr() -> Iterator[PpocrEngine]:
    engine = PpocrEngine(PpocrConfig(window_pages=4))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def ppocr_latin() -> Iterator[PpocrEngine]:
    engine = PpocrEngine(PpocrConfig(scripts=("latin",), window_pages=4))
    yield engine
    engine.close()
