"""What a rung changes in the settings that a page is read with, and when there is nothing to change."""

from dataclasses import replace

import numpy as np

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, NgramLimit, OlmocrConfig, RereadRung
from pipeline.engines.vlm.rereading import changed_config
from pipeline.records import PageText
from tests.engines.pages import page_image

CONFIG = DeepseekOcrConfig()
A4 = page_image(np.full((1684, 1190), 255, np.uint8))
READ = PageText(page_id=A4.page_id, text="x", status="ok", engine="deepseek-ocr", engine_version="1", mode="small")


def rung(**changes: object) -> RereadRung:
    return RereadRung.model_validate({"name": "again", **changes})


def test_a_rung_that_names_no_mode_reads_in_the_mode_of_the_reading_before() -> None:
    changed = changed_config(CONFIG, rung(prompt="plain"), A4, READ)
    assert changed == CONFIG.model_copy(update={"prompt": "plain", "mode": "small"})


def test_larger_counts_from_the_mode_that_the_page_was_read_in() -> None:
    modes = [changed_config(CONFIG, rung(mode="larger"), A4, replace(READ, mode=mode)) for mode in ("tiny", "large", "gundam")]
    assert [config and config.mode for config in modes if isinstance(config, DeepseekOcrConfig | None)] == [
        "small",
        "gundam",
        None,
    ]


def test_nothing_is_larger_than_a_reading_of_another_engine() -> None:
    assert changed_config(CONFIG, rung(mode="larger"), A4, replace(READ, engine="ppocr", mode=None)) is None


def test_the_same_settings_are_no_other_reading() -> None:
    assert changed_config(CONFIG, rung(prompt="grounded", mode="small", temperature=0.0), A4, READ) is None


def test_a_wider_window_keeps_the_size_and_the_free_tokens() -> None:
    changed = changed_config(CONFIG, rung(ngram_window=400), A4, READ)
    assert changed is not None
    assert changed.ngram == NgramLimit(size=30, window=400)


def test_the_second_model_goes_from_base_to_gundam_and_no_further() -> None:
    config = DeepseekOcr2Config()
    changed = changed_config(config, rung(mode="larger"), A4, replace(READ, mode="base"))
    assert changed == config.model_copy(update={"mode": "gundam"})
    assert changed_config(config, rung(mode="larger"), A4, replace(READ, mode="gundam")) is None


def test_a_model_without_modes_can_be_read_again_warmer() -> None:
    changed = changed_config(OlmocrConfig(), rung(temperature=0.4), A4, replace(READ, mode=None))
    assert changed == OlmocrConfig(temperature=0.4)
