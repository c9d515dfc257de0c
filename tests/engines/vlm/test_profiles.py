"""What each model is asked and shown: prompts byte for byte, the page at the size its mode has."""

import numpy as np
import pytest

from pipeline.config import DeepseekOcr2Config, DeepseekOcrConfig, OlmocrConfig, VlmConfig
from pipeline.engines.vlm.profiles import profile_of
from pipeline.errors import EngineError
from tests.engines.pages import page_image

A4 = page_image(np.full((1684, 1190), 255, np.uint8), layer_text="word " * 400)


def test_deepseek_is_asked_in_its_own_words() -> None:
    assert profile_of(DeepseekOcrConfig()).ask(A4).prompt == "<image>\n<|grounding|>Convert the document to markdown."
    assert profile_of(DeepseekOcrConfig(prompt="plain")).ask(A4).prompt == "<image>\nFree OCR."


def test_a_fixed_mode_is_kept_and_its_tokens_are_known_beforehand() -> None:
    question = profile_of(DeepseekOcrConfig(mode="gundam")).ask(A4)
    assert (question.mode, question.vision_tokens, question.image.size) == ("gundam", 903, (1190, 1684))
    assert question.processor_settings == {"base_size": 1024, "image_size": 640, "crop_mode": True}
    assert question.expected_tokens


def test_auto_takes_a_mode_of_the_policy_and_pads_the_page_to_it() -> None:
    config = DeepseekOcrConfig(policy={"modes": ["base"]})  # type: ignore[arg-type]
    question = profile_of(config).ask(A4)
    assert (question.mode, question.vision_tokens, question.image.size) == ("base", 273, (1024, 1024))
    assert question.image.getpixel((0, 0)) == (127, 127, 127)


def test_the_self_test_has_a_page_for_every_mode_that_may_be_chosen() -> None:
    assert profile_of(DeepseekOcrConfig()).modes == ("tiny", "small", "base", "large", "gundam")
    assert profile_of(DeepseekOcr2Config()).modes == ("base", "gundam")
    assert profile_of(DeepseekOcrConfig(mode="tiny")).modes == ("tiny",)


def test_the_second_family_sees_the_page_at_its_own_size() -> None:
    question = profile_of(OlmocrConfig()).ask(A4)
    assert max(question.image.size) == 1288
    assert question.image.mode == "RGB"
    assert question.prompt.count("<|image_pad|>") == 1


def test_the_ngram_limit_is_loaded_only_where_it_is_on() -> None:
    assert profile_of(DeepseekOcrConfig()).logits_processors
    assert not profile_of(DeepseekOcrConfig(ngram=None)).logits_processors
    assert not profile_of(OlmocrConfig()).logits_processors


def test_a_config_without_a_profile_is_refused() -> None:
    with pytest.raises(EngineError, match="no profile reads with a VlmConfig"):
        profile_of(VlmConfig(model="somebody/else"))
