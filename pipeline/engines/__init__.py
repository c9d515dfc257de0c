"""Engines: pixels to text. A PageImage comes in, one PageText goes out; the choice is a config, and opening one is a function.

Importing this room costs nothing: an engine's libraries are imported when that engine is opened.
"""

from collections.abc import Callable, Mapping

from pipeline.config import EngineConfig, PpocrConfig, ScriptedConfig, VlmConfig
from pipeline.errors import EngineError
from pipeline.interfaces import Engine


def open_engine(config: EngineConfig) -> Engine:
    """Opens the configured engine in this process. Raises EngineError when its libraries or weights are not there."""
    return ENGINES[config.name](config)


def engine_environment(config: EngineConfig) -> dict[str, str]:
    """Variables that a process must be started with to open this engine; {} for an engine that needs none."""
    if not isinstance(config, VlmConfig):
        return {}
    from pipeline.engines.vlm.versions import environment

    return environment(config)


def _open_ppocr(config: EngineConfig) -> Engine:
    if not isinstance(config, PpocrConfig):
        raise EngineError(f"the ppocr engine needs a PpocrConfig, not {type(config).__name__}")
    from pipeline.engines.ppocr.engine import PpocrEngine

    return PpocrEngine(config)


def _open_scripted(config: EngineConfig) -> Engine:
    if not isinstance(config, ScriptedConfig):
        raise EngineError(f"the scripted engine needs a ScriptedConfig, not {type(config).__name__}")
    from pipeline.engines.scripted import ScriptedEngine

    return ScriptedEngine(config)


def _open_vlm(config: EngineConfig) -> Engine:
    if not isinstance(config, VlmConfig):
        raise EngineError(f"a vision-language engine needs a VlmConfig, not {type(config).__name__}")
    try:
        from pipeline.engines.vlm.engine import VlmEngine
    except ImportError as error:
        raise EngineError(
            f"the engine {config.name} needs vLLM, which cannot be imported here ({error}); see 'On a GPU' in the README"
        ) from error
    return VlmEngine(config, name=config.name)


ENGINES: Mapping[str, Callable[[EngineConfig], Engine]] = {
    "ppocr": _open_ppocr,
    "scripted": _open_scripted,
    "deepseek-ocr": _open_vlm,
    "deepseek-ocr-2": _open_vlm,
    "olmocr-2": _open_vlm,
}
