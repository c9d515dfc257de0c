"""Fixtures of the suite on the real vLLM: tiny models, pages, and one engine in this process for all tests.

Runs in the environment of `make test-vllm` and nowhere else: without vLLM nothing here is collected.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vllm import LLM

HAS_VLLM = importlib.util.find_spec("vllm") is not None
collect_ignore_glob = [] if HAS_VLLM else ["test_*.py"]

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
"""In-process engine, 1 GiB of key-value cache, nothing sent anywhere. Read by vLLM when it is imported."""
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
    """DeepSeek-OCR as the engine runs it: Pagemill's architecture, caches of pages and prefixes on."""
    from tests.vllm.reading import open_llm

    yield from open_llm(deepseek_model_dir, "PagemillDeepseekOCRForCausalLM")
