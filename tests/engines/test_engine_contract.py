"""One suite for every engine: what `interfaces.Engine` promises, whatever the engine reads with."""

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.config import PpocrConfig, ScriptedConfig, TurnRung
from pipeline.config.engines import ENGINE_SECTIONS
from pipeline.engines import ENGINES, open_engine
from pipeline.engines.ladder.engine import LadderEngine
from pipeline.engines.ppocr.engine import PpocrEngine
from pipeline.errors import EngineError
from pipeline.interfaces import Engine
from pipeline.records import PageFacts, PageText
from tests.engines.contract import *  # noqa: F403  every test of the contract, run here with the fixture below
from tests.engines.contract import small_pages
from tests.engines.pages import page_image


class FindsNoFault:
    """An assessor to whom every reading is good."""

    def reasons_against(self, facts: PageFacts, page: PageText) -> tuple[str, ...]:
        return ()

    def loop_start(self, text: str) -> int | None:
        return None

    def trusts_layer(self, facts: PageFacts) -> bool:
        return False


@pytest.fixture(params=["ppocr", "scripted", "ladder"])
def engine(request: pytest.FixtureRequest, ppocr: PpocrEngine) -> Engine:
    if request.param == "ladder":
        return LadderEngine(open_engine(ScriptedConfig()), [TurnRung(name="turned")], FindsNoFault(), open_engine=open_engine)
    return ppocr if request.param == "ppocr" else open_engine(ScriptedConfig())


def test_every_engine_of_the_config_can_be_opened_by_name() -> None:
    assert set(ENGINES) == set(ENGINE_SECTIONS)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((0, 7, 1), np.uint8), np.zeros((40, 40, 4), np.uint8), np.zeros((40, 40, 1), np.float32)],
    ids=["no_pixels", "four_channels", "floats"],
)
def test_a_page_that_cannot_be_read_fails_alone(ppocr: PpocrEngine, prose_grey: npt.NDArray[np.uint8], pixels: object) -> None:
    good, bad = page_image(prose_grey, "good"), page_image(np.asarray(pixels), "bad")
    answers = {answer.page_id.doc_id: answer for answer in ppocr.recognize([bad, good])}
    assert (answers["bad"].status, answers["bad"].text) == ("failed", "")
    assert "uint8" in answers["bad"].error
    assert answers["good"].status == "ok"
    assert "miller" in answers["good"].text


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((1, 1), 255, np.uint8),
        np.zeros((300, 200), np.uint8),
        np.full((300, 200), 255, np.uint8),
        np.full((3, 4000), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (400, 300), np.uint8),
    ],
    ids=["one_pixel", "black", "white", "hair", "noise"],
)
def test_an_odd_page_is_answered_and_never_kills(ppocr: PpocrEngine, pixels: npt.NDArray[np.uint8]) -> None:
    (answer,) = ppocr.recognize([page_image(pixels)])
    assert (answer.status, answer.error) == ("ok", "")
    assert len(answer.text) < 40


def test_a_scripted_failure_is_data_and_depends_on_the_page_alone(prose_grey: npt.NDArray[np.uint8]) -> None:
    def failed() -> set[int]:
        engine = open_engine(ScriptedConfig(fail_every=3))
        return {a.page_id.page_index for a in engine.recognize(small_pages(prose_grey, 60)) if a.status == "failed"}

    assert failed() == failed()
    assert 8 <= len(failed()) <= 35


def test_a_closed_engine_says_so(prose_grey: npt.NDArray[np.uint8]) -> None:
    for config in (PpocrConfig(scripts=("latin",)), ScriptedConfig()):
        engine = open_engine(config)
        engine.close()
        with pytest.raises(EngineError, match="closed"):
            list(engine.recognize(small_pages(prose_grey, 1)))
