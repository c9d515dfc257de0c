"""A vLLM plug-in of the tests: puts the classes with small towers under the names that Pagemill's engines ask for.

So everything else in the process is the shipped code. Pagemill's own plug-in leaves a name that is taken alone, so it does
not matter which of the two is loaded first.
"""

SAM_DIM = 64
SAM_MLP_DIM = 128
ENCODER_DIM = 128
"""Of the second model's Qwen2 encoder, and so of what its projector reads."""
CLIP_MLP_DIM = 256


def register() -> None:
    from vllm import ModelRegistry

    ModelRegistry.register_model("PagemillDeepseekOCRForCausalLM", "tiny_towers:TinyDeepseekOCR")
    ModelRegistry.register_model("PagemillDeepseekOCR2ForCausalLM", "tiny_towers:TinyDeepseekOCR2")
