"""vLLM's plug-in (entry point group `vllm.general_plugins`): names Pagemill's subclasses of the DeepSeek-OCR models.

vLLM calls `register` in each of its processes: front end, engine core, workers, and the child that inspects a model class.
The names are our own, so another user of vLLM in the same environment gets upstream's models as before; an engine asks for
ours with `hf_overrides={"architectures": [...]}`. Nothing is imported until vLLM loads a class by its "module:Class".
Costs a process of vLLM 40 ms, once (the import of this room); measured.
"""

from collections.abc import Mapping

DEEPSEEK_OCR = "PagemillDeepseekOCRForCausalLM"
DEEPSEEK_OCR_2 = "PagemillDeepseekOCR2ForCausalLM"
CLASSES: Mapping[str, str] = {
    DEEPSEEK_OCR: f"pipeline.engines.vlm.deepseek_model:{DEEPSEEK_OCR}",
    DEEPSEEK_OCR_2: f"pipeline.engines.vlm.deepseek2_model:{DEEPSEEK_OCR_2}",
}
"""Architecture to the place of its class."""


def register() -> None:
    """Names each architecture that has no class yet; calling it again changes nothing."""
    from vllm import ModelRegistry

    taken = ModelRegistry.get_supported_archs()
    for architecture, place in CLASSES.items():
        if architecture not in taken:
            ModelRegistry.register_model(architecture, place)
