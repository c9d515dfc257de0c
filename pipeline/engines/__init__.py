"""Engines: pixels to text. A PageImage comes in, one PageText goes out; the choice is a config, and opening one is a function.

Importing this room costs nothing: an engine's libraries are imported when that engine is opened.
"""

from collections.abc import Callable, Mapping

from pipeline.config import EngineConfig, PpocrConfig, ScriptedConfig
from pipeline.errors import EngineError
from pipeline.interfaces import Engine


def open_engine(config: EngineConfig) -> Engine:
    """Opens the configured engine in this process. Raises EngineError when its libraries or weights are not there."""
    return ENGINES[config.name](config)


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


ENGINES: Mapping[str, Callable[[EngineConfig], Engine]] = {"ppocr": _open_ppocr, "scripted": _open_scripted}
