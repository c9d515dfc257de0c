"""Fixtures of the suite on the real vLLM: tiny models, pages, and one engine in this process for all tests.

Runs in the environment of `make test-vllm` and nowhere else: without vLLM nothing here is collected.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.config import DeepseekOcrConfig
from pipeline.engines.vlm import plugin
from pipeline.engines.vlm.versions import environment

if TYPE_CHECKING:
    from vllm import LLM

HAS_VLLM = importlib.util.find_spec("vllm") is not None
collect_ignore_glob = [] if HAS_VLLM else ["test_*.py"]

ENVIRONMENT = environment(DeepseekOcrConfig(gpus=0, cpus=1)) | {"HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
"""What a worker on the CPU is started with; the models here are folders. vLLM reads it when it is imported."""
if HAS_VLLM:
    os.environ.update(ENVIRONMENT)


def pytest_configure(config: pytest.Config) -> None:
    """vLLM, torch and transformers warn of their own deprecations; in this environment warnings are not errors."""
    if HAS_VLLM:
        config.addinivalue_line("filterwarnings", "default")


@pytest.fixture(scope="session")
def deepseek_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DeepSeek-OCR with random weights."""
    from tests.vllm.tiny_models import write_deepseek

    return write_deepseek(tmp_path_factory.mktemp("deepseek-ocr"))


@pytest.fixture(scope="session")
def deepseek2_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DeepSeek-OCR-2 with random weights."""
    from tests.vllm.tiny_models import write_deepseek2

    return write_deepseek2(tmp_path_factory.mktemp("deepseek-ocr-2"))


@pytest.fixture(scope="session")
def qwen_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2.5-VL with random weights."""
    from tests.vllm.tiny_models import write_qwen

    return write_qwen(tmp_path_factory.mktemp("qwen2.5-vl"))


@pytest.fixture(scope="session")
def deepseek_llm(deepseek_model_dir: Path) -> "Iterator[LLM]":
    """DeepSeek-OCR as Pagemill runs it: our architecture, our n-gram processor, no cache of images (no page comes twice)."""
    from tests.vllm.reading import open_llm

    own = "pipeline.engines.vlm.ngram_processor:NgramProcessor"
    uncached = {"enable_prefix_caching": False, "mm_processor_cache_gb": 0}
    with open_llm(deepseek_model_dir, plugin.DEEPSEEK_OCR, logits_processors=[own], **uncached) as llm:
        yield llm


@pytest.fixture(scope="session")
def stock_llm(deepseek_model_dir: Path) -> "Iterator[LLM]":
    """The same model with vLLM's own n-gram processor and all its caches: what `deepseek_llm` is held against."""
    from tests.vllm.reading import open_llm

    stock = "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor"
    with open_llm(deepseek_model_dir, plugin.DEEPSEEK_OCR, logits_processors=[stock]) as llm:
        yield llm


@pytest.fixture(scope="session")
def deepseek2_llm(deepseek2_model_dir: Path) -> "Iterator[LLM]":
    """DeepSeek-OCR-2 under our architecture."""
    from tests.vllm.reading import open_llm

    with open_llm(deepseek2_model_dir, plugin.DEEPSEEK_OCR_2, mm_processor_cache_gb=0) as llm:
        yield llm


@pytest.fixture(scope="session")
def qwen_llm(qwen_model_dir: Path) -> "Iterator[LLM]":
    """Qwen2.5-VL as vLLM has it, with the plug-in loaded beside it."""
    from tests.vllm.reading import open_llm

    with open_llm(qwen_model_dir, mm_processor_cache_gb=0) as llm:
        yield llm
