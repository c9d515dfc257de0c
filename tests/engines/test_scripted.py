from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import RereadRung, ScriptedConfig
from pipeline.engines.scripted import LOOP_REPEATS, ScriptedEngine
from pipeline.records import PageId, PageImage
from tests.engines.pages import page_image

WHITE = np.full((10, 10), 255, np.uint8)


def pages(num_pages: int, layer_text: str = "") -> list[PageImage]:
    return [page_image(WHITE, "doc", index, layer_text=layer_text) for index in range(num_pages)]


def test_it_recites_the_text_layer() -> None:
    (answer,) = ScriptedEngine(ScriptedConfig()).recognize(pages(1, "In the beginning"))
    assert (answer.text, answer.status, answer.source) == ("In the beginning", "ok", "ocr")


def test_without_a_text_layer_it_names_the_page() -> None:
    texts = [answer.text for answer in ScriptedEngine(ScriptedConfig()).recognize(pages(2))]
    assert texts == ["This is page 1 of document doc.", "This is page 2 of document doc."]


def test_a_mapping_answers_by_page_and_the_rest_is_recited() -> None:
    engine = ScriptedEngine(ScriptedConfig(), {PageId("doc", 1): "second"})
    assert [answer.text for answer in engine.recognize(pages(2, "layer"))] == ["layer", "second"]


def test_a_function_answers_from_page_and_facts() -> None:
    engine = ScriptedEngine(ScriptedConfig(), lambda page_id, facts: f"{page_id.page_index} {facts.width_px}")
    assert [answer.text for answer in engine.recognize(pages(2))] == ["0 10", "1 10"]


def test_a_script_that_raises_fails_its_page_alone() -> None:
    engine = ScriptedEngine(ScriptedConfig(), lambda page_id, facts: str(1 // page_id.page_index))
    answers = list(engine.recognize(pages(2)))
    assert [answer.status for answer in answers] == ["failed", "ok"]
    assert "ZeroDivisionError" in answers[0].error


def test_a_looped_page_ends_in_many_equal_lines() -> None:
    answers = list(ScriptedEngine(ScriptedConfig(loop_every=1)).recognize(pages(1, "Round and round.\nOnce.")))
    assert answers[0].text.splitlines()[-LOOP_REPEATS:] == ["Round and round."] * LOOP_REPEATS


def test_a_looped_page_was_stopped_and_a_truncated_one_ends_for_want_of_tokens() -> None:
    (looped,) = ScriptedEngine(ScriptedConfig(loop_every=1)).recognize(pages(1, "Round and round."))
    (cut,) = ScriptedEngine(ScriptedConfig(truncate_every=1)).recognize(pages(1, "Half of this"))
    assert (looped.finish_reason, cut.finish_reason, cut.text) == ("repetition", "length", "Half o")


def test_a_share_of_the_pages_heals_when_they_are_read_again_by_page_and_settings_alone() -> None:
    engine = ScriptedEngine(ScriptedConfig(loop_every=1, heal_fraction=0.25))
    before = {answer.page_id: answer for answer in engine.recognize(pages(400))}

    def healed(**settings: object) -> set[int]:
        again = [engine.reread(page, RereadRung(**settings), before[page.page_id]) for page in pages(400)]  # type: ignore[arg-type]
        return {answer.page_id.page_index for answer in again if answer and answer.finish_reason == "stop"}

    wider = healed(name="wider", ngram_window=300)
    assert wider == healed(name="another", ngram_window=300, when=("loop",))
    assert wider != healed(name="wider", ngram_window=400)
    assert 60 <= len(wider) <= 140


def test_a_page_that_is_turned_or_cut_draws_its_fault_again() -> None:
    engine = ScriptedEngine(ScriptedConfig(fail_every=2))
    turned = [replace(page, facts=replace(page.facts, rotation_degrees=90)) for page in pages(60)]
    upright, lying = ([answer.status for answer in engine.recognize(some)] for some in (pages(60), turned))
    assert upright != lying


def test_every_page_takes_its_time() -> None:
    answers = list(ScriptedEngine(ScriptedConfig(seconds_per_page=0.02)).recognize(pages(2)))
    assert all(answer.seconds >= 0.02 for answer in answers)


def test_opening_the_room_imports_no_engine_library(tmp_path: Path) -> None:
    import subprocess
    import sys

    heavy = "{'onnx', 'onnxruntime', 'openvino', 'cv2', 'rapidocr'}"
    code = f"import sys, pipeline.engines; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pages_in_flight_are_read_at_once_each_exactly_once() -> None:
    engine = ScriptedEngine(ScriptedConfig(pages_in_flight=4, seconds_per_page=0.02, seconds_sigma=1.0))
    answers = list(engine.recognize(pages(10)))
    assert sorted(answer.page_id.page_index for answer in answers) == list(range(10))
    assert engine.max_pages_in_flight == 4


def test_a_long_tail_has_the_same_mean_and_the_same_seconds_each_time() -> None:
    config = ScriptedConfig(seconds_per_page=1e-4, seconds_sigma=1.0)
    engines = [ScriptedEngine(config), ScriptedEngine(config)]
    seconds = [[engine._seconds_of(page) for page in pages(4000)] for engine in engines]
    assert seconds[0] == seconds[1]
    assert sum(seconds[0]) / 4000 == pytest.approx(1e-4, rel=0.1)
    assert sorted(seconds[0])[-40] > 4e-4
