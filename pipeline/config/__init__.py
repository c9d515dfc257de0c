"""BuildConfig and its parts: plain YAML values in, frozen typed values out; an unknown key is refused with its path.

A config travels to the workers and an engine is opened where it runs, so everything here is plain data. It reads no
environment variable and opens nothing. What changes a page's text is the *recipe* (see `builds.recipe`): `render`, `engine`
(but not its workers and threads), `ladder` and `cleaning`. Rules, shard sizes and addresses may change without reading a
page again.

    values.py    what every section is made of
    addresses.py addresses and keys that carry a secret, refused
    build.py     BuildConfig, and the sections that are no engine's
    engines.py   one section for each engine
    vlm.py       the sections of the engines that are vision-language models
    images.py    page images that are kept
    ladder.py    what is tried when a page was read badly
    rules.py     thresholds
    gates.py     what keeps a version from its readers
    prices.py    what an hour of the machines costs
    load.py      YAML to a BuildConfig
"""

from pipeline.config.build import (
    BuildConfig,
    CleaningConfig,
    DedupConfig,
    LeaseConfig,
    OutputConfig,
    PlanConfig,
    PublishConfig,
    RenderConfig,
    RetryConfig,
    StoreConfig,
)
from pipeline.config.engines import (
    DeepseekOcr2Config,
    DeepseekOcrConfig,
    EngineConfig,
    OlmocrConfig,
    PpocrConfig,
    ScriptedConfig,
)
from pipeline.config.gates import GatesConfig
from pipeline.config.images import ImagesConfig
from pipeline.config.ladder import (
    CutRung,
    EngineRung,
    HalvesRung,
    RereadRung,
    Rung,
    TextLayerRung,
    TurnRung,
)
from pipeline.config.load import load_config, load_rules, parse_config, with_setting
from pipeline.config.prices import PricesConfig
from pipeline.config.rules import DocumentRules, PageRules, RulesConfig
from pipeline.config.vlm import Mode, ModePolicy, NgramLimit, Prompt, RepetitionStop, Serving, VlmConfig

__all__ = [
    "BuildConfig",
    "CleaningConfig",
    "CutRung",
    "DedupConfig",
    "DeepseekOcr2Config",
    "DeepseekOcrConfig",
    "DocumentRules",
    "EngineConfig",
    "EngineRung",
    "GatesConfig",
    "HalvesRung",
    "ImagesConfig",
    "LeaseConfig",
    "Mode",
    "ModePolicy",
    "NgramLimit",
    "OlmocrConfig",
    "OutputConfig",
    "PageRules",
    "PlanConfig",
    "PpocrConfig",
    "PricesConfig",
    "Prompt",
    "PublishConfig",
    "RenderConfig",
    "RepetitionStop",
    "RereadRung",
    "RetryConfig",
    "RulesConfig",
    "Rung",
    "ScriptedConfig",
    "Serving",
    "StoreConfig",
    "TextLayerRung",
    "TurnRung",
    "VlmConfig",
    "load_config",
    "load_rules",
    "parse_config",
    "with_setting",
]
