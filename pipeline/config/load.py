"""YAML to a BuildConfig; an unknown key is refused with its path and the nearest known one."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from pipeline.config.build import BuildConfig
from pipeline.config.engines import ENGINE_SECTIONS
from pipeline.config.values import Section
from pipeline.errors import ConfigError


def load_config(path: Path, settings: Sequence[str] = ()) -> BuildConfig:
    """Reads a YAML file and lays `settings` ("engine.workers=2", values in YAML) over it. Raises ConfigError."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}; give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping at its top level; see configs/quickstart.yaml for the shape")
    for setting in settings:
        values = with_setting(values, setting)
    return parse_config(values)


def with_setting(values: Mapping[str, object], setting: str) -> dict[str, object]:
    """One "dotted.key=value" laid over plain values, as a new mapping. Raises ConfigError."""
    dotted_key, equals, text = setting.partition("=")
    if not equals or not dotted_key:
        raise ConfigError(f"--set {setting!r} is not KEY=VALUE; for example --set engine.workers=2")
    head, dot, rest = dotted_key.partition(".")
    if not dot:
        return {**values, head: yaml.safe_load(text)}
    inner = values.get(head, {})
    if not isinstance(inner, Mapping):
        raise ConfigError(f"--set {setting!r}: {head} is a value, not a section")
    return {**values, head: with_setting(inner, f"{rest}={text}")}


def parse_config(values: Mapping[str, object]) -> BuildConfig:
    """Plain values to a BuildConfig. Raises ConfigError that names each wrong key by its path."""
    try:
        return BuildConfig.model_validate(values)
    except ValidationError as error:
        problems = [_problem(tuple(p for p in e["loc"]), e["type"], e["msg"]) for e in error.errors()]
        raise ConfigError("; ".join(problems)) from error


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    steps = [str(step) for step in location]
    path = ".".join(step for step in steps if step not in ENGINE_SECTIONS)
    if kind == "extra_forbidden":
        known = sorted(_keys_of(steps[:-1]))
        nearest = difflib.get_close_matches(steps[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known keys here: {', '.join(known)}"
        return f"unknown config key {path!r}; {hint}"
    if kind == "missing":
        return f"config key {path!r} is missing"
    return f"config key {path!r}: {message[0].lower()}{message[1:]}"


def _keys_of(steps: Sequence[str]) -> set[str]:
    section: type[Section] = BuildConfig
    for step in steps:
        annotation = ENGINE_SECTIONS.get(step) or section.model_fields[step].annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            section = annotation
    return set(section.model_fields)
