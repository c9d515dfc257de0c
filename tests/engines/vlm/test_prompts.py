"""Prompts, byte for byte: the numbers are sha256 of the strings in the sources that the module names."""

import hashlib

from pipeline.engines.vlm.prompts import DEEPSEEK_PROMPTS, OLMOCR_INSTRUCTION, OLMOCR_PROMPT


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_deepseeks_prompts_have_one_image_no_space_at_the_end_and_the_reference_wording() -> None:
    assert DEEPSEEK_PROMPTS["grounded"] == "<image>\n<|grounding|>Convert the document to markdown."
    assert DEEPSEEK_PROMPTS["plain"] == "<image>\nFree OCR."


def test_olmocrs_instruction_is_the_one_its_pipeline_sends() -> None:
    assert sha256(OLMOCR_INSTRUCTION) == "c12f21aca8c6c5599cea6176edd974b7ea6a05cf451497abd6370dd449db3979"


def test_olmocrs_raw_prompt_puts_one_image_after_the_text_and_begins_the_answer() -> None:
    before, after = OLMOCR_PROMPT.split("<|vision_start|><|image_pad|><|vision_end|>")
    assert before.endswith(f"<|im_start|>user\n{OLMOCR_INSTRUCTION}")
    assert after == "<|im_end|>\n<|im_start|>assistant\n"
