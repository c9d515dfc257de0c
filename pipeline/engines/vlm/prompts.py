"""What a model is asked, byte for byte as it was trained: a changed space gives another model.

DeepSeek-OCR and DeepSeek-OCR-2: deepseek-ai/DeepSeek-OCR e4ac34e, `DeepSeek-OCR-master/DeepSeek-OCR-vllm/config.py`, PROMPT and
the commented alternatives; raw, without a chat template, `<image>` where the page goes. (The Transformers example in its README
ends in a space; the vLLM scripts, which we follow, do not.)

olmOCR-2 (allenai/olmOCR-2-7B-1025): allenai/olmocr f7cfe4c22098b154c76b6ec950d1c0a464eecf8d, Apache-2.0,
`build_no_anchoring_v4_yaml_prompt` in `olmocr/prompts/prompts.py`; "LateX" is spelled so there. `build_page_query` in
`olmocr/pipeline.py` sends one user message, first this text, then the image, to a chat endpoint, which adds Qwen2.5-VL's
template.
"""

from collections.abc import Mapping

from pipeline.config.vlm import Prompt

DEEPSEEK_PROMPTS: Mapping[Prompt, str] = {
    "grounded": "<image>\n<|grounding|>Convert the document to markdown.",
    "plain": "<image>\nFree OCR.",
}
"""By the config's name."""

OLMOCR_INSTRUCTION = (
    "Attached is one page of a document that you must process. "
    "Just return the plain text representation of this document as if you were reading it naturally. "
    "Convert equations to LateX and tables to HTML.\n"
    "If there are any figures or charts, label them with the following markdown syntax "
    "![Alt text describing the contents of the figure](page_startx_starty_width_height.png)\n"
    "Return your output as markdown, with a front matter section on top specifying values for the "
    "primary_language, is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
)
"""The user's text."""

OLMOCR_PROMPT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    f"<|im_start|>user\n{OLMOCR_INSTRUCTION}<|vision_start|><|image_pad|><|vision_end|><|im_end|>\n"
    "<|im_start|>assistant\n"
)
"""The same as a raw prompt: the chat template of Qwen/Qwen2.5-VL-7B-Instruct with its default system message, the image after
the text, the answer begun. Compare with `apply_chat_template` of the weights' own processor when the engine starts."""
