"""The plug-in names our classes in every process of vLLM, and changes nothing for anyone else."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from pipeline.engines.vlm import plugin

ALONE = {**os.environ, "VLLM_PLUGINS": "pagemill"}
"""Without the plug-in of the tests, which puts small towers under the same names."""


def run(code: str) -> str:
    """Output of a fresh process in which vLLM has loaded its plug-ins, as it does in each of its own."""
    start = "from vllm import ModelRegistry; from vllm.plugins import load_general_plugins; load_general_plugins()\n"
    done = subprocess.run([sys.executable, "-c", start + code], env=ALONE, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_vllm_finds_the_plug_in_by_its_entry_point() -> None:
    assert "pagemill" in {found.name for found in entry_points(group="vllm.general_plugins")}


def test_a_fresh_process_knows_our_classes_and_upstream_s_are_untouched() -> None:
    code = """
import sys
names = [f"{owner}DeepseekOCR{version}ForCausalLM" for owner in ("Pagemill", "") for version in ("", "2")]
places = [ModelRegistry.models[name].module_name for name in names]
print(places, [place for place in places if place in sys.modules])
"""
    ours = "'pipeline.engines.vlm.deepseek_model', 'pipeline.engines.vlm.deepseek2_model'"
    theirs = "'vllm.model_executor.models.deepseek_ocr', 'vllm.model_executor.models.deepseek_ocr2'"
    assert run(code) == f"[{ours}, {theirs}] []"


def test_registering_again_changes_nothing() -> None:
    code = """
from pipeline.engines.vlm.plugin import register
before = dict(ModelRegistry.models)
register()
print(before == ModelRegistry.models)
"""
    assert run(code) == "True"


@pytest.mark.parametrize("architecture", plugin.CLASSES)
def test_a_name_that_is_taken_stays_taken(architecture: str) -> None:
    from vllm import ModelRegistry

    plugin.register()
    assert ModelRegistry.models[architecture].module_name == "tiny_towers"
